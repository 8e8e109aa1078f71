#include "tunnel/queue.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sodium.h>
#include <string.h>
#include <sys/ioctl.h>
#include "tunnel/batch.h"
#include "tunnel/device.h"
#include "tunnel/frame.h"
#include "tunnel/gather.h"

static void drop(void *path, struct aqm_packet *queued)
{
	struct path *p = path;
	struct frame *f = (struct frame *)queued;

	device_count(p->device, drop_tx_aqm,
	             offload_segments(&f->header, f->packet, f->queued.bytes));
	buffer_put(f->buffer);
}

int queue_init(struct path *p)
{
	const struct switches *s = &p->device->switches;
	struct queue *q = &p->queue;

	*q = (struct queue){.all = aqm_wishes.all,
	                    .bounded = s->lower_queue == SWITCHES_LOWER_AUTO
	                                   ? aqm_wishes.bounded
	                                   : s->lower_queue == SWITCHES_LOWER_BOUNDED};
	randombytes_buf(q->flow_key, sizeof(q->flow_key));
	limits_init(&q->limits, clock_now_ns());
	q->aqm = aqm_new(&(struct aqm_hooks){drop, p});
	return q->aqm ? 0 : -ENOMEM;
}

void queue_free(struct path *p)
{
	if (p->queue.aqm)
		aqm_free(p->queue.aqm);
	p->queue.aqm = NULL;
}

static uint32_t flow_of(struct queue *q, const struct offload_ip *ip, const uint8_t *packet)
{
	uint8_t flow[OFFLOAD_FLOW_BYTES], hash[crypto_shorthash_BYTES];
	size_t bytes = offload_flow(flow, ip, packet);

	if (memcmp(flow, q->last_flow, sizeof(flow))) {
		crypto_shorthash(hash, flow, bytes, q->flow_key);
		memcpy(&q->last_hash, hash, sizeof(q->last_hash));
		memcpy(q->last_flow, flow, sizeof(flow));
	}
	return q->last_hash;
}

void queue_take(struct path *p, struct frame *f, uint64_t now_ns)
{
	struct offload_ip ip;

	if (offload_ip_parse(&ip, f->packet, f->queued.bytes)) {
		device_count(p->device, drop_tx_invalid, 1);
		buffer_put(f->buffer);
		return;
	}
	f->queued.ect = ip.tos & 3;
	if (aqm_wishes.flows)
		f->queued.flow = flow_of(&p->queue, &ip, f->packet);
	aqm_enqueue(p->queue.aqm, &f->queued, now_ns);
}

// ---- the lower queue

// Bytes that the outer sockets still hold, by their true size.
static uint64_t outstanding(const struct path *p)
{
	uint64_t sum = 0;

	for (int i = 0; i < 2; i++) {
		int bytes;

		if (p->udp[i] >= 0 && !ioctl(p->udp[i], SIOCOUTQ, &bytes))
			sum += bytes;
	}
	return sum;
}

static bool room(struct path *p, uint64_t now_ns)
{
	struct queue *q = &p->queue;

	if (!q->bounded || !limits_due(&q->limits, now_ns))
		return true;
	uint64_t finished = atomic_load_explicit(&q->finished, memory_order_relaxed);
	limits_see(&q->limits, q->submitted - finished + outstanding(p), now_ns);
	return limits_room(&q->limits);
}

void queue_submitted(struct batch *b)
{
	struct queue *q = &b->path->queue;

	b->submitted_bytes = b->out_bytes;
	q->submitted += b->submitted_bytes;
	limits_queue(&q->limits, b->submitted_bytes);
}

void queue_finished(struct batch *b)
{
	atomic_fetch_add_explicit(&b->path->queue.finished, b->submitted_bytes,
	                          memory_order_relaxed);
}

// ---- sending

uint32_t queue_send(struct path *p, uint64_t now_ns)
{
	struct gather gather;
	uint32_t bytes = 0;

	if (!queue_waits(p) || !room(p, now_ns))
		return 0;
	gather_init(&gather, p, now_ns);
	for (unsigned n = 0; n < QUEUE_SEND_FRAMES && bytes < QUEUE_SEND_BYTES; n++) {
		struct frame *f = (struct frame *)aqm_dequeue(p->queue.aqm, now_ns);

		if (!f)
			break;
		bytes += f->queued.bytes;
		gather_add(&gather, f);
	}
	gather_close(&gather);
	return bytes;
}

bool queue_waits(const struct path *p)
{
	return aqm_packets(p->queue.aqm);
}

int queue_patience(const struct path *p)
{
	const struct queue *q = &p->queue;

	if (!queue_waits(p))
		return -1;
	return q->bounded && !limits_room(&q->limits) ? QUEUE_POLL_MS : 0;
}
