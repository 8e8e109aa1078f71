#include "tunnel/egress.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sodium.h>
#include <string.h>
#include <sys/ioctl.h>
#include "tunnel/batch.h"
#include "tunnel/clock.h"
#include "tunnel/counters.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"
#include "tunnel/state.h"
#include "tunnel/frame.h"
#include "tunnel/gather.h"

static void drop(void *queue, struct aqm_packet *queued)
{
	struct queue *q = queue;
	struct frame *f = (struct frame *)queued;

	counters_add(q->counters, drop_tx_aqm,
	             offload_segments(&f->header, f->packet, f->queued.bytes));
	pool_put_buffer(f->buffer);
}

int egress_init(struct queue *q)
{
	const struct switches *s = &q->device->switches;
	struct egress *e = &q->egress;

	*e = (struct egress){.all = aqm_wishes.all,
	                     .bounded = s->lower_queue == SWITCHES_LOWER_AUTO
	                                    ? aqm_wishes.bounded
	                                    : s->lower_queue == SWITCHES_LOWER_BOUNDED};
	randombytes_buf(e->flow_key, sizeof(e->flow_key));
	dql_init(&e->dql, clock_now_ns());
	e->aqm = aqm_new(&(struct aqm_hooks){drop, q});
	return e->aqm ? 0 : -ENOMEM;
}

void egress_free(struct queue *q)
{
	if (q->egress.aqm)
		aqm_free(q->egress.aqm);
	q->egress.aqm = NULL;
}

static uint32_t flow_of(struct egress *e, const struct offload_ip *ip, const uint8_t *packet)
{
	uint8_t flow[OFFLOAD_FLOW_BYTES], hash[crypto_shorthash_BYTES];
	size_t bytes = offload_flow(flow, ip, packet);

	if (memcmp(flow, e->last_flow, sizeof(flow))) {
		crypto_shorthash(hash, flow, bytes, e->flow_key);
		memcpy(&e->last_hash, hash, sizeof(e->last_hash));
		memcpy(e->last_flow, flow, sizeof(flow));
	}
	return e->last_hash;
}

void egress_take(struct queue *q, struct frame *f, uint64_t now_ns)
{
	struct offload_ip ip;

	if (offload_ip_parse(&ip, f->packet, f->queued.bytes)) {
		counters_add(q->counters, drop_tx_invalid, 1);
		pool_put_buffer(f->buffer);
		return;
	}
	f->queued.ect = ip.tos & 3;
	if (aqm_wishes.flows)
		f->queued.flow = flow_of(&q->egress, &ip, f->packet);
	aqm_enqueue(q->egress.aqm, &f->queued, now_ns);
}

// ---- the lower queue

// Bytes that the outer sockets still hold, by their true size.
static uint64_t outstanding(const struct queue *q)
{
	uint64_t sum = 0;

	for (int i = 0; i < 2; i++) {
		int bytes;

		if (q->udp[i] >= 0 && !ioctl(q->udp[i], SIOCOUTQ, &bytes))
			sum += bytes;
	}
	return sum;
}

static bool room(struct queue *q, uint64_t now_ns)
{
	struct egress *e = &q->egress;

	if (!e->bounded || !dql_due(&e->dql, now_ns))
		return true;
	uint64_t finished = atomic_load_explicit(&e->finished, memory_order_relaxed);
	dql_see(&e->dql, e->submitted - finished + outstanding(q), now_ns);
	return dql_room(&e->dql);
}

void egress_submitted(struct batch *b)
{
	struct egress *e = &b->queue->egress;

	b->submitted_bytes = b->out_bytes;
	e->submitted += b->submitted_bytes;
	dql_queue(&e->dql, b->submitted_bytes);
}

void egress_finished(struct batch *b)
{
	atomic_fetch_add_explicit(&b->queue->egress.finished, b->submitted_bytes,
	                          memory_order_relaxed);
}

// ---- sending

uint32_t egress_send(struct queue *q, uint64_t now_ns)
{
	struct gather gather;
	uint32_t bytes = 0;

	if (!egress_waits(q) || !room(q, now_ns))
		return 0;
	gather_init(&gather, q, now_ns);
	for (unsigned n = 0; n < EGRESS_SEND_FRAMES && bytes < EGRESS_SEND_BYTES; n++) {
		struct frame *f = (struct frame *)aqm_dequeue(q->egress.aqm, now_ns);

		if (!f)
			break;
		bytes += f->queued.bytes;
		gather_add(&gather, f);
	}
	gather_close(&gather);
	return bytes;
}

bool egress_waits(const struct queue *q)
{
	return aqm_packets(q->egress.aqm);
}

int egress_patience(const struct queue *q)
{
	const struct egress *e = &q->egress;

	if (!egress_waits(q))
		return -1;
	return e->bounded && !dql_room(&e->dql) ? EGRESS_POLL_MS : 0;
}
