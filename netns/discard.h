// An interface of a test network that discards what is sent into it, at the cost that a packet has
// for its sender where a tunnel's own TUN is full and drops it.
#ifndef WGBENCH_NETNS_DISCARD_H
#define WGBENCH_NETNS_DISCARD_H

struct netns_pair;
struct text;

struct netns_discard {
	int fd;
	char address[2][40]; // IPv4, IPv6: what is sent there is discarded
};

// Makes it on the pair's left side, there until it is closed. 0; -errno with the reason, in one
// line, in the fault, and nothing left.
int netns_discard_open(struct netns_discard *, const struct netns_pair *, struct text *fault);
void netns_discard_close(struct netns_discard *);

#endif
