#include "tunnel/egress.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sodium.h>
#include <string.h>
#include <sys/ioctl.h>
#include "tunnel/clock.h"
#include "tunnel/counters.h"
#include "tunnel/frame.h"
#include "tunnel/inner.h"
#include "tunnel/offload.h"
#include "tunnel/pool.h"
#include "tunnel/switches.h"

static void drop_queued(void *counters, struct aqm_packet *queued)
{
	struct frame *f = (struct frame *)queued;

	counters_add((struct counters *)counters, drop_tx_aqm,
	             offload_segments(&f->header, f->packet, f->queued.bytes));
	pool_put_buffer(f->buffer);
}

int egress_init(struct egress *e, const struct switches *s, struct counters *counters)
{
	*e = (struct egress){.counters = counters,
	                     .all = aqm_wishes.all,
	                     .bounded = s->lower_queue == SWITCHES_LOWER_AUTO
	                                    ? aqm_wishes.bounded
	                                    : s->lower_queue == SWITCHES_LOWER_BOUNDED};
	randombytes_buf(e->flow_key, sizeof(e->flow_key));
	dql_init(&e->dql, clock_now_ns());
	e->aqm = aqm_new(&(struct aqm_hooks){drop_queued, counters});
	return e->aqm ? 0 : -ENOMEM;
}

void egress_free(struct egress *e)
{
	if (e->aqm)
		aqm_free(e->aqm);
	e->aqm = NULL;
}

static uint32_t hash_flow(struct egress *e, const struct inner *ip, const uint8_t *packet)
{
	uint8_t flow[INNER_FLOW_BYTES], hash[crypto_shorthash_BYTES];
	size_t bytes = inner_flow(flow, ip, packet);

	if (memcmp(flow, e->last_flow, sizeof(flow))) {
		crypto_shorthash(hash, flow, bytes, e->flow_key);
		memcpy(&e->last_hash, hash, sizeof(e->last_hash));
		memcpy(e->last_flow, flow, sizeof(flow));
	}
	return e->last_hash;
}

void egress_take(struct egress *e, struct frame *f, uint64_t now_ns)
{
	if (inner_parse(&f->ip, f->packet, f->queued.bytes)) {
		counters_add(e->counters, drop_tx_invalid, 1);
		pool_put_buffer(f->buffer);
		return;
	}
	f->queued.ect = f->ip.tos & 3;
	if (aqm_wishes.flows)
		f->queued.flow = hash_flow(e, &f->ip, f->packet);
	aqm_enqueue(e->aqm, &f->queued, now_ns);
}

struct frame *egress_next(struct egress *e, uint64_t now_ns)
{
	return (struct frame *)aqm_dequeue(e->aqm, now_ns);
}

bool egress_waits(const struct egress *e)
{
	return aqm_packets(e->aqm);
}

// ---- the lower queue

// Bytes that the outer sockets still hold, by their true size.
static uint64_t count_outstanding(const int udp[2])
{
	uint64_t sum = 0;

	for (int i = 0; i < 2; i++) {
		int bytes;

		if (udp[i] >= 0 && !ioctl(udp[i], SIOCOUTQ, &bytes))
			sum += bytes;
	}
	return sum;
}

bool egress_has_room(struct egress *e, const int udp[2], uint64_t now_ns)
{
	if (!e->bounded || !dql_due(&e->dql, now_ns))
		return true;
	uint64_t finished = atomic_load_explicit(&e->finished, memory_order_relaxed);
	dql_see(&e->dql, e->submitted - finished + count_outstanding(udp), now_ns);
	return dql_room(&e->dql);
}

void egress_submitted(struct egress *e, uint32_t bytes)
{
	e->submitted += bytes;
	dql_queue(&e->dql, bytes);
}

void egress_finished(struct egress *e, uint32_t bytes)
{
	atomic_fetch_add_explicit(&e->finished, bytes, memory_order_relaxed);
}

int egress_patience(const struct egress *e)
{
	if (!egress_waits(e))
		return -1;
	return e->bounded && !dql_room(&e->dql) ? EGRESS_POLL_MS : 0;
}
