// Segmentation offload in user space: a super-packet that the TUN hands over is cut into packets,
// as the kernel's GSO does. (merge.h is the other way.) Pure functions over memory; no copy of a
// payload.
#ifndef WGBENCH_OFFLOAD_H
#define WGBENCH_OFFLOAD_H

#include <linux/virtio_net.h>
#include <stdint.h>

struct inner;

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5 // linux/virtio_net.h since 6.2
#endif

enum { OFFLOAD_HEADERS_MAX = 128 }; // IP and transport header of a super-packet, with options

// How many packets a frame would be cut into, at least 1; of one that contradicts its header, some.
uint32_t offload_segments(const struct virtio_net_hdr *header, const uint8_t *packet,
                          uint32_t length);

// Cuts one frame. Between init and the last next, the frame's memory is the cutter's.
struct offload_cutter {
	uint8_t *packet;
	uint32_t length;
	uint32_t headers;     // bytes of IP and transport header; 0: not a super-packet
	uint32_t transport;   // offset of the transport header
	uint32_t checksum_at; // offset of its checksum; 0: nothing to be done
	uint32_t gso_size;
	uint32_t segments; // how many packets come out, at least 1
	uint32_t at;       // the next one's number
	int family;
	uint8_t protocol; // IPPROTO_TCP, IPPROTO_UDP
	uint16_t ip_id;
	uint16_t tcp_word; // data offset and flags
	uint32_t sequence;
	uint64_t ip_sum;        // of the IPv4 header without what differs from segment to segment
	uint64_t transport_sum; // of the template, and of the pseudo header but for the length
	uint8_t template[OFFLOAD_HEADERS_MAX]; // the transport header is zero where segments differ
};

// header: as read from the TUN (struct virtio_net_hdr, host order); packet: `length` writable
// bytes, parsed (zeroed: not an IP packet, which isn't cut). A frame with a partial checksum and no
// GSO gets its checksum completed by the first next. 0; -EINVAL: the header contradicts the packet
// (lengths, protocol, GSO type); -EMSGSIZE: headers too large.
int offload_cut_init(struct offload_cutter *, const struct virtio_net_hdr *header,
                     const struct inner *, uint8_t *packet, uint32_t length);

// The next packet, complete with checksums and lengths, contiguous in the frame's memory: its
// headers are written over the end of the packet before it, which must have been used up by then.
// NULL after the last one.
uint8_t *offload_cut_next(struct offload_cutter *, uint32_t *length);

#endif
