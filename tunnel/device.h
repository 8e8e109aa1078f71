// The interface: everything that a tunnel has one of.
#ifndef WGBENCH_DEVICE_H
#define WGBENCH_DEVICE_H

#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include "tunnel/control.h"
#include "tunnel/clock.h"
#include "tunnel/handshake.h"
#include "tunnel/path.h"
#include "tunnel/peer.h"
#include "tunnel/switches.h"
#include "tunnel/tun.h"
#include "tunnel/udp.h"
#include "variants/hashtable/hashtable.h"

// What the path drops and counts, by reason; shown by SIGUSR1 and at exit in the foreground.
// clang-format off
#define DEVICE_COUNTERS(X) \
	X(tun_reads) X(tun_writes) X(udp_receives) X(udp_sends) X(epoll_waits) X(offload_changes) X(route_lookups) \
	X(tx_batches) X(tx_packets) X(rx_batches) X(rx_packets) X(rx_ce_ignored) \
	X(aqm_marks) X(drop_tx_aqm) X(drop_tx_invalid) X(drop_tx_no_peer) X(drop_tx_no_endpoint) X(icmp_errors) \
	X(drop_tx_loop) X(drop_tx_staged) X(drop_tx_lane) X(drop_tx_send) \
	X(drop_rx_malformed) X(drop_rx_index) X(drop_rx_expired) X(drop_rx_lane) \
	X(drop_rx_authentication) X(drop_rx_replay) X(drop_rx_invalid) X(drop_rx_allowed_ips) \
	X(drop_rx_tun) X(drop_handshake_queue) X(drop_handshake_limit) X(drop_memory)
// clang-format on

// A shard: threads count in different ones, so that they don't contend for cache lines.
struct device_counters {
#define X(name) atomic_uint_fast64_t name;
	DEVICE_COUNTERS(X)
#undef X
} __attribute__((aligned(64)));

enum { DEVICE_COUNTER_SHARDS = 64 };

// The calling thread's.
extern _Thread_local unsigned device_shard;

#define device_count(device, name, n)                                                              \
	atomic_fetch_add_explicit(&(device)->counters[device_shard].name, (n), memory_order_relaxed)

// The sum over all threads.
#define device_counted(device, name)                                                               \
	device_sum_counters(device, offsetof(struct device_counters, name))

// An entry of the table from receiver index to the one that answers to it.
struct index_entry {
	struct hashtable_node by_index;
	uint32_t index;
	struct peer *peer;
	struct keypair *keypair; // NULL: a handshake under way
};

struct device {
	char name[IFNAMSIZ];
	struct switches switches;
	struct noise_identity identity;
	struct cookie_checker cookie_checker;
	struct handshake_load load;
	uint16_t listen_port; // as asked for or bound
	uint32_t fwmark;
	bool up; // the link is up and sockets are open: the path runs
	// While the link is up and its port isn't to be had: when that is tried again (0: never),
	// and how long after the attempt before.
	uint64_t listen_again_at;
	uint64_t listen_again_ns;

	// Held shared by whoever moves packets, for one batch at a time; exclusively by the control
	// thread for each change of what the path reads. A waiting writer goes first.
	pthread_rwlock_t path_lock;
	struct allowedips *allowed_ips;
	struct peer *peers;
	size_t peer_count;
	uint8_t key_seed[HASHTABLE_SEED_BYTES];
	struct hashtable *by_key; // the control thread's alone
	struct hashtable *by_index;
	struct tun tun;
	struct udp udp;
	struct workers *workers;

	struct control control;
	struct device_counters counters[DEVICE_COUNTER_SHARDS];

	struct path *paths; // one for each queue
	unsigned queues;    // at least 1; fixed from device_new() on
	atomic_bool stopping;
	atomic_uint buffers;        // that exist
	atomic_uint batches;        // likewise
	atomic_uint batches_staged; // of them, waiting for a key pair
};

// Makes the TUN, tables, workers and control structures; no queue's thread runs yet. sysfs: of
// tun_sysfs(), or -1. 0 or -errno after a printed line.
int device_new(struct device **, const char *name, const struct switches *, int sysfs);
// The same without the TUN (as many queues as wanted): no root, no traffic.
int device_create(struct device **, const char *name, const struct switches *);
// Starts the queues' threads. 0 or -errno after a printed line.
int device_start(struct device *);
// Stops the threads, wipes keys, closes and frees everything.
void device_free(struct device *);

// The link went up (opens the sockets, sends persistent keepalives; what keeps it from that is
// printed, and the timers call it again) or down (closes them, drops sessions). 0 or -errno.
int device_up(struct device *);
int device_down(struct device *);
// The link is up, with sockets or without.
bool device_link_is_up(const struct device *);
// Opens the sockets, or others, on `port` and goes on from there. On failure all stays as it was. 0
// or -errno. Control thread, path excluded.
int device_listen(struct device *, uint16_t port, uint32_t fwmark);

// Sets the private key (all zero: none), recomputes every peer's static-static, drops all
// sessions, and removes a peer that has our own public key. With a key, what waited for one
// follows.
void device_set_private_key(struct device *, const uint8_t private_key[NOISE_KEY_BYTES]);

// The path bracket, shared and exclusive.
void path_enter(struct device *);
void path_leave(struct device *);
void path_lock_exclusive(struct device *);
void path_unlock_exclusive(struct device *);

// From the current thread on, counts are in the next shard, round robin.
void device_take_shard(void);
uint64_t device_sum_counters(const struct device *, size_t offset);

// Make the tables, of keys (peer.c) and of indices (index.c), by the device's seed. 0 or -ENOMEM.
int peer_table_new(struct device *);
int index_table_new(struct device *);

// The table of receiver indices; changes need the path exclusively.
// Finds a random free index and enters it. NULL when out of memory.
struct index_entry *index_new(struct device *, struct peer *);
// Shared or exclusive. NULL: none.
struct index_entry *index_lookup(struct device *, uint32_t index);
// No-op for an index that isn't there.
void index_remove(struct device *, uint32_t index);

#endif
