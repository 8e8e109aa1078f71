// Merging consecutive packets of one flow into super-packets for the TUN. Pure functions over
// memory; no copy of a payload.
#ifndef WGBENCH_MERGE_H
#define WGBENCH_MERGE_H

#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>
#include "variants/receive/receive.h"

enum { MERGE_MAX = RECEIVE_BUDGET_MAX }; // packets in one call

// One write to the TUN: packet[first], whole, then the payloads of the packets that follow it in
// the chain. The header is in host order.
struct merge_write {
	struct virtio_net_hdr header;
	uint16_t first;  // index into the packets
	uint16_t count;  // packets in the chain
	uint16_t skip;   // bytes of headers left out of all but the first packet
	uint16_t length; // bytes of the merged packet
};

enum merge_flags {
	MERGE_TCP = 1,
	MERGE_UDP = 2,    // the TUN takes VIRTIO_NET_HDR_GSO_UDP_L4
	MERGE_STRICT = 4, // packets whose own checksum is wrong are never merged
};

// Merges packets of one flow, in their order, as the kernel's GRO would: TCP with consecutive
// sequence numbers, equal acknowledgement, window, options, TOS, TTL and flags (PSH and FIN end a
// merge), none of SYN, RST, URG, CWR; UDP of one 5-tuple, equal TOS and TTL; equal payload sizes
// but for a shorter last one; no IP options, extension headers or fragments. Packets of other flows
// may stand between them; the order within each flow is kept. next[i] is set to the index of the
// packet after i in its chain, or UINT16_MAX. The first packet's headers are rewritten for the
// whole (NEEDS_CSUM with the pseudo header sum); single packets are left untouched. writes: room
// for n. Returns how many writes, in the order in which they are to be made. n <= MERGE_MAX
// per call.
size_t merge_packets(const struct receive_packet *, size_t n, unsigned flags, uint16_t *next,
                     struct merge_write *writes);

#endif
