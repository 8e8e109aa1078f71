// Segmentation offload in user space, both ways: a super-packet that the TUN hands over is cut
// into packets, and consecutive packets of one flow are merged into one super-packet for the TUN.
// Pure functions over memory; no copy of a payload.
#ifndef WGBENCH_OFFLOAD_H
#define WGBENCH_OFFLOAD_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "variants/receive/receive.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5 // linux/virtio_net.h since 6.2
#endif

enum {
	OFFLOAD_HEADERS_MAX = 128, // IP and transport header of a super-packet, with options
	OFFLOAD_MERGE_MAX = RECEIVE_BUDGET_MAX, // packets in one merge
};

// The inner packet's facts that the path needs; only the first 40 bytes are looked at.
struct offload_ip {
	int family;                 // AF_INET or AF_INET6
	const uint8_t *source;      // in the packet: 4 or 16 bytes
	const uint8_t *destination; // likewise
	uint32_t length;            // that the IP header states
	uint8_t tos;                // DSCP and ECN
};

// 0; -EINVAL: not an IP packet whose stated length fits in `length` and holds its header.
int offload_ip_parse(struct offload_ip *, const uint8_t *packet, size_t length);

// What makes a flow: addresses, protocol, and the ports of whole TCP and UDP packets.
enum { OFFLOAD_FLOW_BYTES = 40 };
// ip: of the packet, parsed. How many bytes it takes in that family; those behind are zero.
size_t offload_flow(uint8_t flow[OFFLOAD_FLOW_BYTES], const struct offload_ip *ip,
                    const uint8_t *packet);

// How many packets a frame would be cut into, at least 1; of one that contradicts its header, some.
uint32_t offload_segments(const struct virtio_net_hdr *header, const uint8_t *packet,
                          uint32_t length);

// Sets the ECN field (0–3) of a valid inner packet, keeping the IPv4 header checksum right.
void offload_ip_set_ecn(uint8_t *packet, uint8_t ecn);

// Internet checksum (RFC 1071): the one's complement sum of `length` bytes added to `sum`, not yet
// folded; the order of bytes is the memory's, so a folded result is stored as it is.
uint64_t checksum_add(uint64_t sum, const void *data, size_t length);
uint16_t checksum_fold(uint64_t sum); // folded, not complemented
// Sum of the pseudo header: addresses of `ip`, protocol, and transport length in bytes.
uint64_t checksum_pseudo(const struct offload_ip *ip, uint8_t protocol, uint32_t length);

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
// bytes. A frame with a partial checksum and no GSO gets its checksum completed by the first next.
// 0; -EINVAL: the header contradicts the packet (lengths, protocol, GSO type); -EMSGSIZE: headers
// too large.
int offload_cut_init(struct offload_cutter *, const struct virtio_net_hdr *header, uint8_t *packet,
                     uint32_t length);

// The next packet, complete with checksums and lengths, contiguous in the frame's memory: its
// headers are written over the end of the packet before it, which must have been used up by then.
// NULL after the last one.
uint8_t *offload_cut_next(struct offload_cutter *, uint32_t *length);

// One write to the TUN: packet[first], whole, then the payloads of the packets that follow it in
// the chain. The header is in host order.
struct offload_write {
	struct virtio_net_hdr header;
	uint16_t first;  // index into the packets
	uint16_t count;  // packets in the chain
	uint16_t skip;   // bytes of headers left out of all but the first packet
	uint16_t length; // bytes of the merged packet
};

enum offload_merge_flags {
	OFFLOAD_MERGE_TCP = 1,
	OFFLOAD_MERGE_UDP = 2,    // the TUN takes VIRTIO_NET_HDR_GSO_UDP_L4
	OFFLOAD_MERGE_STRICT = 4, // packets whose own checksum is wrong are never merged
};

// Merges packets of one flow, in their order, as the kernel's GRO would: TCP with consecutive
// sequence numbers, equal acknowledgement, window, options, TOS, TTL and flags (PSH and FIN end a
// merge), none of SYN, RST, URG, CWR; UDP of one 5-tuple, equal TOS and TTL; equal payload sizes
// but for a shorter last one; no IP options, extension headers or fragments. Packets of other flows
// may stand between them; the order within each flow is kept. next[i] is set to the index of the
// packet after i in its chain, or UINT16_MAX. The first packet's headers are rewritten for the
// whole (NEEDS_CSUM with the pseudo header sum); single packets are left untouched. writes: room
// for n. Returns how many writes, in the order in which they are to be made. n <= OFFLOAD_MERGE_MAX
// per call.
size_t offload_merge(const struct receive_packet *, size_t n, unsigned flags, uint16_t *next,
                     struct offload_write *writes);

#endif
