// What can be tested of ping's output without a network.
#ifndef WGBENCH_WORKLOADS_PING_H
#define WGBENCH_WORKLOADS_PING_H

#include <stddef.h>
#include <sys/types.h>

// The round-trip times, µs, of ping's reply lines, in order, at most `max`. How many; -EPROTO where
// a whole line's time isn't a number over 0, as that of a clock that was set back.
ssize_t ping_parse(const char *text, double *rtt_us, size_t max);

#endif
