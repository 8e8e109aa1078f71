// Peers and their key pairs.
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
#include "tunnel/feature.h"
#include "tunnel/noise.h"
#include "tunnel/replay.h"
#include "tunnel/endpoint.h"
#include "variants/allowedips/allowedips.h"
#include "variants/hashtable/hashtable.h"
#include "variants/workers/workers.h"

struct batch;
struct counters;
struct device;
struct mailbox;
struct timers;

// WireGuard paper, section 6.1; in ns and messages.
#define REKEY_AFTER_MESSAGES (1ull << 60)
#define REJECT_AFTER_MESSAGES (UINT64_MAX - (1ull << 13))
#define REKEY_AFTER_TIME_NS (120 * NS_PER_S)
#define REJECT_AFTER_TIME_NS (180 * NS_PER_S)
#define REKEY_TIMEOUT_NS (5 * NS_PER_S)
#define REKEY_TIMEOUT_JITTER_NS (NS_PER_S / 3)
#define KEEPALIVE_TIMEOUT_NS (10 * NS_PER_S)
#define REKEY_ATTEMPTS_MAX 20
#define INITIATIONS_PER_S 50

enum { PEER_STAGED_MAX = 128, PEERS_MAX = 1 << 20 };

struct keypair {
	atomic_uint references;
	struct peer *peer; // no reference: a keypair that the path can find has a living peer
	bool initiator;
	uint32_t local_index;
	uint32_t remote_index;
	uint64_t born_ns;
	uint8_t send_key[NOISE_KEY_BYTES];
	uint8_t receive_key[NOISE_KEY_BYTES];
	atomic_bool last_minute; // a rekey was asked for on receive, at 165 s
	atomic_bool confirmed;   // data came under it: the peer has it too
	_Alignas(64) atomic_uint_fast64_t send_counter; // the next to be used
	_Alignas(64) pthread_mutex_t replay_lock; // taken once a batch: several queues may receive
	struct replay replay;
};

// The last reference wipes and frees.
struct keypair *keypair_hold(struct keypair *);
void keypair_release(struct keypair *);

// Of a peer in one queue, whose thread alone submits to them (and the control thread, which keeps
// all others out meanwhile).
struct peer_lanes {
	_Alignas(64) struct workers_lane *send, *receive;
	struct receive *up;      // of the receive lane
	struct peer_lanes *next; // of those to be flushed
	bool touched;            // it is one of them
};

struct peer {
	struct device *device;
	struct counters *counters;
	struct mailbox *mailbox; // of its events
	struct timers *timers;
	atomic_uint references;
	struct peer *next, *previous; // the device's list
	struct peer *older;           // of the same key, which the table doesn't show; or NULL
	struct allowedips_owner allowed_ips;

	// The data path's.
	struct keypair *current, *previous_keypair, *next_keypair;
	struct peer_lanes *lanes;      // of each queue; NULL until there is a session
	pthread_mutex_t endpoint_lock; // of the endpoint; taken once a batch
	struct endpoint endpoint;
	struct feature segment; // UDP_SEGMENT towards it
	pthread_mutex_t staged_lock;
	struct batch *staged_first, **staged_last; // waiting for a key pair
	atomic_uint staged_packets;                // in them; not above PEER_STAGED_MAX
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

// What to send under, or NULL; with the path lock held. The next one as soon as it is confirmed,
// before the control thread has promoted it: the peer may have lost the current one, and what is
// sent may be the answer to what confirmed the next.
static inline struct keypair *peer_sending(const struct peer *p)
{
	struct keypair *next = p->next_keypair;

	return next && atomic_load_explicit(&next->confirmed, memory_order_relaxed) ? next
	                                                                            : p->current;
}

// Any thread: the way to the peer is another, on which UDP_SEGMENT may work.
void peer_segment_again(struct peer *);

// All of these: control thread.

// NULL when out of memory (errno) or when there are PEERS_MAX (ENOSPC).
struct peer *peer_new(struct device *, const uint8_t public_key[NOISE_KEY_BYTES]);
// The newest of that key, or NULL.
struct peer *peer_find(struct device *, const uint8_t public_key[NOISE_KEY_BYTES]);
// Takes it out of every table; what is in flight still holds references.
void peer_remove(struct peer *);
struct peer *peer_hold(struct peer *);
void peer_release(struct peer *);

// Installs a key pair after a handshake: the initiator's becomes current, the responder's next.
// 0 or -ENOMEM.
int peer_install_session(struct peer *, const struct noise_session *, uint64_t now_ns);
// next_keypair becomes current.
void peer_confirm_session(struct peer *);
// Drops and zeroes all key pairs and a handshake under way.
void peer_zero_keys(struct peer *);
// Drops the packets that wait for a key pair.
void peer_drop_staged(struct peer *);
// Sends what is staged under the current key pair, in order (send.c).
void peer_flush_staged(struct peer *);

#endif
