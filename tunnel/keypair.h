// A key pair of a session, and for how much and how long it may be used.
#ifndef WGBENCH_KEYPAIR_H
#define WGBENCH_KEYPAIR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "tunnel/clock.h"
#include "tunnel/noise.h"
#include "tunnel/peer.h"
#include "tunnel/replay.h"

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

// With one reference. NULL when out of memory.
struct keypair *keypair_new(struct peer *, const struct noise_session *, uint64_t now_ns);
struct keypair *keypair_hold(struct keypair *);
// The last reference wipes and frees.
void keypair_release(struct keypair *);

// What to send under, or NULL; with the path lock held. The next one as soon as it is confirmed,
// before the control thread has promoted it: the peer may have lost the current one, and what is
// sent may be the answer to what confirmed the next.
static inline struct keypair *keypair_sending(const struct peer *p)
{
	struct keypair *next = p->next_keypair;

	return next && atomic_load_explicit(&next->confirmed, memory_order_relaxed) ? next
	                                                                            : p->current;
}

#endif
