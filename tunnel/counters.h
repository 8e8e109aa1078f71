// What the path drops and counts, by reason; shown by SIGUSR1 and at exit in the foreground.
#ifndef WGBENCH_COUNTERS_H
#define WGBENCH_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// clang-format off
#define COUNTERS(X) \
	X(tun_reads) X(tun_writes) X(udp_receives) X(udp_sends) X(epoll_waits) X(offload_changes) X(route_lookups) \
	X(tx_batches) X(tx_packets) X(rx_batches) X(rx_packets) X(rx_ce_ignored) \
	X(aqm_marks) X(drop_tx_aqm) X(drop_tx_invalid) X(drop_tx_no_peer) X(drop_tx_no_endpoint) X(icmp_errors) \
	X(drop_tx_loop) X(drop_tx_staged) X(drop_tx_lane) X(drop_tx_send) \
	X(drop_rx_malformed) X(drop_rx_index) X(drop_rx_expired) X(drop_rx_lane) \
	X(drop_rx_authentication) X(drop_rx_replay) X(drop_rx_invalid) X(drop_rx_allowed_ips) \
	X(drop_rx_tun) X(drop_handshake_queue) X(drop_handshake_limit) X(drop_memory)
// clang-format on

enum { COUNTERS_SHARDS = 64 };

struct counters {
	// Threads count in different ones, so that they don't contend for cache lines.
	struct counters_shard {
#define X(name) atomic_uint_fast64_t name;
		COUNTERS(X)
#undef X
	} __attribute__((aligned(64))) shard[COUNTERS_SHARDS];
};

// The calling thread's shard.
extern _Thread_local unsigned counters_own;

#define counters_add(counters, name, n)                                                            \
	atomic_fetch_add_explicit(&(counters)->shard[counters_own].name, (n), memory_order_relaxed)

// The sum over all threads.
#define counters_sum(counters, name)                                                               \
	counters_sum_at(counters, offsetof(struct counters_shard, name))

// From the current thread on, counts are in the next shard, round robin.
void counters_take_shard(void);
uint64_t counters_sum_at(const struct counters *, size_t offset);

#endif
