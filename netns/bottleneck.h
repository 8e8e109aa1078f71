// A bottleneck for what the left side of a pair sends to the right one: a token bucket (TBF) with a
// bounded queue, on the sending host's own interface or where it comes in at the other host.
#ifndef WGBENCH_NETNS_BOTTLENECK_H
#define WGBENCH_NETNS_BOTTLENECK_H

#include <stdbool.h>

struct netns_pair;
struct text;

struct netns_bottleneck {
	const struct netns_pair *pair; // NULL: there is none
	bool far;
	unsigned made; // steps
	unsigned long long bytes_per_s, burst_bytes, limit_bytes;
};

// What it has done so far. Of packets that were sent as one (UDP_SEGMENT) each counts as sent, but
// together they are one drop.
struct netns_bottleneck_counters {
	unsigned long long sent_bytes, sent_packets, drops;
	unsigned long long backlog_bytes; // that wait now
	unsigned long long ns;            // CLOCK_MONOTONIC, when they were read
};

// Makes it, there until it is closed, of `mbit_per_s` (outer packets with their Ethernet headers)
// and a queue of `limit_ms` at that rate, at least one of the largest packets. `far`: where
// it comes in at the other host. 0; -errno with the reason, in one line that names what
// this kernel lacks, in the fault, and nothing left.
int netns_bottleneck_open(struct netns_bottleneck *, const struct netns_pair *, long mbit_per_s,
                          long limit_ms, bool far, struct text *fault);

// 0 or -errno.
int netns_bottleneck_count(const struct netns_bottleneck *, struct netns_bottleneck_counters *);

// Removes what was made, if anything, also while a signal asks to stop.
void netns_bottleneck_close(struct netns_bottleneck *);

#endif
