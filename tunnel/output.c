// The way out: a batch gets its key pair and counters, its super-packets are cut while they are
// encrypted into one contiguous buffer, and it leaves in one send.
#include "tunnel/output.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include "tunnel/batch.h"
#include "tunnel/cipher.h"
#include "tunnel/clock.h"
#include "tunnel/counters.h"
#include "tunnel/egress.h"
#include "tunnel/keypair.h"
#include "tunnel/lanes.h"
#include "tunnel/lock.h"
#include "tunnel/peer.h"
#include "tunnel/pipeline.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"
#include "tunnel/state.h"
#include "tunnel/timers.h"
#include "variants/aead/aead.h"

enum { SEAL_MAX = BATCH_FRAMES_MAX };

bool output_assign(struct batch *b, uint64_t now_ns)
{
	struct keypair *k = keypair_sending(b->peer);

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

void output_submit(struct batch *b)
{
	struct lanes *lanes = &b->peer->lanes[b->queue->index];
	uint32_t packets = b->packets;

	lanes_touch(b->queue, lanes);
	b->submitted_bytes = b->out_bytes;
	egress_submitted(&b->queue->egress, b->submitted_bytes);
	if (!workers_submit(lanes->send, &b->job)) {
		egress_finished(&b->queue->egress, b->submitted_bytes);
		counters_add(&b->queue->device->counters, drop_tx_lane, packets);
		pool_put_batch(b);
	}
}

int output_keepalive(struct peer *p)
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
	bool ready = output_assign(b, clock_now_ns());
	if (ready)
		output_submit(b);
	lanes_flush(&d->queue[0]);
	lock_release(&d->lock);
	if (!ready)
		pool_put_batch(b);
	return ready ? 0 : -ENOKEY;
}

// ---- the work

// Appends one message to `out` and prepares its encryption.
static void append_message(struct batch *b, struct aead_message *m, uint32_t i,
                           const uint8_t *plaintext, uint32_t padded)
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
static uint32_t pad_length(uint32_t length, uint32_t mtu)
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
		uint32_t padded = pad_length(length, mtu), padding = padded - length;

		memcpy(covered, packet + length, padding);
		memset(packet + length, 0, padding);
		append_message(b, &m, i++, packet, padded);
		aead_seal(aead, b->keypair->send_key, &m, 1);
		memcpy(packet + length, covered, padding);
	}
	return i;
}

void output_encrypt(struct workers_job *job)
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
		append_message(b, &m[waiting++], i++, b->out, 0);
	for (uint32_t f = 0; f < b->frames; f++) {
		struct offload_cutter *c = &b->frame[f].cutter;
		uint32_t length;

		if (c->segments > 1) {
			i = encrypt_super(b, aead, c, i, mtu);
			continue;
		}
		uint8_t *packet = offload_cut_next(c, &length);
		uint32_t padded = pad_length(length, mtu);
		memset(packet + length, 0, padded - length);
		append_message(b, &m[waiting++], i++, packet, padded);
	}
	aead_seal(aead, b->keypair->send_key, m, waiting);
}

void output_finish(struct workers_job *job)
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
	egress_finished(&b->queue->egress, b->submitted_bytes);
	pool_put_batch(b);
}
