#include "tunnel/egress.h"

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

	counters_add(&p->device->counters, drop_tx_aqm,
	             offload_segments(&f->header, f->packet, f->queued.bytes));
	buffer_put(f->buffer);
}

int egress_init(struct path *p)
{
	const struct switches *s = &p->device->switches;
	struct egress *e = &p->egress;

	*e = (struct egress){.all = aqm_wishes.all,
	                     .bounded = s->lower_queue == SWITCHES_LOWER_AUTO
	                                    ? aqm_wishes.bounded
	                                    : s->lower_queue == SWITCHES_LOWER_BOUNDED};
	randombytes_buf(e->flow_key, sizeof(e->flow_key));
	limits_init(&e->limits, clock_now_ns());
	e->aqm = aqm_new(&(struct aqm_hooks){drop, p});
	return e->aqm ? 0 : -ENOMEM;
}

void egress_free(struct path *p)
{
	if (p->egress.aqm)
		aqm_free(p->egress.aqm);
	p->egress.aqm = NULL;
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

void egress_take(struct path *p, struct frame *f, uint64_t now_ns)
{
	struct offload_ip ip;

	if (offload_ip_parse(&ip, f->packet, f->queued.bytes)) {
		counters_add(&p->device->counters, drop_tx_invalid, 1);
		buffer_put(f->buffer);
		return;
	}
	f->queued.ect = ip.tos & 3;
	if (aqm_wishes.flows)
		f->queued.flow = flow_of(&p->egress, &ip, f->packet);
	aqm_enqueue(p->egress.aqm, &f->queued, now_ns);
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
	struct egress *e = &p->egress;

	if (!e->bounded || !limits_due(&e->limits, now_ns))
		return true;
	uint64_t finished = atomic_load_explicit(&e->finished, memory_order_relaxed);
	limits_see(&e->limits, e->submitted - finished + outstanding(p), now_ns);
	return limits_room(&e->limits);
}

void egress_submitted(struct batch *b)
{
	struct egress *e = &b->path->egress;

	b->submitted_bytes = b->out_bytes;
	e->submitted += b->submitted_bytes;
	limits_queue(&e->limits, b->submitted_bytes);
}

void egress_finished(struct batch *b)
{
	atomic_fetch_add_explicit(&b->path->egress.finished, b->submitted_bytes,
	                          memory_order_relaxed);
}

// ---- sending

uint32_t egress_send(struct path *p, uint64_t now_ns)
{
	struct gather gather;
	uint32_t bytes = 0;

	if (!egress_waits(p) || !room(p, now_ns))
		return 0;
	gather_init(&gather, p, now_ns);
	for (unsigned n = 0; n < EGRESS_SEND_FRAMES && bytes < EGRESS_SEND_BYTES; n++) {
		struct frame *f = (struct frame *)aqm_dequeue(p->egress.aqm, now_ns);

		if (!f)
			break;
		bytes += f->queued.bytes;
		gather_add(&gather, f);
	}
	gather_close(&gather);
	return bytes;
}

bool egress_waits(const struct path *p)
{
	return aqm_packets(p->egress.aqm);
}

int egress_patience(const struct path *p)
{
	const struct egress *e = &p->egress;

	if (!egress_waits(p))
		return -1;
	return e->bounded && !limits_room(&e->limits) ? EGRESS_POLL_MS : 0;
}
