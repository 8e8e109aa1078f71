// Many senders: a range of addresses that the left side of a pair may send from and receive at,
// and, on the right side, a socket that discards what they send to it.
#ifndef WGBENCH_NETNS_SOURCES_H
#define WGBENCH_NETNS_SOURCES_H

#include <stdbool.h>

struct netns_pair;
struct text;

enum { NETNS_SOURCES = 65536 }; // IPv4: addresses; IPv6: networks of 64 bits

struct netns_sources {
	const struct netns_pair *pair; // NULL: not there
	bool ipv6;
	const char *first; // of the range
	int sink;          // the socket
	char address[64];  // where it is, as ADDRESS:PORT or [ADDRESS]:PORT
};

// 0; -errno with the reason, in one line, in the fault, and nothing left.
int netns_sources_open(struct netns_sources *, const struct netns_pair *, bool ipv6,
                       struct text *fault);
void netns_sources_close(struct netns_sources *);

#endif
