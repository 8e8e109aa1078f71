#include "tunnel/gather.h"

#include <string.h>
#include "tunnel/batch.h"
#include "tunnel/device.h"
#include "tunnel/pipeline.h"

// Bytes of one frame in `out`, at most.
static uint32_t out_bytes(const struct offload_cutter *c)
{
	return c->length + c->segments * (c->headers + MESSAGE_DATA_OVERHEAD + MESSAGE_PADDING);
}

static bool fits(const struct batch *b, const struct offload_cutter *c)
{
	return b->frames < BATCH_FRAMES_MAX && b->packets + c->segments <= BATCH_PACKETS_MAX &&
	       b->in_bytes + c->length + BATCH_SLACK <= BATCH_IN_BYTES &&
	       b->out_bytes + out_bytes(c) <= BATCH_OUT_BYTES;
}

static void append(struct batch *b, const struct offload_cutter *c)
{
	b->frame[b->frames++].cutter = *c;
	b->packets += c->segments;
	b->out_bytes += out_bytes(c);
	b->in_bytes += c->length + BATCH_SLACK;
}

static void stage(struct gather *g, struct batch *b)
{
	if (b->frames)
		peer_stage(b, g->now_ns);
	else
		batch_put(b);
}

void gather_init(struct gather *g, struct path *path, uint64_t now_ns)
{
	*g = (struct gather){.path = path, .now_ns = now_ns};
}

uint8_t *gather_room(struct gather *g)
{
	struct batch *b = g->reading;

	// A super-packet leaves at once: its receiver starts while the next one is read.
	if (b && (b->in_bytes > BATCH_FRAME_BYTES / 2 || b->frames == BATCH_FRAMES_MAX)) {
		stage(g, b);
		b = g->reading = NULL;
	}
	if (!b)
		b = g->reading = batch_get(g->path);
	if (!b) {
		device_count(g->path->device, drop_memory, 1);
		return NULL;
	}
	return b->in + b->in_bytes;
}

static struct batch *begin(struct gather *g, struct peer *peer, uint8_t tos)
{
	struct batch *b = batch_get(g->path);

	if (!b) {
		device_count(g->path->device, drop_memory, 1);
		return NULL;
	}
	b->peer = peer_hold(peer);
	b->tos = tos;
	return b;
}

static bool takes(const struct batch *b, uint8_t tos, const struct offload_cutter *c)
{
	return b->tos == tos && fits(b, c);
}

// Index of the peer's batch among the open ones, or g->open.
static size_t find(const struct gather *g, const struct peer *peer)
{
	size_t i = 0;

	while (i < g->open && g->batch[i]->peer != peer)
		i++;
	return i;
}

// The open batch that takes the frame; what the peer had open and doesn't take it leaves first.
static struct batch *other(struct gather *g, struct peer *peer, uint8_t tos,
                           const struct offload_cutter *c)
{
	size_t i = find(g, peer);

	if (i < g->open && takes(g->batch[i], tos, c))
		return g->batch[i];
	if (i == g->open && g->open == GATHER_OPEN_MAX)
		i = 0;
	if (i < g->open) {
		stage(g, g->batch[i]);
		memmove(&g->batch[i], &g->batch[i + 1], (--g->open - i) * sizeof(g->batch[0]));
	}
	struct batch *b = begin(g, peer, tos);
	if (b)
		g->batch[g->open++] = b;
	return b;
}

void gather_add(struct gather *g, const struct virtio_net_hdr *header, uint8_t *frame,
                uint32_t length)
{
	struct device *d = g->path->device;
	struct batch *b = g->reading, *old = NULL;
	struct offload_ip ip;
	struct offload_cutter cutter;

	if (offload_ip_parse(&ip, frame, length) ||
	    offload_cut_init(&cutter, header, frame, length) ||
	    cutter.segments > BATCH_PACKETS_MAX || out_bytes(&cutter) > BATCH_OUT_BYTES) {
		device_count(d, drop_tx_invalid, 1);
		return;
	}
	struct allowedips_owner *owner =
	    allowedips_lookup(d->allowed_ips, ip.family, ip.destination);
	if (!owner) {
		device_count(d, drop_tx_no_peer, cutter.segments);
		return;
	}
	struct peer *peer = (struct peer *)((char *)owner - offsetof(struct peer, allowed_ips));
	uint8_t tos = ip.tos & 3; // RFC 6040, section 4.1: ECN is copied; DSCP stays 0

	if (!b->frames && find(g, peer) == g->open) {
		b->peer = peer_hold(peer);
		b->tos = tos;
	} else if (b->peer != peer) {
		b = other(g, peer, tos, &cutter);
	} else if (!takes(b, tos, &cutter)) {
		old = b;
		b = begin(g, peer, tos);
	}
	if (!b)
		return;
	if (cutter.packet != b->in + b->in_bytes)
		cutter.packet = memcpy(b->in + b->in_bytes, frame, length);
	append(b, &cutter);
	if (old) {
		stage(g, old);
		g->reading = b;
	}
}

void gather_close(struct gather *g)
{
	for (size_t i = 0; i < g->open; i++)
		stage(g, g->batch[i]);
	if (g->reading)
		stage(g, g->reading);
	*g = (struct gather){.path = g->path};
}
