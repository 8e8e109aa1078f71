#include "tunnel/gather.h"

#include <endian.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>
#include "tunnel/batch.h"
#include "tunnel/bytes.h"
#include "tunnel/counters.h"
#include "tunnel/egress.h"
#include "tunnel/frame.h"
#include "tunnel/icmp.h"
#include "tunnel/inner.h"
#include "tunnel/keypair.h"
#include "tunnel/offload.h"
#include "tunnel/peer.h"
#include "tunnel/pipeline.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"
#include "tunnel/state.h"

enum { ECN_MASK = 3, ECN_CE = 3 };

// Bytes of one frame in `out`, at most.
static uint32_t count_out_bytes(const struct offload_cutter *c)
{
	return c->length + c->segments * (c->headers + MESSAGE_DATA_OVERHEAD + MESSAGE_PADDING);
}

static bool takes_frame(const struct batch *b, uint8_t tos, const struct offload_cutter *c)
{
	return b->tos == tos && b->frames < BATCH_FRAMES_MAX &&
	       b->packets + c->segments <= BATCH_PACKETS_MAX &&
	       b->out_bytes + count_out_bytes(c) <= BATCH_OUT_BYTES;
}

void gather_init(struct gather *g, struct queue *queue, uint64_t now_ns)
{
	*g = (struct gather){.queue = queue, .now_ns = now_ns};
}

static struct batch *begin_batch(struct gather *g, struct peer *peer, uint8_t tos)
{
	struct batch *b = pool_get_batch(&g->queue->pool);

	if (!b) {
		counters_add(&g->queue->device->counters, drop_memory, 1);
		return NULL;
	}
	b->peer = peer_hold(peer);
	b->tos = tos;
	return g->batch[g->open++] = b;
}

// The open batch that takes the frame, or NULL: then there is room to begin one. What the peer had
// open and doesn't take it leaves first.
static struct batch *find_open(struct gather *g, struct peer *peer, uint8_t tos,
                               const struct offload_cutter *c)
{
	size_t i = 0;

	while (i < g->open && g->batch[i]->peer != peer)
		i++;
	if (i < g->open && takes_frame(g->batch[i], tos, c))
		return g->batch[i];
	if (i == g->open && g->open == GATHER_OPEN_MAX)
		i = 0;
	if (i < g->open) {
		staging_add(g->batch[i], g->now_ns);
		memmove(&g->batch[i], &g->batch[i + 1], (--g->open - i) * sizeof(g->batch[0]));
	}
	return NULL;
}

static bool has_endpoint(struct peer *p)
{
	pthread_mutex_lock(&p->endpoint_lock);
	bool has = p->endpoint.remote.any.sa_family != AF_UNSPEC;
	pthread_mutex_unlock(&p->endpoint_lock);
	return has;
}

static void reject_frame(struct gather *g, struct frame *f)
{
	icmp_reject(g->queue, &f->ip, f->packet, g->now_ns);
	pool_put_buffer(f->buffer);
}

// Where the payload begins of a UDP packet such as the outer ones are, also of the first of its
// fragments; 0: it's none.
static uint32_t find_udp_payload(const struct inner *ip, const uint8_t *packet)
{
	uint32_t at = ip->headers;
	uint8_t protocol = ip->protocol;

	if (ip->family == AF_INET && at != sizeof(struct iphdr))
		return 0;
	if (ip->family == AF_INET6 && protocol == IPPROTO_FRAGMENT && ip->length > at) {
		protocol = packet[at];
		at += sizeof(struct ip6_frag);
	}
	return protocol == IPPROTO_UDP ? at + sizeof(struct udphdr) : 0;
}

// Whether the packet is a message to the very peer that it would go to: the route to the peer's
// endpoint leads into the tunnel. It would come back without end, and grow. (A message to another
// peer may well go through this one.) A later fragment comes back once more, whole.
static bool comes_back(const struct peer *p, const struct inner *ip, const uint8_t *packet)
{
	const struct keypair *k = keypair_sending(p);
	uint32_t at = find_udp_payload(ip, packet);

	return k && at && ip->length >= at + MESSAGE_DATA_OVERHEAD &&
	       bytes_load32(packet + at) == htole32(MESSAGE_DATA) &&
	       bytes_load32(packet + at + offsetof(struct message_data, receiver_index)) ==
	           k->remote_index;
}

void gather_add(struct gather *g, struct frame *f)
{
	struct device *d = g->queue->device;
	const struct inner *ip = &f->ip;
	struct offload_cutter cutter;

	// Before the frame is cut, so that every segment shows it.
	if (f->queued.marked) {
		inner_set_ecn(f->packet, ECN_CE);
		f->ip.tos |= ECN_CE;
		counters_add(&d->counters, aqm_marks, 1);
	}
	if (offload_cut_init(&cutter, &f->header, ip, f->packet, f->queued.bytes) ||
	    cutter.segments > BATCH_PACKETS_MAX || count_out_bytes(&cutter) > BATCH_OUT_BYTES) {
		counters_add(&d->counters, drop_tx_invalid, 1);
		pool_put_buffer(f->buffer);
		return;
	}
	struct allowedips_owner *owner =
	    allowedips_lookup(d->tables.allowed_ips, ip->family, inner_destination(ip, f->packet));
	if (!owner) {
		counters_add(&d->counters, drop_tx_no_peer, cutter.segments);
		reject_frame(g, f);
		return;
	}
	struct peer *peer = (struct peer *)((char *)owner - offsetof(struct peer, allowed_ips));
	if (comes_back(peer, ip, f->packet)) {
		counters_add(&d->counters, drop_tx_loop, cutter.segments);
		pool_put_buffer(f->buffer);
		return;
	}
	// RFC 6040, section 4.1: ECN is copied; DSCP stays 0.
	uint8_t tos = ip->tos & ECN_MASK;
	struct batch *b = find_open(g, peer, tos, &cutter);
	// Looked at once a batch: the endpoint's lock is shared with whoever receives.
	if (!b && !has_endpoint(peer)) {
		counters_add(&d->counters, drop_tx_no_endpoint, cutter.segments);
		reject_frame(g, f);
		return;
	}
	if (!b)
		b = begin_batch(g, peer, tos);
	if (!b) {
		pool_put_buffer(f->buffer);
		return;
	}
	b->frame[b->frames++] = (struct batch_frame){f->buffer, cutter};
	b->packets += cutter.segments;
	b->out_bytes += count_out_bytes(&cutter);
}

void gather_close(struct gather *g)
{
	for (size_t i = 0; i < g->open; i++)
		staging_add(g->batch[i], g->now_ns);
	g->open = 0;
}

uint32_t gather_send(struct queue *q, uint64_t now_ns)
{
	struct egress *e = &q->egress;
	struct gather gather;
	uint32_t bytes = 0;

	if (!egress_waits(e) || !egress_has_room(e, q->udp, now_ns))
		return 0;
	gather_init(&gather, q, now_ns);
	for (unsigned n = 0; n < GATHER_FRAMES && bytes < GATHER_BYTES; n++) {
		struct frame *f = egress_next(e, now_ns);

		if (!f)
			break;
		bytes += f->queued.bytes;
		gather_add(&gather, f);
	}
	gather_close(&gather);
	return bytes;
}
