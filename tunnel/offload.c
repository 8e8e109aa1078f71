// All that the segments' headers have in common is summed once, so that a segment costs a copy of
// its headers, a few additions and the pass over its payload.
#include "tunnel/offload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include "tunnel/bytes.h"
#include "tunnel/checksum.h"
#include "tunnel/inner.h"

#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define IPV4_FRAGMENT 0x3fff // more fragments, offset
#define TCP_LAST_ONLY (TH_FIN | TH_PUSH)
#define TCP_FIRST_ONLY 0x80 // CWR

uint32_t offload_segments(const struct virtio_net_hdr *header, const uint8_t *packet,
                          uint32_t length)
{
	bool udp = header->gso_type == VIRTIO_NET_HDR_GSO_UDP_L4;
	uint32_t headers = header->csum_start + sizeof(struct udphdr);

	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE || !header->gso_size)
		return 1;
	if (!udp && header->csum_start + sizeof(struct tcphdr) <= length)
		headers = header->csum_start + (packet[header->csum_start + 12] >> 4) * 4;
	if (headers >= length)
		return 1;
	return (length - headers + header->gso_size - 1) / header->gso_size;
}

// Whether `protocol` is what stands at `transport`.
static bool reaches_protocol(const uint8_t *packet, int family, uint32_t transport,
                             uint8_t protocol)
{
	if (family == AF_INET)
		return packet[9] == protocol && transport == (packet[0] & 15u) * 4 &&
		       !(ntohs(bytes_load16(packet + 6)) & IPV4_FRAGMENT);

	uint8_t next = packet[6];
	uint32_t at = IPV6_BYTES;

	while (at + sizeof(struct ip6_ext) <= transport) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			return false;
		next = packet[at];
		at += 8 * (packet[at + 1] + 1);
	}
	return next == protocol && at == transport;
}

static int init_partial(struct offload_cutter *c, const struct virtio_net_hdr *header)
{
	uint32_t at = header->csum_start + header->csum_offset;

	if (header->csum_start >= c->length || at + sizeof(uint16_t) > c->length)
		return -EINVAL;
	c->transport = header->csum_start;
	c->checksum_at = at;
	return 0;
}

static int init_tcp(struct offload_cutter *c)
{
	uint8_t *tcp = c->template + c->transport;

	c->sequence = ntohl(bytes_load32(tcp + 4));
	c->tcp_word = ntohs(bytes_load16(tcp + 12));
	bytes_store32(tcp + 4, 0);
	bytes_store16(tcp + 12, 0);
	return 0;
}

static int init_udp(struct offload_cutter *c)
{
	uint8_t *udp = c->template + c->transport;

	if (ntohs(bytes_load16(udp + 4)) != c->length - c->transport)
		return -EINVAL;
	bytes_store16(udp + 4, 0);
	return 0;
}

// A super-packet of `protocol`; family AF_UNSPEC: of either.
static int init_super(struct offload_cutter *c, const struct virtio_net_hdr *header,
                      const struct inner *ip, int family, uint8_t protocol)
{
	const uint8_t *packet = c->packet;
	bool tcp = protocol == IPPROTO_TCP;
	uint32_t transport = header->csum_start;
	// hdr_len is only a hint: kernels set it to what happens to lie in the linear part.
	uint32_t headers = transport + (tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr));
	int ret;

	if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || !header->gso_size)
		return -EINVAL;
	if ((family != AF_UNSPEC && ip->family != family) || headers > ip->length)
		return -EINVAL;
	if (tcp) {
		uint32_t bytes = (packet[transport + 12] >> 4) * 4;

		headers = transport + bytes;
		if (bytes < sizeof(struct tcphdr) || headers > ip->length)
			return -EINVAL;
	}
	if (headers > OFFLOAD_HEADERS_MAX)
		return -EMSGSIZE;
	if (!reaches_protocol(packet, ip->family, transport, protocol) ||
	    header->csum_offset !=
	        (tcp ? offsetof(struct tcphdr, th_sum) : offsetof(struct udphdr, uh_sum)))
		return -EINVAL;

	c->family = ip->family;
	c->protocol = protocol;
	c->length = ip->length;
	c->headers = headers;
	c->transport = transport;
	c->checksum_at = transport + header->csum_offset;
	c->gso_size = header->gso_size;
	if (c->length - headers > c->gso_size)
		c->segments = (c->length - headers + c->gso_size - 1) / c->gso_size;

	memcpy(c->template, packet, headers);
	if (c->family == AF_INET) {
		uint16_t total = bytes_load16(c->template + 2), id = bytes_load16(c->template + 4);
		uint16_t check = bytes_load16(c->template + 10);

		c->ip_id = ntohs(id);
		// RFC 1624: what was wrong stays wrong in every segment.
		c->ip_sum = (uint16_t)~check + (uint16_t)~total + (uint16_t)~id;
	}
	ret = tcp ? init_tcp(c) : init_udp(c);
	// The checksum field holds the sum of the pseudo header for the super-packet's length;
	// taking that length out of it, rather than summing addresses, is right with routing
	// headers too.
	c->transport_sum = checksum_add((uint16_t)~htons(c->length - transport),
	                                c->template + transport, headers - transport);
	bytes_store16(c->template + c->checksum_at, 0);
	return ret;
}

int offload_cut_init(struct offload_cutter *c, const struct virtio_net_hdr *header,
                     const struct inner *ip, uint8_t *packet, uint32_t length)
{
	c->packet = packet;
	c->length = length;
	c->headers = 0;
	c->checksum_at = 0;
	c->segments = 1;
	c->at = 0;
	switch (header->gso_type) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM ? init_partial(c, header) : 0;
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN:
		return init_super(c, header, ip, AF_INET, IPPROTO_TCP);
	case VIRTIO_NET_HDR_GSO_TCPV6:
	case VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN:
		return init_super(c, header, ip, AF_INET6, IPPROTO_TCP);
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return init_super(c, header, ip, AF_UNSPEC, IPPROTO_UDP);
	default:
		return -EINVAL;
	}
}

static uint8_t *complete_partial(struct offload_cutter *c)
{
	uint16_t sum;

	if (c->checksum_at) {
		sum = ~checksum_fold(
		    checksum_add(0, c->packet + c->transport, c->length - c->transport));
		bytes_store16(c->packet + c->checksum_at, sum ? sum : 0xffff);
	}
	return c->packet;
}

uint8_t *offload_cut_next(struct offload_cutter *c, uint32_t *length)
{
	if (c->at == c->segments)
		return NULL;

	uint32_t number = c->at++, offset = number * c->gso_size;
	bool last = c->at == c->segments;

	if (!c->headers) {
		*length = c->length;
		return complete_partial(c);
	}

	uint8_t *packet = c->packet + offset, *transport = packet + c->transport;
	uint32_t payload = last ? c->length - c->headers - offset : c->gso_size;
	uint32_t bytes = c->headers + payload;
	uint16_t transport_bytes = htons(bytes - c->transport);
	uint64_t sum = c->transport_sum + transport_bytes;

	memcpy(packet, c->template, c->headers);
	if (c->family == AF_INET) {
		uint16_t total = htons(bytes), id = htons(c->ip_id + number);

		bytes_store16(packet + 2, total);
		bytes_store16(packet + 4, id);
		bytes_store16(packet + 10, ~checksum_fold((uint64_t)c->ip_sum + total + id));
	} else {
		bytes_store16(packet + 4, htons(bytes - IPV6_BYTES));
	}
	if (c->protocol == IPPROTO_TCP) {
		uint32_t sequence = htonl(c->sequence + offset);
		uint16_t word = c->tcp_word;

		if (number)
			word &= ~TCP_FIRST_ONLY;
		if (!last)
			word &= ~TCP_LAST_ONLY;
		word = htons(word);
		bytes_store32(transport + 4, sequence);
		bytes_store16(transport + 12, word);
		sum += (uint64_t)sequence + word;
	} else {
		bytes_store16(transport + 4, transport_bytes);
		sum += transport_bytes;
	}
	sum = checksum_add(sum, packet + c->headers, payload);
	uint16_t checksum = ~checksum_fold(sum);
	if (!checksum && c->protocol == IPPROTO_UDP)
		checksum = 0xffff; // 0 says that there is none (RFC 768)
	bytes_store16(packet + c->checksum_at, checksum);
	*length = bytes;
	return packet;
}
