#include "tunnel/inner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include "tunnel/bytes.h"
#include "tunnel/checksum.h"

enum {
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	IPV4_FRAGMENT = 0x3fff, // more fragments, offset
};

int inner_parse(struct inner *ip, const uint8_t *packet, size_t length)
{
	if (length >= IPV4_BYTES && packet[0] >> 4 == 4) {
		ip->family = AF_INET;
		ip->length = ntohs(bytes_load16(packet + 2));
		ip->tos = packet[1];
		ip->protocol = packet[9];
		ip->headers = (packet[0] & 15) * 4;
		if (ip->headers < IPV4_BYTES || ip->length < ip->headers)
			return -EINVAL;
	} else if (length >= IPV6_BYTES && packet[0] >> 4 == 6) {
		ip->family = AF_INET6;
		ip->length = IPV6_BYTES + ntohs(bytes_load16(packet + 4));
		ip->tos = ntohs(bytes_load16(packet)) >> 4;
		ip->protocol = packet[6];
		ip->headers = IPV6_BYTES;
	} else {
		return -EINVAL;
	}
	return ip->length <= length ? 0 : -EINVAL;
}

size_t inner_flow(uint8_t flow[INNER_FLOW_BYTES], const struct inner *ip, const uint8_t *packet)
{
	bool v4 = ip->family == AF_INET;
	size_t addresses = v4 ? 8 : 32;
	bool fragment = v4 && (ntohs(bytes_load16(packet + 6)) & IPV4_FRAGMENT);
	uint8_t *to = flow;

	memset(flow, 0, INNER_FLOW_BYTES);
	to = mempcpy(to, inner_source(ip, packet), addresses);
	*to++ = ip->protocol;
	if ((ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP) && !fragment &&
	    ip->length >= ip->headers + 4u)
		memcpy(to, packet + ip->headers, 4);
	return to + 4 - flow;
}

void inner_set_ecn(uint8_t *packet, uint8_t ecn)
{
	if (packet[0] >> 4 == 6) {
		packet[1] = (packet[1] & 0xcf) | ecn << 4;
		return;
	}
	uint16_t before = bytes_load16(packet);
	packet[1] = (packet[1] & 0xfc) | ecn;
	// RFC 1624, equation 3
	uint32_t sum = (uint16_t)~bytes_load16(packet + 10) + (uint16_t)~before;
	bytes_store16(packet + 10, ~checksum_fold(sum + bytes_load16(packet)));
}

uint64_t inner_pseudo_sum(const struct inner *ip, const uint8_t *packet, uint8_t protocol,
                          uint32_t length)
{
	const uint8_t *addresses = inner_source(ip, packet);
	uint64_t sum = htons(protocol) + (uint64_t)htonl(length);

	for (size_t i = 0; i < (ip->family == AF_INET ? 8 : 32); i += 4)
		sum += bytes_load32(addresses + i);
	return sum;
}
