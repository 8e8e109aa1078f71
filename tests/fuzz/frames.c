// Frames from the TUN into the cutter, and packets into the merge. Segments are compared with a
// slow model of what they must be; what was merged is cut again and must be what it was before.
//
// The input: a byte of options (1: packets to be merged, else a frame to be cut; 2: lengths and
// checksums are put right first; 4, 8, 16: the merge's flags), then the frame's vnet header (10
// bytes) and the frame; or packets, each two bytes and its own: length, and whether it goes on
// where the one before it ended.
#include "tests/fuzz/fuzz.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include "tests/support/packets.h"
#include "tunnel/checksum.h"
#include "tunnel/inner.h"
#include "tunnel/merge.h"
#include "tunnel/offload.h"

enum { MERGE = 1, REPAIR = 2, FLAGS_SHIFT = 2, FRAME_MAX = 65535 };
enum { FOLLOWS = 1, SHORTER = 2, PUSHED = 4 }; // of a packet to be merged

// Where the transport header of a packet lies that is plainly TCP or UDP (no fragment, no
// extension headers), and what it is.
struct plain {
	size_t network, headers;
	uint8_t protocol; // 0: it is something else
};

static struct plain look(const uint8_t *p, size_t length)
{
	struct plain n = {0};
	bool four = length >= 20 && p[0] >> 4 == 4;

	if (four && !(get16(p + 6) & 0x3fff))
		n = (struct plain){.network = (p[0] & 15u) * 4, .protocol = p[9]};
	else if (length >= 40 && p[0] >> 4 == 6)
		n = (struct plain){.network = 40, .protocol = p[6]};
	n.headers = n.network + (n.protocol == IPPROTO_TCP ? 20 : 8);
	if ((n.protocol != IPPROTO_TCP && n.protocol != IPPROTO_UDP) || n.headers > length ||
	    n.network < 20)
		return (struct plain){0};
	if (n.protocol == IPPROTO_TCP)
		n.headers = n.network + (p[n.network + 12] >> 4) * 4u;
	if (n.headers < n.network + (n.protocol == IPPROTO_TCP ? 20 : 8) || n.headers > length)
		return (struct plain){0};
	return n;
}

static size_t sum_offset(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? 16 : 6;
}

static unsigned pseudo(const uint8_t *p, uint8_t protocol, size_t bytes)
{
	struct packet_spec s = {.family = p[0] >> 4 == 4 ? AF_INET : AF_INET6,
	                        .protocol = protocol};

	return naive_pseudo(&s, p, bytes);
}

static unsigned whole_sum(const uint8_t *p, const struct plain *n, size_t length)
{
	return naive_sum(p + n->network, length - n->network,
	                 pseudo(p, n->protocol, length - n->network));
}

// 0 and 0xffff are the same number, and both are in use.
static unsigned canonical(unsigned sum)
{
	return sum == 0xffff ? 0 : sum;
}

static void repair_lengths(uint8_t *p, const struct plain *n, size_t length)
{
	if (p[0] >> 4 == 4) {
		put16(p + 2, length);
		put16(p + 10, 0);
		put16(p + 10, ~naive_sum(p, n->network, 0));
	} else {
		put16(p + 4, length - 40);
	}
	if (n->protocol == IPPROTO_UDP)
		put16(p + n->network + 4, length - n->network);
}

// ---- cutting

static void repair_frame(struct virtio_net_hdr *header, uint8_t *frame, size_t length)
{
	struct plain n = look(frame, length);

	if (!n.protocol)
		return;
	repair_lengths(frame, &n, length);
	put16(frame + n.network + sum_offset(n.protocol),
	      pseudo(frame, n.protocol, length - n.network));
	header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header->csum_start = n.network;
	header->csum_offset = sum_offset(n.protocol);
	if (header->gso_size)
		header->gso_type = n.protocol == IPPROTO_UDP ? VIRTIO_NET_HDR_GSO_UDP_L4
		                   : frame[0] >> 4 == 4      ? VIRTIO_NET_HDR_GSO_TCPV4
		                                             : VIRTIO_NET_HDR_GSO_TCPV6;
	else
		header->gso_type = VIRTIO_NET_HDR_GSO_NONE;
}

// Segment `i` of the super-packet that `c` was told to cut, from a copy of it.
static size_t model_cut(uint8_t *to, const struct offload_cutter *c, const uint8_t *super, size_t i)
{
	size_t at = i * c->gso_size, payload = c->length - c->headers - at;
	bool last = i + 1 == c->segments, four = super[0] >> 4 == 4;
	uint8_t *transport = to + c->transport;

	if (!last)
		payload = c->gso_size;
	size_t length = c->headers + payload;
	memcpy(to, super, c->headers);
	memcpy(to + c->headers, super + c->headers + at, payload);
	if (four) {
		put16(to + 2, length);
		put16(to + 4, get16(super + 4) + i);
		put16(to + 10, 0);
		put16(to + 10, ~naive_sum(to, c->transport, 0));
	} else {
		put16(to + 4, length - 40);
	}
	if (c->protocol == IPPROTO_TCP) {
		uint32_t sequence = (uint32_t)get16(transport + 4) << 16 | get16(transport + 6);

		put32(transport + 4, sequence + at);
		if (i)
			transport[13] &= ~0x80;
		if (!last)
			transport[13] &= ~(0x01 | 0x08);
	} else {
		put16(transport + 4, length - c->transport);
	}
	put16(to + c->checksum_at, 0);
	unsigned sum = 0xffff & ~naive_sum(transport, length - c->transport,
	                                   pseudo(to, c->protocol, length - c->transport));
	put16(to + c->checksum_at, !sum && c->protocol == IPPROTO_UDP ? 0xffff : sum);
	return length;
}

// What is in the checksum field is taken for the sum of the pseudo header: where it isn't, the
// segments' sums are as wrong as it was.
static bool sum_was_right(const struct offload_cutter *c, const uint8_t *super)
{
	return canonical(get16(super + c->checksum_at)) ==
	       canonical(pseudo(super, c->protocol, c->length - c->transport));
}

static void check_single(const struct offload_cutter *c, const uint8_t *packet,
                         const uint8_t *before)
{
	size_t at = c->checksum_at ? c->checksum_at : c->length;

	FUZZ_CHECK(!memcmp(packet, before, at));
	if (!c->checksum_at)
		return;
	unsigned sum = 0xffff & ~naive_sum(before + c->transport, c->length - c->transport, 0);
	FUZZ_CHECK(get16(packet + at) == (sum ? sum : 0xffff));
	FUZZ_CHECK(!memcmp(packet + at + 2, before + at + 2, c->length - at - 2));
}

static void merge_and_check(struct receive_packet *, size_t n, unsigned flags);

// The packet's flow, which depends on nothing behind what its IP header states.
static void flow_of(uint8_t flow[INNER_FLOW_BYTES], const uint8_t *packet, size_t length)
{
	struct inner ip;

	memset(flow, 0, INNER_FLOW_BYTES);
	if (inner_parse(&ip, packet, length))
		return;
	uint8_t *copy = fuzz_exactly(packet, ip.length);
	FUZZ_CHECK(!inner_parse(&ip, copy, ip.length));
	inner_flow(flow, &ip, copy);
	free(copy);
}

static void cut(struct fuzz_input *in, unsigned options)
{
	static uint8_t model[FRAME_MAX];
	struct receive_packet packets[MERGE_MAX];
	struct virtio_net_hdr header = {0};
	uint8_t flow[INNER_FLOW_BYTES], of_segment[INNER_FLOW_BYTES];
	struct offload_cutter c;
	uint32_t bytes;
	size_t n = 0, total = 0;

	fuzz_take(in, &header, sizeof(header));
	size_t length = in->left < FRAME_MAX ? in->left : FRAME_MAX;
	uint8_t *frame = fuzz_exactly(in->at, length), *packet;
	if (options & REPAIR)
		repair_frame(&header, frame, length);
	uint8_t *before = fuzz_exactly(frame, length);
	flow_of(flow, frame, length);
	uint32_t segments = offload_segments(&header, frame, length);
	FUZZ_CHECK(segments >= 1);
	if (cut_init(&c, &header, frame, length)) {
		FUZZ_CHECK(!memcmp(frame, before, length));
		goto out;
	}
	FUZZ_CHECK(c.length <= length && c.segments >= 1);
	FUZZ_CHECK(c.segments == segments || c.length < length);
	FUZZ_CHECK(!c.headers || c.segments == 1 || header.gso_size);
	bool right = c.headers && sum_was_right(&c, before);
	for (size_t i = 0; (packet = offload_cut_next(&c, &bytes)); i++) {
		FUZZ_CHECK(i < c.segments);
		FUZZ_CHECK(packet >= frame && packet + bytes <= frame + length);
		if (!c.headers) {
			check_single(&c, packet, before);
			continue;
		}
		total += bytes - c.headers;
		flow_of(of_segment, packet, bytes);
		FUZZ_CHECK(!memcmp(flow, of_segment, sizeof(flow)));
		FUZZ_CHECK(bytes == model_cut(model, &c, before, i));
		if (!right)
			memcpy(model + c.checksum_at, packet + c.checksum_at, 2);
		FUZZ_CHECK(!memcmp(packet, model, bytes));
		if (right && n < MERGE_MAX)
			packets[n++] = (struct receive_packet){fuzz_exactly(packet, bytes), bytes};
	}
	FUZZ_CHECK(c.at == c.segments);
	FUZZ_CHECK(!c.headers || total == c.length - c.headers);
	merge_and_check(packets, n, options >> FLAGS_SHIFT & 7);
	for (size_t i = 0; i < n; i++)
		free(packets[i].data);
out:
	free(before);
	free(frame);
}

// ---- merging

// A packet as the merge may give it back: but for ids that say nothing (DF) and the two ways to
// write a checksum of zero.
static void normalize(uint8_t *p, size_t length, bool checksum)
{
	struct plain n = look(p, length);

	if (!n.protocol)
		return;
	if (p[0] >> 4 == 4) {
		if (p[6] & 0x40)
			put16(p + 4, 0);
		put16(p + 10, 0);
	}
	uint8_t *sum = p + n.network + sum_offset(n.protocol);
	put16(sum, checksum ? canonical(get16(sum)) : 0);
}

static bool one_flow(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	struct plain x = look(a, a_length), y = look(b, b_length);
	size_t from = a[0] >> 4 == 4 ? 12 : 8, to = a[0] >> 4 == 4 ? 20 : 40;

	return x.protocol && x.protocol == y.protocol && x.network == y.network && a[0] == b[0] &&
	       !memcmp(a + from, b + from, to - from) && !memcmp(a + x.network, b + y.network, 4);
}

// The write as the TUN gets it, cut again, gives the packets that went into it.
static void check_write(const struct merge_write *w, const struct receive_packet *packets,
                        const struct receive_packet *before, const uint16_t *next, bool strict)
{
	static uint8_t super[FRAME_MAX], was[FRAME_MAX];
	struct offload_cutter c;
	uint8_t *packet;
	uint32_t bytes;
	size_t length = 0, count = 0;

	for (size_t i = w->first; i != UINT16_MAX; i = next[i], count++) {
		size_t skip = i == w->first ? 0 : w->skip;

		FUZZ_CHECK(skip <= packets[i].length &&
		           length + packets[i].length - skip <= FRAME_MAX);
		memcpy(super + length, packets[i].data + skip, packets[i].length - skip);
		length += packets[i].length - skip;
	}
	FUZZ_CHECK(count == w->count && length == w->length);
	FUZZ_CHECK(!cut_init(&c, &w->header, super, length));
	FUZZ_CHECK(c.segments == count && c.headers == w->skip);
	for (size_t i = w->first; i != UINT16_MAX; i = next[i]) {
		packet = offload_cut_next(&c, &bytes);
		FUZZ_CHECK(packet && bytes == before[i].length);
		memcpy(was, before[i].data, bytes);
		if (strict) {
			struct plain n = look(was, bytes);

			FUZZ_CHECK(whole_sum(was, &n, bytes) == 0xffff);
		}
		normalize(was, bytes, strict);
		// Behind this segment lies the next one's payload, which stays as it is.
		normalize(packet, bytes, strict);
		FUZZ_CHECK(!memcmp(packet, was, bytes));
	}
	FUZZ_CHECK(!offload_cut_next(&c, &bytes));
}

static void merge_and_check(struct receive_packet *packets, size_t n, unsigned flags)
{
	struct receive_packet before[MERGE_MAX];
	struct merge_write writes[MERGE_MAX];
	uint16_t next[MERGE_MAX], write_of[MERGE_MAX];
	size_t reached = 0;

	for (size_t i = 0; i < n; i++)
		before[i] = (struct receive_packet){
		    fuzz_exactly(packets[i].data, packets[i].length), packets[i].length};
	memset(write_of, 0xff, sizeof(write_of));
	size_t made = merge_packets(packets, n, flags, next, writes);
	FUZZ_CHECK(made <= n);
	for (size_t k = 0; k < made; k++) {
		FUZZ_CHECK(!k || writes[k].first > writes[k - 1].first);
		for (size_t i = writes[k].first; i != UINT16_MAX; i = next[i], reached++) {
			FUZZ_CHECK(i < n && write_of[i] == UINT16_MAX);
			FUZZ_CHECK(next[i] > i);
			write_of[i] = k;
		}
	}
	FUZZ_CHECK(reached == n);
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			FUZZ_CHECK(write_of[j] >= write_of[i] ||
			           !one_flow(before[i].data, before[i].length, before[j].data,
			                     before[j].length));
	for (size_t k = 0; k < made; k++) {
		const struct merge_write *w = &writes[k];
		static const struct virtio_net_hdr plain;

		if (w->count > 1) {
			check_write(w, packets, before, next, flags & MERGE_STRICT);
			continue;
		}
		FUZZ_CHECK(!memcmp(&w->header, &plain, sizeof(plain)));
		FUZZ_CHECK(!memcmp(packets[w->first].data, before[w->first].data,
		                   before[w->first].length));
	}
	for (size_t i = 0; i < n; i++)
		free(before[i].data);
}

// The headers of the packet before, for what comes next in its flow.
static size_t follow(uint8_t *to, const struct receive_packet *last, unsigned how, size_t payload)
{
	struct plain n = look(last->data, last->length);
	size_t before = last->length - n.headers;

	if (!n.protocol)
		return 0;
	memcpy(to, last->data, n.headers);
	if (to[0] >> 4 == 4)
		put16(to + 4, get16(to + 4) + 1);
	if (n.protocol == IPPROTO_TCP) {
		uint8_t *sequence = to + n.network + 4;

		put32(sequence,
		      ((uint32_t)get16(sequence) << 16 | get16(sequence + 2)) + (uint32_t)before);
		if (how & PUSHED)
			to[n.network + 13] |= 0x08;
	}
	if (!(how & SHORTER))
		payload = before;
	else if (payload > before)
		payload = before;
	memset(to + n.headers, (uint8_t)payload, payload);
	return n.headers + payload;
}

static void merge(struct fuzz_input *in, unsigned options)
{
	static uint8_t packet[FRAME_MAX];
	struct receive_packet packets[MERGE_MAX];
	size_t n = 0;

	while (in->left && n < MERGE_MAX) {
		unsigned how = fuzz_byte(in);
		size_t length = (how & 0xf0u) << 4 | fuzz_byte(in);

		if (how & FOLLOWS && n)
			length = follow(packet, &packets[n - 1], how, length);
		else
			length = fuzz_take(in, packet, length);
		struct plain p = look(packet, length);
		if (p.protocol && (options & REPAIR || how & FOLLOWS)) {
			uint8_t *sum = packet + p.network + sum_offset(p.protocol);

			repair_lengths(packet, &p, length);
			put16(sum, 0);
			put16(sum, ~whole_sum(packet, &p, length));
			if (p.protocol == IPPROTO_UDP && !get16(sum))
				put16(sum, 0xffff);
		}
		packets[n++] = (struct receive_packet){fuzz_exactly(packet, length), length};
	}
	merge_and_check(packets, n, options >> FLAGS_SHIFT & 7);
	while (n)
		free(packets[--n].data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input in = {data, bytes};
	unsigned options = fuzz_byte(&in);

	if (options & MERGE)
		merge(&in, options);
	else
		cut(&in, options);
	return 0;
}
