// A peer.
//
// Who may touch what: the control thread alone changes configuration, handshakes, key pairs and
// timers' heap. What the data path reads of them (key pairs, tables, sockets) changes only while
// the control thread holds the path lock exclusively (lock.h); what the data path writes
// (counters, timestamps, the endpoint) is atomic or under its own lock.
#ifndef WGBENCH_PEER_H
#define WGBENCH_PEER_H

#include <pthread.h>
#include <stdatomic.h>
#include "tunnel/cookie.h"
#include "tunnel/endpoint.h"
#include "tunnel/feature.h"
#include "tunnel/noise.h"
#include "variants/allowedips/allowedips.h"
#include "variants/hashtable/hashtable.h"

struct batch;
struct counters;
struct device;
struct keypair;
struct lanes;
struct mailbox;
struct timers;

struct peer {
	struct device *device;
	struct counters *counters;
	struct mailbox *mailbox; // for its events
	struct timers *timers;
	atomic_uint references;
	struct peer *next, *previous; // the device's list
	struct peer *older;           // of the same key, which the table doesn't show; or NULL
	struct allowedips_owner allowed_ips;

	// The data path's.
	struct keypair *current, *previous_keypair, *next_keypair;
	struct lanes *lanes;           // of each queue; NULL until there is a session
	pthread_mutex_t endpoint_lock; // of the endpoint; taken once a batch
	struct endpoint endpoint;
	struct feature segment; // UDP_SEGMENT towards it
	pthread_mutex_t staged_lock;
	struct batch *staged_first, **staged_last; // waiting for a key pair
	atomic_uint staged_packets;                // in them; not above STAGING_PACKETS_MAX
	atomic_uint_fast64_t rx_bytes, tx_bytes;
	atomic_uint_fast64_t rx_packets, tx_packets;
	atomic_uint events; // posted to the control thread and not yet handled: enum peer_event
	struct peer *next_event;

	// The control thread's.
	struct hashtable_node by_key; // its key is the handshake's remote_static
	struct noise_handshake handshake;
	struct cookie_peer cookie;
	atomic_uint_fast64_t last_initiation_sent_ns; // 0: never; the path reads it
	uint64_t stamped_ns; // CLOCK_REALTIME, of the last initiation sent; 0: none
	uint64_t last_initiation_accepted_ns;   // 0: never
	atomic_uint_fast64_t handshake_wall_ns; // of the last finished one, CLOCK_REALTIME; 0: none
	atomic_uint handshake_attempts;         // retries so far; the path reads it
	// An initiation is wanted and can't leave yet: there is no private key, no endpoint, or no
	// way to it. What arrives in its place posts PEER_EVENT_RESUME.
	atomic_bool handshake_waits;
	bool removed;

	// Timers: deadlines in clock_now_ns(), 0: not set. The data path sets the first three.
	atomic_uint_fast64_t keepalive_at;     // after data received, unless something is sent
	atomic_bool keepalive_again;           // more data came in the meantime
	atomic_uint_fast64_t new_handshake_at; // after data sent, unless something is received
	atomic_uint_fast64_t
	    last_traversal_ns;         // of any authenticated packet, for the persistent one
	atomic_uint_fast64_t armed_at; // when the control thread will look next; UINT64_MAX: never
	atomic_uint_fast64_t retransmit_at; // the path reads it
	uint64_t zero_keys_at;
	uint16_t persistent_keepalive_s; // 0: off
	size_t heap_at;                  // 1-based position in the timer heap; 0: not in it
};

// What the data path tells the control thread of a peer.
enum peer_event {
	PEER_EVENT_HANDSHAKE = 1, // a new key pair is wanted
	PEER_EVENT_CONFIRMED = 2, // the first data message under next_keypair came
	PEER_EVENT_TIMER = 4,     // a deadline now lies before armed_at
	PEER_EVENT_KEEPALIVE = 8, // send an empty packet
	PEER_EVENT_SOURCE = 16,   // a source address was learnt
	PEER_EVENT_RESUME = 32,   // something that a handshake may have waited for has arrived
};

// Any thread: the way to the peer is another, on which UDP_SEGMENT may work.
void peer_segment_again(struct peer *);

struct peer *peer_hold(struct peer *);
// The last reference wipes and frees.
void peer_release(struct peer *);

#endif
