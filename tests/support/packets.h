// Inner packets for tests, built field by field from a description; all sums bytewise. Slow and
// obviously right: what the offload code makes is compared with what is built here.
#ifndef WGBENCH_TESTS_SUPPORT_PACKETS_H
#define WGBENCH_TESTS_SUPPORT_PACKETS_H

#include "tests/support/support.h"

#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "tunnel/inner.h"
#include "tunnel/offload.h"

enum { PACKETS_MAX = 65535 };

struct packet_spec {
	int family;
	uint8_t protocol;
	uint8_t source, destination; // the last byte of the addresses
	uint16_t ports[2];
	uint8_t tos, ttl;
	bool df;            // v4
	uint16_t id;        // v4
	uint16_t fragment;  // v4: flags and offset beside DF
	uint32_t label;     // v6
	uint8_t ip_options; // v4: bytes of options; v6: of extension headers; multiples of 8
	uint32_t sequence, acknowledgement;
	uint16_t window;
	uint8_t tcp_flags;
	uint8_t options[40];
	uint8_t options_bytes; // a multiple of 4
	const uint8_t *payload;
	size_t payload_bytes;
};

static inline void put16(uint8_t *to, unsigned value)
{
	to[0] = value >> 8;
	to[1] = value;
}

static inline void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value & 0xffff);
}

static inline unsigned get16(const uint8_t *from)
{
	return from[0] << 8 | from[1];
}

// RFC 1071, a byte at a time.
static inline unsigned naive_sum(const uint8_t *p, size_t bytes, unsigned sum)
{
	for (size_t i = 0; i < bytes; i++) {
		sum += i & 1 ? p[i] : p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static inline size_t ip_bytes(const struct packet_spec *s)
{
	return (s->family == AF_INET ? 20 : 40) + s->ip_options;
}

static inline size_t header_bytes(const struct packet_spec *s)
{
	return ip_bytes(s) + (s->protocol == IPPROTO_TCP ? 20 + s->options_bytes : 8);
}

static inline size_t checksum_offset(const struct packet_spec *s)
{
	return s->protocol == IPPROTO_TCP ? 16 : 6;
}

static inline unsigned naive_pseudo(const struct packet_spec *s, const uint8_t *packet,
                                    size_t bytes)
{
	uint8_t tail[4] = {0, s->protocol, bytes >> 8, bytes};

	return naive_sum(tail, sizeof(tail),
	                 s->family == AF_INET ? naive_sum(packet + 12, 8, 0)
	                                      : naive_sum(packet + 8, 32, 0));
}

static inline void build_ipv4(uint8_t *p, const struct packet_spec *s, size_t total)
{
	p[0] = 0x40 | ip_bytes(s) / 4;
	p[1] = s->tos;
	put16(p + 2, total);
	put16(p + 4, s->id);
	put16(p + 6, (s->df ? 0x4000 : 0) | s->fragment);
	p[8] = s->ttl;
	p[9] = s->protocol;
	memcpy(p + 12, (uint8_t[]){10, 0, 0, s->source, 10, 0, 1, s->destination}, 8);
	memset(p + 20, 1, s->ip_options); // no-operation
	put16(p + 10, ~naive_sum(p, ip_bytes(s), 0));
}

static inline void build_ipv6(uint8_t *p, const struct packet_spec *s, size_t total)
{
	put32(p, 6u << 28 | s->tos << 20 | s->label);
	put16(p + 4, total - 40);
	p[6] = s->ip_options ? IPPROTO_DSTOPTS : s->protocol;
	p[7] = s->ttl;
	p[8] = p[24] = 0xfd;
	p[23] = s->source;
	p[39] = s->destination;
	if (s->ip_options) {
		p[40] = s->protocol;
		p[41] = s->ip_options / 8 - 1;
		p[42] = 1; // PadN
		p[43] = s->ip_options - 4;
	}
}

// Builds the whole packet; its length. `to` has room for it.
static inline size_t packet_build(uint8_t *to, const struct packet_spec *s)
{
	size_t headers = header_bytes(s), total = headers + s->payload_bytes;
	size_t bytes = total - ip_bytes(s);
	uint8_t *t = to + ip_bytes(s);

	memset(to, 0, headers);
	if (s->family == AF_INET)
		build_ipv4(to, s, total);
	else
		build_ipv6(to, s, total);
	put16(t, s->ports[0]);
	put16(t + 2, s->ports[1]);
	if (s->protocol == IPPROTO_TCP) {
		put32(t + 4, s->sequence);
		put32(t + 8, s->acknowledgement);
		t[12] = (20 + s->options_bytes) / 4 << 4;
		t[13] = s->tcp_flags;
		put16(t + 14, s->window);
		memcpy(t + 20, s->options, s->options_bytes);
	} else {
		put16(t + 4, bytes);
	}
	if (s->payload_bytes)
		memcpy(to + headers, s->payload, s->payload_bytes);
	unsigned sum = 0xffff & ~naive_sum(t, bytes, naive_pseudo(s, to, bytes));
	if (!sum && s->protocol == IPPROTO_UDP)
		sum = 0xffff;
	put16(t + checksum_offset(s), sum);
	return total;
}

// Makes a built packet one whose checksum is left to the reader: the sum of the pseudo header.
static inline void packet_make_partial(uint8_t *packet, const struct packet_spec *s, size_t length)
{
	put16(packet + ip_bytes(s) + checksum_offset(s),
	      naive_pseudo(s, packet, length - ip_bytes(s)));
}

static inline struct virtio_net_hdr super_header(const struct packet_spec *s, uint16_t gso_size)
{
	return (struct virtio_net_hdr){
	    .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	    .gso_type = s->protocol == IPPROTO_UDP ? 5 /* UDP_L4 */
	                : s->family == AF_INET     ? VIRTIO_NET_HDR_GSO_TCPV4
	                                           : VIRTIO_NET_HDR_GSO_TCPV6,
	    .hdr_len = header_bytes(s),
	    .gso_size = gso_size,
	    .csum_start = ip_bytes(s),
	    .csum_offset = checksum_offset(s),
	};
}

static inline size_t model_segments(const struct packet_spec *s, size_t gso_size)
{
	return s->payload_bytes ? (s->payload_bytes + gso_size - 1) / gso_size : 1;
}

// What the packet numbered `i` is when `s` is cut.
static inline struct packet_spec model_segment(const struct packet_spec *s, size_t gso_size,
                                               size_t i)
{
	struct packet_spec one = *s;
	bool last = i + 1 == model_segments(s, gso_size);

	one.id += i;
	one.sequence += i * gso_size;
	if (i)
		one.tcp_flags &= ~0x80;
	if (!last)
		one.tcp_flags &= ~(0x01 | 0x08);
	one.payload += i * gso_size;
	one.payload_bytes = last ? s->payload_bytes - i * gso_size : gso_size;
	return one;
}

// Random fields, without payload; IP options in one of eight where `with_ip_options`.
static inline struct packet_spec packet_random(struct support_random *r, bool with_ip_options)
{
	struct packet_spec s = {
	    .family = support_random_below(r, 2) ? AF_INET : AF_INET6,
	    .protocol = support_random_below(r, 2) ? IPPROTO_TCP : IPPROTO_UDP,
	    .source = support_random_next(r),
	    .destination = support_random_next(r),
	    .ports = {support_random_next(r), support_random_next(r)},
	    .tos = support_random_next(r),
	    .ttl = 1 + support_random_below(r, 255),
	    .df = support_random_below(r, 2),
	    .id = support_random_next(r),
	    .label = support_random_below(r, 1 << 20),
	    .sequence = support_random_next(r),
	    .acknowledgement = support_random_next(r),
	    .window = support_random_next(r),
	    .tcp_flags = 0x10,
	    .options_bytes = support_random_below(r, 2) ? 12 : 4 * support_random_below(r, 11),
	};

	support_random_fill(r, s.options, sizeof(s.options));
	if (with_ip_options && !support_random_below(r, 8))
		s.ip_options = 8 * (1 + support_random_below(r, 5));
	return s;
}

// Memory of exactly this size, so that the address sanitizer sees a byte too far.
static inline uint8_t *exactly(const void *from, size_t bytes)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);

	assert_non_null(copy);
	memcpy(copy, from, bytes);
	return copy;
}

// Cuts a frame whose header is parsed as it is on its way out.
static inline int cut_init(struct offload_cutter *c, const struct virtio_net_hdr *header,
                           uint8_t *packet, uint32_t length)
{
	struct inner ip;

	if (inner_parse(&ip, packet, length))
		ip = (struct inner){0};
	return offload_cut_init(c, header, &ip, packet, length);
}

#endif
