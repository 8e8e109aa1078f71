#include "tunnel/staging.h"

#include "tunnel/batch.h"
#include "tunnel/clock.h"
#include "tunnel/counters.h"
#include "tunnel/keypair.h"
#include "tunnel/lanes.h"
#include "tunnel/lock.h"
#include "tunnel/mailbox.h"
#include "tunnel/output.h"
#include "tunnel/peer.h"
#include "tunnel/pipeline.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"
#include "tunnel/state.h"

enum { STAGING_BATCHES_MAX = 1024 }; // of a device

static void want_handshake(struct peer *p, uint64_t now_ns)
{
	uint64_t sent_ns = atomic_load_explicit(&p->last_initiation_sent_ns, memory_order_relaxed);

	// Also while it is being retried: new traffic begins the count of attempts anew (paper,
	// section 6.4). And where no retry is to come, as after an answer of this end's.
	if (!sent_ns || now_ns - sent_ns >= REKEY_TIMEOUT_NS ||
	    atomic_load_explicit(&p->handshake_attempts, memory_order_relaxed) ||
	    !atomic_load_explicit(&p->retransmit_at, memory_order_relaxed))
		mailbox_post(p, PEER_EVENT_HANDSHAKE);
}

static void drop_staged(struct device *d, struct batch *b)
{
	counters_add(&d->counters, drop_tx_staged, b->packets);
	atomic_fetch_sub(&d->batches_staged, 1);
	pool_put_batch(b);
}

static struct batch *take_staged(struct peer *p)
{
	struct batch *b = p->staged_first;

	if (!b)
		return NULL;
	p->staged_first = b->next;
	if (!b->next)
		p->staged_last = &p->staged_first;
	atomic_fetch_sub(&p->staged_packets, b->packets);
	return b;
}

// Queues the batch until there is a key pair; the oldest are dropped above STAGING_PACKETS_MAX
// packets.
static void wait_for_key(struct batch *b)
{
	struct peer *p = b->peer;
	struct device *d = b->queue->device;

	if (atomic_fetch_add(&d->batches_staged, 1) >= STAGING_BATCHES_MAX) {
		drop_staged(d, b);
		return;
	}
	b->next = NULL;
	pthread_mutex_lock(&p->staged_lock);
	*p->staged_last = b;
	p->staged_last = &b->next;
	atomic_fetch_add(&p->staged_packets, b->packets);
	while (atomic_load(&p->staged_packets) > STAGING_PACKETS_MAX && p->staged_first != b)
		drop_staged(d, take_staged(p));
	pthread_mutex_unlock(&p->staged_lock);
}

void staging_add(struct batch *b, uint64_t now_ns)
{
	struct peer *p = b->peer;

	counters_add(&p->device->counters, tx_batches, 1);
	// Behind what is staged already, so that a flow stays in order.
	if (atomic_load_explicit(&p->staged_packets, memory_order_acquire) ||
	    !output_assign(b, now_ns)) {
		wait_for_key(b);
		want_handshake(p, now_ns);
		return;
	}
	struct keypair *k = b->keypair;
	if (b->counter + b->packets > REKEY_AFTER_MESSAGES ||
	    (k->initiator && now_ns - k->born_ns >= REKEY_AFTER_TIME_NS))
		want_handshake(p, now_ns);
	output_submit(b);
}

void staging_flush(struct peer *p)
{
	struct device *d = p->device;
	uint64_t now_ns = clock_now_ns();

	// Exclusive: no reader adds a batch that would overtake these.
	lock_exclude(&d->lock);
	while (p->staged_first && output_assign(p->staged_first, now_ns)) {
		pthread_mutex_lock(&p->staged_lock);
		struct batch *b = take_staged(p);
		pthread_mutex_unlock(&p->staged_lock);
		atomic_fetch_sub(&d->batches_staged, 1);
		output_submit(b);
	}
	for (unsigned i = 0; i < d->queues; i++)
		lanes_flush(&d->queue[i]);
	lock_release(&d->lock);
}

void staging_drop(struct peer *p)
{
	struct batch *b;

	pthread_mutex_lock(&p->staged_lock);
	while ((b = take_staged(p)))
		drop_staged(p->device, b);
	pthread_mutex_unlock(&p->staged_lock);
}
