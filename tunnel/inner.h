// The IP header of an inner packet.
#ifndef WGBENCH_INNER_H
#define WGBENCH_INNER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// What the path needs of it; only the first 40 bytes are looked at.
struct inner {
	uint32_t length;  // that the header states
	uint8_t family;   // AF_INET or AF_INET6
	uint8_t tos;      // DSCP and ECN
	uint8_t protocol; // IPv6: the next header, which may be an extension
	uint8_t headers;  // bytes of the header, IPv6's without extensions
};

// 0; -EINVAL: not an IP packet whose stated length fits in `length` and holds its header.
int inner_parse(struct inner *, const uint8_t *packet, size_t length);

// In the packet: 4 or 16 bytes.
static inline const uint8_t *inner_source(const struct inner *ip, const uint8_t *packet)
{
	return packet + (ip->family == AF_INET ? 12 : 8);
}

static inline const uint8_t *inner_destination(const struct inner *ip, const uint8_t *packet)
{
	return packet + (ip->family == AF_INET ? 16 : 24);
}

// What makes a flow: addresses, protocol, and the ports of whole TCP and UDP packets.
enum { INNER_FLOW_BYTES = 40 };
// How many bytes it takes in that family; those behind are zero.
size_t inner_flow(uint8_t flow[INNER_FLOW_BYTES], const struct inner *, const uint8_t *packet);

// Sets the ECN field (0–3) of a valid packet, keeping the IPv4 header checksum right.
void inner_set_ecn(uint8_t *packet, uint8_t ecn);

// Sum of the pseudo header (checksum.h): addresses, protocol, and transport length in bytes.
uint64_t inner_pseudo_sum(const struct inner *, const uint8_t *packet, uint8_t protocol,
                          uint32_t length);

#endif
