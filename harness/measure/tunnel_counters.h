// What a tunnel of ours says of itself when asked by SIGUSR1 (tunnel/control.c): one line of JSON
// with the offloads in effect and its counters.
#ifndef WGBENCH_MEASURE_TUNNEL_COUNTERS_H
#define WGBENCH_MEASURE_TUNNEL_COUNTERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

// The first whole line of `text` as a new object {"offloads": {}, "counters": {}}; NULL: not whole
// yet, or not of this shape (an older revision's has counters only).
json_t *tunnel_status_parse(const char *text);

// Whether the offloads in effect of one end differ between `usual` (an "offloads" object), `before`
// and `after`, or changed meanwhile and are as they were: then `reason` says which and how. Nothing
// changes where any of the three is NULL.
bool tunnel_status_changed(const json_t *usual, const json_t *before, const json_t *after,
                           char *reason, size_t bytes);

// One end's work in between, for a trial's environment{}: "counters" {name: difference},
// "per_packet" {system calls per packet: tun_reads and udp_sends of those sent, tun_writes and
// udp_receives of those received, epoll_waits of both}, "packets_per_batch" {tx, rx}, and the
// "offloads" after it; counters that only one of both has and quotients by zero are
// left out. A new object; NULL where either is NULL or a
// counter ran backwards.
json_t *tunnel_status_difference(const json_t *before, const json_t *after);

#endif
