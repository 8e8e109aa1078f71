// Frames into the TUN, and what of them must leave.
#include "tests/fuzz/messages/bed.h"

#include <sys/socket.h>

#include "tests/support/packets.h"
#include "tunnel/batch.h"
#include "tunnel/gather.h"
#include "tunnel/inner.h"
#include "tunnel/lanes.h"
#include "tunnel/pipeline.h"
#include "tunnel/egress.h"
#include "tunnel/queue.h"

// Whether the packet is a message to the peer, as the device itself sends them now: it would come
// back without end.
static bool comes_back(const struct peer *p, const struct inner *ip, const uint8_t *packet)
{
	const struct keypair *k = p ? keypair_sending(p) : NULL;
	bool four = ip->family == AF_INET, fragment = !four && packet[6] == IPPROTO_FRAGMENT;
	size_t udp = four ? 20 : fragment ? 48 : 40;

	if (!k || (four && packet[0] != 0x45) || ip->length < udp + 8 + MESSAGE_DATA_OVERHEAD)
		return false;
	return packet[four       ? 9
	              : fragment ? 40
	                         : 6] == IPPROTO_UDP &&
	       le32toh(remote_word(packet + udp + 8)) == MESSAGE_DATA &&
	       remote_word(packet + udp + 12) == k->remote_index;
}

// What must leave, by the cutter on a copy: the target `frames` judges that one. How many packets
// must not, since they would come back.
static uint32_t await_frame(struct bed *bed, const struct virtio_net_hdr *header,
                            const uint8_t *frame, size_t n)
{
	uint8_t *copy = fuzz_exactly(frame, n), *packet, flow[INNER_FLOW_BYTES];
	struct offload_cutter c;
	struct inner ip;
	uint32_t bytes, back = 0;

	// A batch holds no more.
	if (!inner_parse(&ip, copy, n) && !offload_cut_init(&c, header, &ip, copy, n) &&
	    c.segments <= BATCH_PACKETS_MAX) {
		size_t flow_bytes = inner_flow(flow, &ip, copy);
		uint64_t flow_hash = remote_hash(flow, flow_bytes);

		for (struct remote *r = bed->remotes; r < bed->remotes + REMOTES; r++) {
			const uint8_t four[] = {10, 0, r->network},
			              six[] = {0xfd, 0, 0, r->network};

			if (memcmp(inner_destination(&ip, copy), ip.family == AF_INET ? four : six,
			           ip.family == AF_INET ? 3 : 4))
				continue;
			if (comes_back(bed_peer(bed, r), &ip, copy))
				back = c.segments;
			else
				while ((packet = offload_cut_next(&c, &bytes)))
					remote_await(r, flow_hash, packet, bytes);
			break;
		}
	}
	free(copy);
	return back;
}

// A message of the device's own to the one end, or of none, inside a packet to one of them.
static size_t make_message(const struct bed *bed, uint8_t *p, unsigned how)
{
	const struct peer *of = bed_peer(bed, &bed->remotes[how >> 4 & 1]);
	const struct keypair *k = of ? keypair_sending(of) : NULL;
	const struct message_data m = {.type = htole32(MESSAGE_DATA),
	                               .receiver_index = k ? k->remote_index : 0};
	const uint8_t network = how & 2 ? 1 : 2;
	enum { BYTES = 128 };
	size_t at = 20;

	if (how & 4) {
		p[0] = 0x60;
		put16(p + 4, BYTES - 40);
		p[6] = how & 0x20 ? IPPROTO_FRAGMENT : IPPROTO_UDP;
		p[40] = IPPROTO_UDP;
		memcpy(p + 24, (uint8_t[]){0xfd, 0, 0, network}, 4);
		at = how & 0x20 ? 48 : 40;
	} else {
		p[0] = 0x45;
		put16(p + 2, BYTES);
		p[6] = how & 0x20;
		p[9] = IPPROTO_UDP;
		memcpy(p + 16, (uint8_t[]){10, 0, network, 9}, 4);
	}
	memcpy(p + at + 8, &m, sizeof(m));
	return BYTES;
}

void step_frames(struct bed *bed, struct fuzz_input *in, unsigned options)
{
	static uint8_t frame[sizeof(struct virtio_net_hdr) + 4096];
	struct virtio_net_hdr header = {0};
	struct queue *queue = &bed->device->queue[0];
	const size_t head = sizeof(header);
	uint64_t back = counters_sum(&bed->device->counters, drop_tx_loop);

	for (unsigned frames = 1 + options % 4; frames--;) {
		uint8_t how = fuzz_byte(in), *p = frame + head;
		size_t n = fuzz_u16(in) % 4096;

		memset(frame, 0, sizeof(frame));
		if (how & 1) { // a TCP packet, perhaps a super-packet
			n = n < 40 ? 40 : n;
			p[0] = 0x45;
			p[1] = how >> 6;
			put16(p + 2, n);
			p[9] = IPPROTO_TCP;
			memcpy(p + 16, (uint8_t[]){10, 0, how & 2 ? 1 : 2, 9}, 4);
			p[32] = 0x50;
			fuzz_take(in, p + 36, 4);
			header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			                                 .csum_start = 20,
			                                 .csum_offset = 16};
			if (how & 4) {
				header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
				header.gso_size = 1 + fuzz_byte(in) * 8;
			}
		} else if (how & 8) {
			header = (struct virtio_net_hdr){0};
			n = make_message(bed, p, how);
		} else {
			fuzz_take(in, &header, sizeof(header));
			n = fuzz_take(in, p, n);
		}
		memcpy(frame, &header, head);
		if (send(bed->tun, frame, head + n, 0) == (ssize_t)(head + n) && n)
			back += await_frame(bed, &header, p, n);
	}
	lock_share(&bed->device->lock);
	do
		FUZZ_CHECK(tun_read(queue, bed->now_ns) >= 0);
	while (gather_send(queue, bed->now_ns));
	lanes_flush(queue);
	lock_release(&bed->device->lock);
	FUZZ_CHECK(counters_sum(&bed->device->counters, drop_tx_loop) == back);
	FUZZ_CHECK(!egress_waits(&queue->egress));
	bed_handle_posted(bed);
}
