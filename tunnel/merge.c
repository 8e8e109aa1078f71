// Merging decrypted packets into super-packets, as the kernel's GRO does. A few open flows, the
// most recent first, bound the work for each packet; what a chain has in common is compared with
// the headers of its first packet, which are rewritten only when the chain is complete.
#include "tunnel/merge.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include "tunnel/bytes.h"
#include "tunnel/checksum.h"
#include "tunnel/inner.h"
#include "tunnel/offload.h"

#define FLOWS_MAX 8
#define NONE UINT16_MAX
#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define LENGTH_MAX 65535
#define TCP_LAST_ONLY (TH_FIN | TH_PUSH)
#define TCP_NEVER (TH_SYN | TH_RST | TH_URG | 0x80) // and CWR

struct segment {
	const uint8_t *data;
	uint8_t network;  // bytes of IP header, which is without options; 0: not even addresses
	uint8_t protocol; // IPPROTO_TCP or _UDP; 0: ports and length can't be relied on
	bool mergeable;   // has a payload and nothing that forbids it
	uint8_t tcp_flags;
	uint16_t headers;
	uint16_t payload;
	uint32_t sequence;
};

// A chain that may still grow.
struct flow {
	uint8_t *data; // of the first packet
	struct merge_write *write;
	uint16_t last; // packet
	uint8_t network;
	uint8_t protocol;
	bool verified; // the first packet's own checksum is right
	uint16_t headers;
	uint16_t gso_size;
	uint16_t ip_id;    // that is to come next
	uint32_t sequence; // likewise
};

struct table {
	bool strict;
	size_t count;
	struct flow flows[FLOWS_MAX];
};

// The addresses lie before the transport header, so that they are summed with it.
static bool is_checksum_right(const uint8_t *data, uint8_t network, uint8_t protocol,
                              uint32_t length)
{
	uint32_t addresses = network == IPV4_BYTES ? 12 : 8;
	uint64_t sum = htons(protocol) + (uint64_t)htonl(length - network);

	return checksum_fold(checksum_add(sum, data + addresses, length - addresses)) == 0xffff;
}

static bool is_ipv4_checksum_right(const uint8_t *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < IPV4_BYTES; i += 4)
		sum += bytes_load32(p + i);
	return checksum_fold(sum) == 0xffff;
}

static bool is_tcp_mergeable(struct segment *s, uint32_t length)
{
	const uint8_t *tcp = s->data + s->network;

	if (length < s->network + sizeof(struct tcphdr))
		return false;
	s->headers = s->network + (tcp[12] >> 4) * 4;
	if (s->headers < s->network + sizeof(struct tcphdr) || s->headers >= length)
		return false;
	s->sequence = ntohl(bytes_load32(tcp + 4));
	s->tcp_flags = tcp[13];
	return !(s->tcp_flags & TCP_NEVER);
}

static bool is_udp_mergeable(struct segment *s, uint32_t length)
{
	const uint8_t *udp = s->data + s->network;

	s->headers = s->network + sizeof(struct udphdr);
	// A packet without a checksum would get one by being merged.
	return s->headers < length && ntohs(bytes_load16(udp + 4)) == length - s->network &&
	       bytes_load16(udp + 6);
}

// Finds out what a packet is; whatever isn't plainly TCP or UDP is left at protocol 0.
static void dissect_packet(struct segment *s, const struct receive_packet *packet, unsigned flags)
{
	const uint8_t *p = packet->data;
	uint32_t length = packet->length, stated;
	uint8_t protocol;
	bool right;

	*s = (struct segment){.data = p};
	if (length >= IPV4_BYTES && p[0] >> 4 == 4) {
		s->network = IPV4_BYTES;
		stated = ntohs(bytes_load16(p + 2));
		protocol = p[9];
		if (p[0] != 0x45 || ntohs(bytes_load16(p + 6)) & ~IP_DF)
			return;
		right = is_ipv4_checksum_right(p);
	} else if (length >= IPV6_BYTES && p[0] >> 4 == 6) {
		s->network = IPV6_BYTES;
		stated = IPV6_BYTES + ntohs(bytes_load16(p + 4));
		protocol = p[6];
		right = true;
	} else {
		return;
	}
	if (stated != length || length < s->network + sizeof(struct udphdr) ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
		return;
	s->protocol = protocol;
	if (!right || length > LENGTH_MAX)
		return;
	if (protocol == IPPROTO_TCP)
		s->mergeable = flags & MERGE_TCP && is_tcp_mergeable(s, length);
	else
		s->mergeable = flags & MERGE_UDP && is_udp_mergeable(s, length);
	if (s->mergeable)
		s->payload = length - s->headers;
}

static bool has_same_bytes(const uint8_t *a, const uint8_t *b, size_t eights)
{
	uint64_t difference = 0;

	for (size_t i = 0; i < 8 * eights; i += 8)
		difference |= bytes_load64(a + i) ^ bytes_load64(b + i);
	return !difference;
}

// Whether a segment is of a flow, or might be: then only its addresses are known.
static bool is_of_flow(const struct flow *f, const struct segment *s)
{
	size_t addresses = s->network == IPV4_BYTES ? 12 : 8;
	const uint8_t *a = f->data + s->network, *b = s->data + s->network;

	if (f->network != s->network)
		return !s->network;
	if (!has_same_bytes(f->data + addresses, s->data + addresses, (s->network - addresses) / 8))
		return false;
	return !s->protocol || (f->protocol == s->protocol && bytes_load32(a) == bytes_load32(b));
}

static bool has_same_headers(const struct flow *f, const struct segment *s)
{
	const uint8_t *a = f->data, *b = s->data;

	if (f->network == IPV4_BYTES) {
		uint16_t id = ntohs(bytes_load16(b + 4));

		// With DF an id says nothing (RFC 6864, section 4.1).
		if (a[1] != b[1] || a[6] != b[6] || a[8] != b[8] ||
		    (!(b[6] & IP_DF >> 8) && id != f->ip_id))
			return false;
	} else if (bytes_load32(a) != bytes_load32(b) || a[7] != b[7]) {
		return false;
	}
	if (f->protocol == IPPROTO_UDP)
		return true;
	a += f->network;
	b += f->network;
	// data offset, too: from here on both have options of one length
	uint32_t flags_and_window = bytes_load32(a + 12) ^ bytes_load32(b + 12);
	return f->sequence == s->sequence && bytes_load32(a + 8) == bytes_load32(b + 8) &&
	       !(flags_and_window & ~htonl(TCP_LAST_ONLY << 16)) &&
	       !memcmp(a + sizeof(struct tcphdr), b + sizeof(struct tcphdr),
	               s->headers - s->network - sizeof(struct tcphdr));
}

static bool joins_flow(const struct flow *f, const struct segment *s)
{
	return s->mergeable && s->payload <= f->gso_size &&
	       f->write->length + s->payload <= LENGTH_MAX && has_same_headers(f, s);
}

static void append_segment(struct flow *f, const struct segment *s, uint16_t packet)
{
	f->write->skip = f->headers;
	f->write->header.gso_size = f->gso_size;
	f->last = packet;
	f->sequence += s->payload;
	f->ip_id++;
	f->write->count++;
	f->write->length += s->payload;
	if (f->protocol == IPPROTO_TCP)
		f->data[f->network + 13] |= s->tcp_flags & TCP_LAST_ONLY;
}

static void close_flow(struct table *t, size_t k)
{
	t->count--;
	memmove(t->flows + k, t->flows + k + 1, (t->count - k) * sizeof(t->flows[0]));
}

static void open_flow(struct table *t, const struct segment *s, uint8_t *data,
                      struct merge_write *write)
{
	if (t->count < FLOWS_MAX)
		t->count++;
	memmove(t->flows + 1, t->flows, (t->count - 1) * sizeof(t->flows[0]));
	t->flows[0] = (struct flow){
	    .data = data,
	    .write = write,
	    .last = write->first,
	    .network = s->network,
	    .protocol = s->protocol,
	    .headers = s->headers,
	    .gso_size = s->payload,
	    .ip_id = ntohs(bytes_load16(data + 4)) + 1,
	    .sequence = s->sequence + s->payload,
	};
}

static void move_to_front(struct table *t, size_t k)
{
	struct flow f = t->flows[k];

	memmove(t->flows + 1, t->flows, k * sizeof(f));
	t->flows[0] = f;
}

// Whether a chain of the two would hold no wrong checksum, which the kernel would make right.
// Looked at only when all else agrees, so that a packet that stays alone isn't summed.
static bool verify_checksums(struct flow *f, struct segment *s)
{
	if (!f->verified)
		f->verified =
		    is_checksum_right(f->data, f->network, f->protocol, f->headers + f->gso_size);
	if (!f->verified)
		return false;
	s->mergeable = is_checksum_right(s->data, s->network, s->protocol, s->headers + s->payload);
	return s->mergeable;
}

// Appends the segment to its flow's chain, or ends the chains that it must not overtake.
static bool merge_segment(struct table *t, struct segment *s, uint16_t packet, uint16_t *next)
{
	for (size_t k = 0; k < t->count;) {
		struct flow *f = &t->flows[k];

		if (!is_of_flow(f, s)) {
			k++;
			continue;
		}
		if (!joins_flow(f, s) || (t->strict && !verify_checksums(f, s))) {
			close_flow(t, k);
			continue;
		}
		next[f->last] = packet;
		append_segment(f, s, packet);
		if (s->payload < f->gso_size || s->tcp_flags & TCP_LAST_ONLY)
			close_flow(t, k);
		else if (k)
			move_to_front(t, k);
		return true;
	}
	return false;
}

// Makes the first packet's headers those of the whole, its checksum the kernel's to complete.
static void finish_headers(struct merge_write *w, uint8_t *data)
{
	bool four = data[0] >> 4 == 4;
	uint8_t network = four ? IPV4_BYTES : IPV6_BYTES;
	uint8_t protocol = data[four ? 9 : 6];
	uint8_t *transport = data + network;
	uint16_t bytes = w->length - network;
	const struct inner ip = {.family = four ? AF_INET : AF_INET6};

	if (four) {
		bytes_store16(data + 2, htons(w->length));
		bytes_store16(data + 10, 0);
		bytes_store16(data + 10, ~checksum_fold(checksum_add(0, data, IPV4_BYTES)));
	} else {
		bytes_store16(data + 4, htons(bytes));
	}
	w->header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	w->header.hdr_len = w->skip;
	w->header.csum_start = network;
	if (protocol == IPPROTO_TCP) {
		w->header.gso_type = four ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
		w->header.csum_offset = offsetof(struct tcphdr, th_sum);
	} else {
		w->header.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
		w->header.csum_offset = offsetof(struct udphdr, uh_sum);
		bytes_store16(transport + offsetof(struct udphdr, uh_ulen), htons(bytes));
	}
	bytes_store16(transport + w->header.csum_offset,
	              checksum_fold(inner_pseudo_sum(&ip, data, protocol, bytes)));
}

size_t merge_packets(const struct receive_packet *packets, size_t n, unsigned flags, uint16_t *next,
                     struct merge_write *writes)
{
	struct table table = {.strict = flags & MERGE_STRICT};
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		struct segment s;

		next[i] = NONE;
		dissect_packet(&s, &packets[i], flags);
		if (merge_segment(&table, &s, i, next))
			continue;

		struct merge_write *w = &writes[made++];
		*w = (struct merge_write){.first = i, .count = 1, .length = packets[i].length};
		if (s.mergeable && !(s.tcp_flags & TCP_LAST_ONLY))
			open_flow(&table, &s, packets[i].data, w);
	}
	// A packet that stays alone goes up with an all-zero header: a TUN of Linux 6.18 doesn't
	// heed VIRTIO_NET_HDR_F_DATA_VALID, it sums the packet all the same.
	for (size_t i = 0; i < made; i++)
		if (writes[i].count > 1)
			finish_headers(&writes[i], packets[writes[i].first].data);
	return made;
}
