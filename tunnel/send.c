// The way out: a batch gets its key pair and counters, its super-packets are cut while they are
// encrypted into one contiguous buffer, and it leaves in one send.
#include "tunnel/send.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include "tunnel/batch.h"
#include "tunnel/cipher.h"
#include "tunnel/device.h"
#include "tunnel/pipeline.h"
#include "tunnel/egress.h"
#include "tunnel/timers.h"
#include "variants/aead/aead.h"

enum { SEAL_MAX = BATCH_FRAMES_MAX };

// Takes a range of counters for the batch under the peer's key pair. false: there is no usable one.
static bool assign(struct batch *b, uint64_t now_ns)
{
	struct keypair *k = peer_sending(b->peer);

	if (!k || now_ns - k->born_ns >= REJECT_AFTER_TIME_NS)
		return false;
	// Not added and taken back: in between, another queue could be given a range that is given
	// again later.
	b->counter = atomic_load_explicit(&k->send_counter, memory_order_relaxed);
	do {
		if (b->counter + b->packets > REJECT_AFTER_MESSAGES)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
	    &k->send_counter, &b->counter, b->counter + b->packets, memory_order_relaxed,
	    memory_order_relaxed));
	b->keypair = keypair_hold(k);
	return true;
}

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

static void submit(struct batch *b)
{
	struct peer_lanes *lanes = &b->peer->lanes[b->queue->index];
	uint32_t packets = b->packets;

	queue_touch(b->queue, lanes);
	egress_submitted(b);
	if (!workers_submit(lanes->send, &b->job)) {
		egress_finished(b);
		counters_add(&b->queue->device->counters, drop_tx_lane, packets);
		pool_put_batch(b);
	}
}

static void drop_staged(struct device *d, struct batch *b)
{
	counters_add(&d->counters, drop_tx_staged, b->packets);
	atomic_fetch_sub(&d->batches_staged, 1);
	pool_put_batch(b);
}

static struct batch *staged_pop(struct peer *p)
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

// Queues the batch until there is a key pair; the oldest are dropped above PEER_STAGED_MAX packets.
static void wait_for_key(struct batch *b)
{
	struct peer *p = b->peer;
	struct device *d = b->queue->device;

	if (atomic_fetch_add(&d->batches_staged, 1) >= BATCHES_STAGED_MAX) {
		drop_staged(d, b);
		return;
	}
	b->next = NULL;
	pthread_mutex_lock(&p->staged_lock);
	*p->staged_last = b;
	p->staged_last = &b->next;
	atomic_fetch_add(&p->staged_packets, b->packets);
	while (atomic_load(&p->staged_packets) > PEER_STAGED_MAX && p->staged_first != b)
		drop_staged(d, staged_pop(p));
	pthread_mutex_unlock(&p->staged_lock);
}

void peer_stage(struct batch *b, uint64_t now_ns)
{
	struct peer *p = b->peer;

	counters_add(&p->device->counters, tx_batches, 1);
	// Behind what is staged already, so that a flow stays in order.
	if (atomic_load_explicit(&p->staged_packets, memory_order_acquire) || !assign(b, now_ns)) {
		wait_for_key(b);
		want_handshake(p, now_ns);
		return;
	}
	struct keypair *k = b->keypair;
	if (b->counter + b->packets > REKEY_AFTER_MESSAGES ||
	    (k->initiator && now_ns - k->born_ns >= REKEY_AFTER_TIME_NS))
		want_handshake(p, now_ns);
	submit(b);
}

void peer_flush_staged(struct peer *p)
{
	struct device *d = p->device;
	uint64_t now_ns = clock_now_ns();

	// Exclusive: no reader adds a batch that would overtake these.
	lock_exclude(&d->lock);
	while (p->staged_first && assign(p->staged_first, now_ns)) {
		pthread_mutex_lock(&p->staged_lock);
		struct batch *b = staged_pop(p);
		pthread_mutex_unlock(&p->staged_lock);
		atomic_fetch_sub(&d->batches_staged, 1);
		submit(b);
	}
	for (unsigned i = 0; i < d->queues; i++)
		queue_flush(&d->queue[i]);
	lock_release(&d->lock);
}

void peer_drop_staged(struct peer *p)
{
	struct batch *b;

	pthread_mutex_lock(&p->staged_lock);
	while ((b = staged_pop(p)))
		drop_staged(p->device, b);
	pthread_mutex_unlock(&p->staged_lock);
}

int send_keepalive(struct peer *p)
{
	struct device *d = p->device;
	struct batch *b = pool_get_batch(&d->queue[0].pool);

	if (!b)
		return -ENOMEM;
	b->peer = peer_hold(p);
	b->keepalive = true;
	b->packets = 1;
	b->tos = 0;
	lock_exclude(&d->lock);
	bool ready = assign(b, clock_now_ns());
	if (ready)
		submit(b);
	queue_flush(&d->queue[0]);
	lock_release(&d->lock);
	if (!ready)
		pool_put_batch(b);
	return ready ? 0 : -ENOKEY;
}

// ---- the work

// Appends one message to `out` and prepares its encryption.
static void append(struct batch *b, struct aead_message *m, uint32_t i, const uint8_t *plaintext,
                   uint32_t padded)
{
	struct message_data *message = (struct message_data *)(b->out + b->out_bytes);
	uint64_t counter = b->counter + i;

	message->type = htole32(MESSAGE_DATA);
	message->receiver_index = b->keypair->remote_index;
	message->counter = htole64(counter);
	*m = (struct aead_message){
	    .source = plaintext, .target = message->payload, .length = padded, .counter = counter};
	b->span[i] = (struct batch_span){b->out_bytes, padded + MESSAGE_DATA_OVERHEAD};
	b->out_bytes += padded + MESSAGE_DATA_OVERHEAD;
}

// The plaintext is padded to 16 bytes, but not above the MTU (paper, section 5.4.6).
static uint32_t pad(uint32_t length, uint32_t mtu)
{
	uint32_t padded = (length + MESSAGE_PADDING - 1) & ~(MESSAGE_PADDING - 1u);

	if (length >= mtu)
		return length;
	return padded < mtu ? padded : mtu;
}

// Cuts one super-packet: each packet is encrypted before the headers of the next are written over
// its end, and the bytes that its padding covers are put back.
static uint32_t encrypt_super(struct batch *b, struct aead *aead, struct offload_cutter *c,
                              uint32_t i, uint32_t mtu)
{
	struct aead_message m;
	uint8_t *packet, covered[MESSAGE_PADDING];
	uint32_t length;

	while ((packet = offload_cut_next(c, &length))) {
		uint32_t padded = pad(length, mtu), padding = padded - length;

		memcpy(covered, packet + length, padding);
		memset(packet + length, 0, padding);
		append(b, &m, i++, packet, padded);
		aead_seal(aead, b->keypair->send_key, &m, 1);
		memcpy(packet + length, covered, padding);
	}
	return i;
}

void encrypt(struct workers_job *job)
{
	struct batch *b = batch_of(job);
	uint32_t mtu = atomic_load_explicit(&b->queue->device->tun.mtu, memory_order_relaxed),
	         i = 0;
	struct aead *aead = cipher_thread();
	struct aead_message m[SEAL_MAX];
	size_t waiting = 0;

	b->out_bytes = 0;
	b->failed = !aead;
	if (!aead)
		return;
	if (b->keepalive)
		append(b, &m[waiting++], i++, b->out, 0);
	for (uint32_t f = 0; f < b->frames; f++) {
		struct offload_cutter *c = &b->frame[f].cutter;
		uint32_t length;

		if (c->segments > 1) {
			i = encrypt_super(b, aead, c, i, mtu);
			continue;
		}
		uint8_t *packet = offload_cut_next(c, &length);
		uint32_t padded = pad(length, mtu);
		memset(packet + length, 0, padded - length);
		append(b, &m[waiting++], i++, packet, padded);
	}
	aead_seal(aead, b->keypair->send_key, m, waiting);
}

void send_finish(struct workers_job *job)
{
	struct batch *b = batch_of(job);
	struct peer *p = b->peer;
	struct device *d = p->device;
	uint64_t now_ns = clock_now_ns();

	if (b->failed) {
		counters_add(&d->counters, drop_memory, b->packets);
	} else {
		timers_any_sent(p, now_ns);
		if (!b->keepalive)
			timers_data_sent(p, now_ns);
		uint32_t sent = udp_send(b);
		uint32_t bytes = sent < b->packets ? b->span[sent].offset : b->out_bytes;
		atomic_fetch_add_explicit(&p->tx_bytes, bytes, memory_order_relaxed);
		counters_add(&d->counters, tx_packets, sent);
		if (sent < b->packets)
			counters_add(&d->counters, drop_tx_send, b->packets - sent);
	}
	egress_finished(b);
	pool_put_batch(b);
}
