// The way in: datagrams of one receiver index become a batch, which is decrypted in place, checked
// against replay and cryptokey routing, and handed to the TUN.
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>
#include "tunnel/batch.h"
#include "tunnel/cipher.h"
#include "tunnel/clock.h"
#include "tunnel/counters.h"
#include "tunnel/endpoint.h"
#include "tunnel/gro.h"
#include "tunnel/index.h"
#include "tunnel/inner.h"
#include "tunnel/keypair.h"
#include "tunnel/lanes.h"
#include "tunnel/mailbox.h"
#include "tunnel/peer.h"
#include "tunnel/pipeline.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"
#include "tunnel/state.h"
#include "tunnel/timers.h"
#include "variants/aead/aead.h"
#include "variants/receive/receive.h"

enum {
	OPEN_MAX = 128,
	ECN_MASK = 3,
	ECN_ECT_1 = 1,
	ECN_ECT_0 = 2,
	ECN_CE = 3,
};

static void submit_batch(struct batch *b)
{
	struct device *d = b->queue->device;

	if (!b->packets) {
		pool_put_batch(b);
		return;
	}
	struct lanes *lanes = &b->peer->lanes[b->queue->index];
	counters_add(&d->counters, rx_batches, 1);
	lanes_touch(b->queue, lanes);
	if (!workers_submit(lanes->receive, &b->job)) {
		counters_add(&d->counters, drop_rx_lane, b->packets);
		pool_put_batch(b);
	}
}

// Gives the batch the key pair of the index. false: there is none that may be received with.
static bool find_keypair(struct batch *b, uint32_t index, uint64_t now_ns)
{
	struct device *d = b->queue->device;
	struct index_entry *entry = index_lookup(d->tables.by_index, index);

	if (!entry || !entry->keypair) {
		counters_add(&d->counters, drop_rx_index, 1);
		return false;
	}
	if (now_ns - entry->keypair->born_ns >= REJECT_AFTER_TIME_NS) {
		counters_add(&d->counters, drop_rx_expired, 1);
		return false;
	}
	b->keypair = keypair_hold(entry->keypair);
	b->peer = peer_hold(entry->peer);
	return true;
}

// A batch for datagrams that came in another one's buffer under another key pair.
static struct batch *split_batch(const struct batch *from, uint32_t index, uint64_t now_ns)
{
	struct batch *b = pool_get_batch(&from->queue->pool);

	if (!b) {
		counters_add(&from->queue->device->counters, drop_memory, 1);
		return NULL;
	}
	b->in = pool_hold_buffer(from->in);
	b->source = from->source;
	b->tos = from->tos;
	if (!find_keypair(b, index, now_ns)) {
		pool_put_batch(b);
		return NULL;
	}
	return b;
}

void input_batch(struct batch *first, uint64_t now_ns)
{
	struct device *d = first->queue->device;
	struct batch *b = first, *waiting = NULL;

	for (struct gro g = {.bytes = first->in_bytes, .datagram_bytes = first->datagram_bytes};
	     gro_next(&g);) {
		const struct message_data *m =
		    (const struct message_data *)(first->in->item.bytes + g.at);

		if (g.size < sizeof(uint32_t)) {
			counters_add(&d->counters, drop_rx_malformed, 1);
			continue;
		}
		if (m->type != htole32(MESSAGE_DATA)) {
			mailbox_put(&d->mailbox, m, g.size, &first->source);
			continue;
		}
		if (g.size < MESSAGE_DATA_OVERHEAD) {
			counters_add(&d->counters, drop_rx_malformed, 1);
			continue;
		}
		if (!first->keypair) {
			if (!find_keypair(first, m->receiver_index, now_ns))
				continue;
		} else if (b->keypair->local_index != m->receiver_index ||
		           b->packets == BATCH_PACKETS_MAX) {
			struct batch *next = split_batch(first, m->receiver_index, now_ns);
			if (!next)
				continue;
			next->next = NULL;
			if (b == first)
				waiting = next;
			else
				b->next = next;
			b = next;
		}
		b->span[b->packets++] = (struct batch_span){g.at, g.size};
	}
	submit_batch(first);
	for (struct batch *next; waiting; waiting = next) {
		next = waiting->next;
		submit_batch(waiting);
	}
}

// ---- the work

void input_decrypt(struct workers_job *job)
{
	struct batch *b = batch_of(job);
	struct aead *aead = cipher_thread();
	struct aead_message m[OPEN_MAX];

	b->failed = !aead;
	if (!aead)
		return;
	for (uint32_t first = 0, n; first < b->packets; first += n) {
		n = b->packets - first < OPEN_MAX ? b->packets - first : OPEN_MAX;
		for (uint32_t i = 0; i < n; i++) {
			const struct batch_span *s = &b->span[first + i];
			struct message_data *message =
			    (struct message_data *)(b->in->item.bytes + s->offset);

			m[i] = (struct aead_message){.source = message->payload,
			                             .target = message->payload,
			                             .length = s->length - MESSAGE_DATA_OVERHEAD,
			                             .counter = le64toh(message->counter)};
		}
		aead_open(aead, b->keypair->receive_key, m, n);
		for (uint32_t i = 0; i < n; i++)
			if (!m[i].authentic)
				b->span[first + i].length = 0;
	}
}

// ---- the finish

static void move_endpoint(struct batch *b)
{
	struct peer *p = b->peer;

	pthread_mutex_lock(&p->endpoint_lock);
	bool moved = !endpoint_address_equal(&p->endpoint.remote, &b->source.remote);
	bool new_source = endpoint_learn(&p->endpoint, &b->source);
	pthread_mutex_unlock(&p->endpoint_lock);
	if (moved)
		peer_segment_again(p);
	if (new_source && p->device->route)
		mailbox_post(p, PEER_EVENT_SOURCE);
	if (moved && atomic_load_explicit(&p->handshake_waits, memory_order_relaxed))
		mailbox_post(p, PEER_EVENT_RESUME);
}

// RFC 6040, section 4.2: what the outer ECN means for the inner packet. But CE around a packet that
// isn't ECN-capable doesn't drop it: there are paths that mark everything, and the kernel's
// WireGuard delivers it, too.
static void decapsulate_ecn(struct device *d, uint8_t *packet, const struct inner *ip,
                            uint8_t outer)
{
	uint8_t inner = ip->tos & ECN_MASK;

	outer &= ECN_MASK;
	if (outer == ECN_CE && !inner)
		counters_add(&d->counters, rx_ce_ignored, 1);
	else if (outer == ECN_CE && inner != ECN_CE)
		inner_set_ecn(packet, ECN_CE);
	else if (outer == ECN_ECT_1 && inner == ECN_ECT_0)
		inner_set_ecn(packet, ECN_ECT_1);
}

// Whether the decrypted packet may go up; trims its span to the inner length.
static bool admit_packet(struct device *d, struct batch *b, struct batch_span *s)
{
	uint8_t *packet = b->in->item.bytes + s->offset;
	struct inner ip;

	if (inner_parse(&ip, packet, s->length)) {
		counters_add(&d->counters, drop_rx_invalid, 1);
		return false;
	}
	if (allowedips_lookup(d->tables.allowed_ips, ip.family, inner_source(&ip, packet)) !=
	    &b->peer->allowed_ips) {
		counters_add(&d->counters, drop_rx_allowed_ips, 1);
		return false;
	}
	decapsulate_ecn(d, packet, &ip, b->tos);
	s->length = ip.length;
	return true;
}

// Drops what isn't authentic, too late or a replay; what stays moves together. Its bytes.
static uint64_t keep_new(struct device *d, struct batch *b)
{
	struct keypair *k = b->keypair;
	uint64_t bytes = 0;
	uint32_t accepted = 0;

	pthread_mutex_lock(&k->replay_lock);
	for (uint32_t i = 0; i < b->packets; i++) {
		const struct batch_span s = b->span[i];
		const struct message_data *m =
		    (const struct message_data *)(b->in->item.bytes + s.offset);
		uint64_t counter = le64toh(m->counter);

		if (!s.length) {
			counters_add(&d->counters, drop_rx_authentication, 1);
		} else if (counter >= REJECT_AFTER_MESSAGES ||
		           !replay_accept(&k->replay, counter)) {
			counters_add(&d->counters, drop_rx_replay, 1);
		} else {
			b->span[accepted++] = s;
			bytes += s.length;
		}
	}
	pthread_mutex_unlock(&k->replay_lock);
	b->packets = accepted;
	return bytes;
}

// Makes messages packets; keepalives and what may not go up are left out. How many had a payload.
static uint32_t unwrap_messages(struct device *d, struct batch *b)
{
	uint32_t payloads = 0, up = 0;

	for (uint32_t i = 0; i < b->packets; i++) {
		struct batch_span s = b->span[i];

		if (s.length == MESSAGE_DATA_OVERHEAD)
			continue;
		payloads++;
		s.offset += sizeof(struct message_data);
		s.length -= MESSAGE_DATA_OVERHEAD;
		if (admit_packet(d, b, &s))
			b->span[up++] = s;
	}
	b->packets = up;
	return payloads;
}

static void rekey_before_rejection(struct peer *p, struct keypair *k, uint64_t now_ns)
{
	const uint64_t last_minute_ns =
	    REJECT_AFTER_TIME_NS - KEEPALIVE_TIMEOUT_NS - REKEY_TIMEOUT_NS;

	if (k->initiator && k == p->current && now_ns - k->born_ns >= last_minute_ns &&
	    !atomic_exchange(&k->last_minute, true))
		mailbox_post(p, PEER_EVENT_HANDSHAKE);
}

static void release_batch(void *queue, struct receive_held *held)
{
	(void)queue;
	pool_put_batch((struct batch *)((char *)held - offsetof(struct batch, held)));
}

const struct receive_hooks input_hooks = {tun_write, tun_write_merged, release_batch};

static void hand_over_packets(struct batch *b)
{
	struct receive_packet packets[BATCH_PACKETS_MAX];

	for (uint32_t i = 0; i < b->packets; i++)
		packets[i] = (struct receive_packet){b->in->item.bytes + b->span[i].offset,
		                                     b->span[i].length};
	receive_add(b->peer->lanes[b->queue->index].up, &b->held, packets, b->packets);
}

void input_finish(struct workers_job *job)
{
	struct batch *b = batch_of(job);
	struct peer *p = b->peer;
	struct device *d = p->device;
	struct keypair *k = b->keypair;
	uint64_t now_ns = clock_now_ns();

	if (b->failed) {
		counters_add(&d->counters, drop_memory, b->packets);
		pool_put_batch(b);
		return;
	}
	uint64_t bytes = keep_new(d, b);
	if (b->packets) {
		counters_add(&d->counters, rx_packets, b->packets);
		atomic_fetch_add_explicit(&p->rx_bytes, bytes, memory_order_relaxed);
		if (k == p->next_keypair) {
			atomic_store_explicit(&k->confirmed, true, memory_order_relaxed);
			mailbox_post(p, PEER_EVENT_CONFIRMED);
		}
		move_endpoint(b);
		timers_any_received(p, now_ns);
		rekey_before_rejection(p, k, now_ns);
		if (unwrap_messages(d, b))
			timers_data_received(p, now_ns);
	}
	if (b->packets)
		hand_over_packets(b);
	else
		pool_put_batch(b);
}

void input_flush(void *up)
{
	receive_flush(up);
}
