// The last stage on the way in: a write for each packet, or for each merged super-packet.
#include <string.h>
#include "tunnel/counters.h"
#include "tunnel/feature.h"
#include "tunnel/inner.h"
#include "tunnel/merge.h"
#include "tunnel/offload.h"
#include "tunnel/pipeline.h"
#include "tunnel/pool.h"
#include "tunnel/queue.h"
#include "tunnel/state.h"
#include "variants/receive/receive.h"

static void write_packet(struct queue *q, const struct virtio_net_hdr *header, struct iovec *iov,
                         int vectors)
{
	counters_add(q->counters, tun_writes, 1);
	if (tun_put_frame(q->tun, header, iov, vectors))
		counters_add(q->counters, drop_rx_tun, 1);
}

void tun_write(void *queue, struct receive_packet *packets, size_t n)
{
	static const struct virtio_net_hdr plain;

	for (size_t i = 0; i < n; i++) {
		struct iovec iov[] = {{0}, {packets[i].data, packets[i].length}};

		write_packet(queue, &plain, iov, 2);
	}
}

// The kernel refused a super-packet: cuts it again and writes the packets one by one.
static void write_cut(struct queue *q, const struct merge_write *w, const struct iovec *iov,
                      int vectors)
{
	static const struct virtio_net_hdr plain;
	struct offload_cutter cutter;
	struct inner ip;
	struct buffer *scratch = pool_get_buffer(&q->pool);
	uint8_t *packet;
	uint32_t length = 0;

	if (!scratch) {
		counters_add(q->counters, drop_memory, w->count);
		return;
	}
	for (int i = 1; i < vectors; i++) {
		memcpy(scratch->item.bytes + length, iov[i].iov_base, iov[i].iov_len);
		length += iov[i].iov_len;
	}
	if (inner_parse(&ip, scratch->item.bytes, length) ||
	    offload_cut_init(&cutter, &w->header, &ip, scratch->item.bytes, length))
		counters_add(q->counters, drop_rx_tun, w->count);
	else
		while ((packet = offload_cut_next(&cutter, &length)))
			write_packet(q, &plain, (struct iovec[]){{0}, {packet, length}}, 2);
	pool_put_buffer(scratch);
}

static void write_merged(struct queue *q, const struct merge_write *w, struct iovec *iov,
                         int vectors)
{
	struct device *d = q->device;
	struct feature *merges =
	    w->header.gso_type == VIRTIO_NET_HDR_GSO_UDP_L4 ? &d->tun.merge_udp : &d->tun.merge_tcp;
	bool changed;

	counters_add(&d->counters, tun_writes, 1);
	int ret = tun_put_frame(q->tun, &w->header, iov, vectors);
	enum feature_meaning meaning = feature_meaning(FEATURE_TUN_MERGED, -ret);
	if (ret && meaning == FEATURE_NOT_NOW) {
		// Its packets one by one would fare no better.
		counters_add(&d->counters, drop_rx_tun, w->count);
		return;
	}
	changed = ret ? feature_refused(merges, meaning) : feature_took(merges);
	if (changed)
		counters_add(&d->counters, offload_changes, 1);
	if (ret)
		write_cut(q, w, iov, vectors);
}

static unsigned merge_flags(struct device *d)
{
	unsigned flags = d->switches.strict_checksum ? MERGE_STRICT : 0;

	if (feature_wanted(&d->tun.merge_tcp))
		flags |= MERGE_TCP;
	if (feature_wanted(&d->tun.merge_udp))
		flags |= MERGE_UDP;
	return flags;
}

void tun_write_merged(void *queue, struct receive_packet *packets, size_t n)
{
	struct queue *q = queue;
	struct device *d = q->device;
	uint16_t next[MERGE_MAX];
	struct merge_write writes[MERGE_MAX];
	struct iovec iov[MERGE_MAX + 1];
	size_t count = merge_packets(packets, n, merge_flags(d), next, writes);

	for (size_t i = 0; i < count; i++) {
		struct merge_write *w = &writes[i];
		int vectors = 1;

		for (uint16_t at = w->first, skip = 0; at != UINT16_MAX;
		     at = next[at], skip = w->skip)
			iov[vectors++] =
			    (struct iovec){packets[at].data + skip, packets[at].length - skip};
		if (w->count == 1) {
			write_packet(q, &w->header, iov, vectors);
			continue;
		}
		write_merged(q, w, iov, vectors);
	}
}
