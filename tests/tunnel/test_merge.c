// Merging against three judges: cutting undoes it, a naive model says which packets join, and the
// order within each flow is looked at pair by pair.
#include "tests/support/packets.h"
#include "tunnel/merge.h"
#include "tunnel/offload.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>

enum { N = MERGE_MAX, BOTH = MERGE_TCP | MERGE_UDP, ALONE = UINT16_MAX };

static uint8_t payload[PACKETS_MAX];
static struct support_random generator;

static int setup(void **state)
{
	(void)state;
	support_random_init(&generator, support_seed());
	support_random_fill(&generator, payload, sizeof(payload));
	return 0;
}

static size_t below(size_t n)
{
	return support_random_below(&generator, n);
}

// Packets to be merged, with a copy of each as it was.
struct burst {
	size_t n, made;
	struct packet_spec spec[N];
	bool broken[N]; // its TCP or UDP checksum is wrong
	uint8_t *before[N];
	struct receive_packet packet[N];
	uint16_t next[N];
	struct merge_write write[N];
};

static void burst_add_bytes(struct burst *b, const uint8_t *packet, size_t length)
{
	assert_true(b->n < N);
	b->before[b->n] = exactly(packet, length);
	b->packet[b->n] = (struct receive_packet){exactly(packet, length), length};
	b->n++;
}

static void burst_add(struct burst *b, const struct packet_spec *s, bool broken)
{
	static uint8_t packet[PACKETS_MAX];
	size_t length = packet_build(packet, s);

	if (broken)
		packet[ip_bytes(s) + checksum_offset(s)] ^= 0x55;
	b->spec[b->n] = *s;
	b->broken[b->n] = broken;
	burst_add_bytes(b, packet, length);
}

static void burst_merge(struct burst *b, unsigned flags)
{
	b->made = merge_packets(b->packet, b->n, flags, b->next, b->write);
}

static void burst_clear(struct burst *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->before[i]);
		free(b->packet[i].data);
	}
	b->n = 0;
}

// The write as the TUN gets it; its length.
static size_t gather(const struct burst *b, const struct merge_write *w, uint8_t *to)
{
	size_t length = 0, count = 0;

	for (size_t i = w->first; i != ALONE; i = b->next[i], count++) {
		size_t skip = i == w->first ? 0 : w->skip;

		memcpy(to + length, b->packet[i].data + skip, b->packet[i].length - skip);
		length += b->packet[i].length - skip;
	}
	assert_int_equal(count, w->count);
	assert_int_equal(length, w->length);
	return length;
}

static void cut_then_merge_is_the_identity(void **state)
{
	(void)state;
	static uint8_t super[PACKETS_MAX], frame[PACKETS_MAX], merged[PACKETS_MAX];

	for (int i = 0; i < 2000; i++) {
		struct packet_spec s = packet_random(&generator, false);
		size_t gso_size = 1 + below(below(2) ? 1400 : 100);
		size_t most = (PACKETS_MAX - header_bytes(&s)) / gso_size;
		size_t segments = 2 + below((most < N ? most : N) - 1);
		struct burst b = {0};
		struct offload_cutter cutter;
		uint8_t *packet;
		uint32_t bytes;

		s.payload = payload;
		s.payload_bytes = (segments - 1) * gso_size + 1 + below(gso_size);
		if (s.protocol == IPPROTO_TCP)
			s.tcp_flags |= support_random_next(&generator) & (0x40 | 0x08 | 0x01);
		size_t length = packet_build(super, &s);
		packet_make_partial(super, &s, length);
		struct virtio_net_hdr header = super_header(&s, gso_size);
		memcpy(frame, super, length);
		assert_int_equal(cut_init(&cutter, &header, frame, length), 0);
		while ((packet = offload_cut_next(&cutter, &bytes)))
			burst_add_bytes(&b, packet, bytes);
		assert_int_equal(b.n, segments);

		burst_merge(&b, BOTH | (i & 1 ? MERGE_STRICT : 0));
		assert_int_equal(b.made, 1);
		assert_int_equal(b.write[0].first, 0);
		assert_memory_equal(&b.write[0].header, &header, sizeof(header));
		assert_int_equal(gather(&b, &b.write[0], merged), length);
		assert_memory_equal(merged, super, length);
		burst_clear(&b);
	}
}

// Which of the earlier packets must stay before this one: those of its flow; and where the ports
// of either lie elsewhere or are not there, all between the same addresses.
static bool opaque(const struct packet_spec *s)
{
	return s->ip_options || s->fragment || s->protocol == IPPROTO_ICMP;
}

static bool ordered(const struct packet_spec *a, const struct packet_spec *b)
{
	if (a->family != b->family || a->source != b->source || a->destination != b->destination)
		return false;
	return opaque(a) || opaque(b) ||
	       (a->protocol == b->protocol && !memcmp(a->ports, b->ports, sizeof(a->ports)));
}

// What breaks a checksum may also make it zero, which says that a UDP packet has none.
static bool has_checksum(const struct burst *b, size_t i)
{
	const struct packet_spec *s = &b->spec[i];

	return s->protocol != IPPROTO_UDP || get16(b->before[i] + ip_bytes(s) + checksum_offset(s));
}

static bool model_mergeable(const struct burst *b, size_t i, unsigned flags)
{
	const struct packet_spec *s = &b->spec[i];

	return !opaque(s) && has_checksum(b, i) && s->payload_bytes &&
	       !(s->tcp_flags & (0x02 | 0x04 | 0x20 | 0x80)) &&
	       flags & (s->protocol == IPPROTO_TCP ? MERGE_TCP : MERGE_UDP) &&
	       !(flags & MERGE_STRICT && b->broken[i]);
}

static bool model_ends(const struct packet_spec *s)
{
	return s->protocol == IPPROTO_TCP && s->tcp_flags & (0x01 | 0x08);
}

// Whether packet `i` may follow `previous` in the chain that starts with `first`.
static bool model_joins(const struct burst *b, size_t first, size_t previous, size_t i)
{
	const struct packet_spec *f = &b->spec[first], *p = &b->spec[previous], *s = &b->spec[i];
	uint8_t flags = ~(0x01 | 0x08);

	if (p->payload_bytes != f->payload_bytes || s->payload_bytes > f->payload_bytes ||
	    model_ends(p) || s->tos != p->tos || s->ttl != p->ttl)
		return false;
	if (s->family == AF_INET6 && s->label != p->label)
		return false;
	if (s->family == AF_INET && (s->df != p->df || (!s->df && s->id != (uint16_t)(p->id + 1))))
		return false;
	if (s->protocol == IPPROTO_UDP)
		return true;
	return s->sequence == p->sequence + p->payload_bytes &&
	       s->acknowledgement == p->acknowledgement && s->window == p->window &&
	       (s->tcp_flags & flags) == (p->tcp_flags & flags) &&
	       s->options_bytes == p->options_bytes &&
	       !memcmp(s->options, p->options, s->options_bytes);
}

static void merges_what_the_model_merges(const struct burst *b, unsigned flags)
{
	size_t first[N], total[N], writes = 0;

	for (size_t i = 0; i < b->n; i++) {
		size_t last = i;

		first[i] = i;
		total[i] = b->packet[i].length;
		while (last-- && !ordered(&b->spec[last], &b->spec[i]))
			;
		if (last != (size_t)-1 && model_mergeable(b, last, flags) &&
		    model_mergeable(b, i, flags) && model_joins(b, first[last], last, i) &&
		    total[first[last]] + b->spec[i].payload_bytes <= PACKETS_MAX) {
			first[i] = first[last];
			total[first[i]] += b->spec[i].payload_bytes;
			assert_int_equal(b->next[last], i);
			continue;
		}
		assert_true(writes < b->made);
		assert_int_equal(b->write[writes++].first, i);
	}
	assert_int_equal(writes, b->made);
}

// One packet out of a merged write is the one that came, but for what a merge may repair: an
// IPv4 id that says nothing, a wrong transport checksum.
static void same_packet(const struct burst *b, size_t i, uint8_t *packet, size_t length)
{
	struct packet_spec s = b->spec[i];
	uint8_t expected[PACKETS_MAX];

	if (s.family == AF_INET && s.df)
		s.id = get16(packet + 4);
	assert_int_equal(packet_build(expected, &s), length);
	assert_memory_equal(packet, expected, length);
}

// Cuts each write again and looks at every packet that comes out, and at the order.
static void writes_undo(const struct burst *b)
{
	static uint8_t frame[PACKETS_MAX];
	static const struct virtio_net_hdr nothing;
	size_t position[N], out = 0;

	for (size_t k = 0; k < b->made; k++) {
		const struct merge_write *w = &b->write[k];
		size_t length = gather(b, w, frame);
		struct offload_cutter cutter;

		if (w->count == 1) {
			position[w->first] = out++;
			assert_memory_equal(&w->header, &nothing, sizeof(nothing));
			assert_int_equal(w->skip, 0);
			assert_memory_equal(frame, b->before[w->first], length);
			continue;
		}
		assert_int_equal(cut_init(&cutter, &w->header, frame, length), 0);
		assert_int_equal(cutter.segments, w->count);
		for (size_t i = w->first; i != ALONE; i = b->next[i]) {
			uint32_t bytes;
			uint8_t *packet = offload_cut_next(&cutter, &bytes);

			position[i] = out++;
			assert_non_null(packet);
			same_packet(b, i, packet, bytes);
		}
	}
	assert_int_equal(out, b->n);
	for (size_t i = 0; i < b->n; i++)
		for (size_t j = i + 1; j < b->n; j++)
			if (ordered(&b->spec[i], &b->spec[j]))
				assert_true(position[i] < position[j]);
}

// Packet after packet of a few flows, mostly in sequence, with everything that may come between.
static void random_burst(struct burst *b, size_t flows)
{
	struct packet_spec flow[16];
	size_t size[16];

	for (size_t f = 0; f < flows; f++) {
		flow[f] = packet_random(&generator, false);
		flow[f].source = below(3);
		flow[f].destination = 0;
		flow[f].ports[1] = 443;
		size[f] = 1 + below(below(2) ? 1400 : 60);
		flow[f].payload = payload;
	}
	for (size_t n = 1 + below(N); b->n < n;) {
		size_t f = below(flows);
		struct packet_spec s = flow[f], *base = &flow[f];
		bool broken = false;

		s.payload_bytes = size[f];
		s.payload += below(1000);
		switch (below(below(2) ? 300 : 30)) {
		case 0:
			s.payload_bytes = 0;
			break;
		case 1:
			s.payload_bytes = 1 + below(1400);
			break;
		case 2:
			s.sequence -= size[f]; // again
			break;
		case 3:
			s.sequence += 1 + below(3000); // one was lost
			break;
		case 4:
			s.tcp_flags ^= 1 << below(8);
			break;
		case 5:
			s.tcp_flags |= 0x08;
			break;
		case 6:
			s.tos ^= 1 << below(8);
			break;
		case 7:
			s.ttl ^= 1 << below(8);
			break;
		case 8:
			s.id += below(3);
			break;
		case 9:
			s.df = !s.df;
			break;
		case 10:
			s.label ^= 1 << below(20);
			break;
		case 11:
			s.options[below(40)]++;
			break;
		case 12:
			s.acknowledgement++;
			break;
		case 13:
			s.window++;
			break;
		case 14:
			s.ip_options = 8;
			break;
		case 15:
			s.fragment = s.family == AF_INET ? 1 + below(0x3fff) : 0;
			break;
		case 16:
			s.protocol = IPPROTO_ICMP;
			break;
		case 17:
			broken = true;
			break;
		case 18:
			s.options_bytes = 4 * below(11);
			break;
		case 19:
			base = &s; // an earlier packet comes again later
			break;
		case 20:
			s.ports[1] = 80;
			break;
		}
		if (s.protocol != IPPROTO_TCP)
			s.tcp_flags = 0;
		burst_add(b, &s, broken);
		base->sequence = s.sequence + s.payload_bytes;
		base->id = s.id + 1;
	}
}

static void bursts_of_few_flows_merge_as_the_model_does(void **state)
{
	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct burst b = {0};
		unsigned flags = below(8);

		random_burst(&b, 1 + below(4)); // each with a second port: the table holds all
		burst_merge(&b, flags);
		merges_what_the_model_merges(&b, flags);
		writes_undo(&b);
		burst_clear(&b);
	}
}

static void more_flows_than_the_table_holds_keep_their_order(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct burst b = {0};

		random_burst(&b, 16);
		burst_merge(&b, BOTH);
		writes_undo(&b);
		burst_clear(&b);
	}
}

static void eight_interleaved_flows_all_merge(void **state)
{
	(void)state;
	struct burst b = {0};
	struct packet_spec s = packet_random(&generator, false);

	s.payload = payload;
	s.payload_bytes = 500;
	s.protocol = IPPROTO_TCP;
	s.df = true;
	for (size_t i = 0; i < N; i++) {
		s.ports[0] = i % 8;
		burst_add(&b, &s, false);
		if (i % 8 == 7)
			s.sequence += s.payload_bytes;
	}
	burst_merge(&b, BOTH);
	assert_int_equal(b.made, 8);
	writes_undo(&b);
	burst_clear(&b);
}

static void merged_packets_stay_within_64k(void **state)
{
	(void)state;
	for (int family = 0; family < 2; family++) {
		struct burst b = {0};
		struct packet_spec s = packet_random(&generator, false);

		s.family = family ? AF_INET6 : AF_INET;
		s.protocol = IPPROTO_UDP;
		s.tcp_flags = 0;
		s.df = true;
		s.payload = payload;
		size_t rest = 65535 - header_bytes(&s) - 50 * 1300;
		s.payload_bytes = 1300;
		for (size_t i = 0; i < 50; i++)
			burst_add(&b, &s, false);
		s.payload_bytes = rest;
		burst_add(&b, &s, false);
		burst_merge(&b, BOTH);
		assert_int_equal(b.made, 1);
		assert_int_equal(b.write[0].length, 65535);
		writes_undo(&b);
		burst_clear(&b);

		s.payload_bytes = 1300;
		for (size_t i = 0; i < 50; i++)
			burst_add(&b, &s, false);
		s.payload_bytes = rest + 1;
		burst_add(&b, &s, false);
		burst_merge(&b, BOTH);
		assert_int_equal(b.made, 2);
		assert_int_equal(b.write[1].count, 1);
		burst_clear(&b);
	}
}

// What can be wrong with a packet, and where.
struct wrong {
	int family;
	uint8_t protocol;
	enum { IN_HEADER, IN_CHECKSUM, IN_PAYLOAD } where; // IN_HEADER: of IPv4
};

// Flips a bit of packet `at`, which must stay alone and as it is; the others stay right.
static void one_wrong_packet_stays_wrong(const struct wrong *wrong, size_t at, unsigned flags)
{
	enum { COUNT = 5 };
	struct burst b = {0};
	struct packet_spec s = packet_random(&generator, false);

	s.family = wrong->family;
	s.protocol = wrong->protocol;
	s.df = true;
	s.tcp_flags = s.protocol == IPPROTO_TCP ? 0x10 : 0;
	s.payload = payload;
	s.payload_bytes = 101;
	for (size_t i = 0; i < COUNT; i++, s.sequence += s.payload_bytes)
		burst_add(&b, &s, false);
	size_t offset = wrong->where == IN_HEADER     ? 10
	                : wrong->where == IN_CHECKSUM ? ip_bytes(&s) + checksum_offset(&s)
	                                              : header_bytes(&s) + below(s.payload_bytes);
	uint8_t bit = 1 << below(8);
	b.packet[at].data[offset] ^= bit;
	b.before[at][offset] ^= bit;

	burst_merge(&b, flags);
	assert_int_equal(b.made, at == 0 || at == COUNT - 1 ? 2 : 3);
	for (size_t i = 0; i < b.made; i++)
		if (b.write[i].first == at)
			assert_int_equal(b.write[i].count, 1);
	writes_undo(&b);
	burst_clear(&b);
}

static void a_wrong_checksum_is_never_repaired(void **state)
{
	(void)state;
	static const struct wrong wrongs[] = {
	    {AF_INET, IPPROTO_TCP, IN_CHECKSUM},  {AF_INET, IPPROTO_TCP, IN_PAYLOAD},
	    {AF_INET, IPPROTO_UDP, IN_CHECKSUM},  {AF_INET, IPPROTO_UDP, IN_PAYLOAD},
	    {AF_INET6, IPPROTO_TCP, IN_CHECKSUM}, {AF_INET6, IPPROTO_TCP, IN_PAYLOAD},
	    {AF_INET6, IPPROTO_UDP, IN_CHECKSUM}, {AF_INET6, IPPROTO_UDP, IN_PAYLOAD},
	    {AF_INET, IPPROTO_TCP, IN_HEADER},    {AF_INET, IPPROTO_UDP, IN_HEADER},
	};

	for (size_t w = 0; w < sizeof(wrongs) / sizeof(wrongs[0]); w++)
		for (size_t at = 0; at < 5; at++)
			one_wrong_packet_stays_wrong(&wrongs[w], at, BOTH | MERGE_STRICT);
}

static void a_wrong_ipv4_header_is_never_repaired_without_strictness(void **state)
{
	(void)state;
	for (size_t at = 0; at < 5; at++) {
		one_wrong_packet_stays_wrong(&(struct wrong){AF_INET, IPPROTO_TCP, IN_HEADER}, at,
		                             BOTH);
		one_wrong_packet_stays_wrong(&(struct wrong){AF_INET, IPPROTO_UDP, IN_HEADER}, at,
		                             BOTH);
	}
}

static void udp_without_checksum_gets_none(void **state)
{
	(void)state;
	struct burst b = {0};
	struct packet_spec s = packet_random(&generator, false);

	s.family = AF_INET;
	s.protocol = IPPROTO_UDP;
	s.df = true;
	s.payload = payload;
	s.payload_bytes = 100;
	for (size_t i = 0; i < 3; i++) {
		burst_add(&b, &s, false);
		put16(b.packet[i].data + 26, 0);
		put16(b.before[i] + 26, 0);
	}
	burst_merge(&b, BOTH);
	assert_int_equal(b.made, 3);
	writes_undo(&b);
	burst_clear(&b);
}

// Otherwise what follows the packet would become part of the stream.
static void padded_packet_passes_as_it_is(void **state)
{
	(void)state;
	for (int family = 0; family < 2; family++) {
		struct packet_spec s = packet_random(&generator, false);
		struct burst b = {0};
		uint8_t packet[300] = {0};

		s.family = family ? AF_INET6 : AF_INET;
		s.protocol = IPPROTO_TCP;
		s.df = true;
		s.payload = payload;
		s.payload_bytes = 100;
		burst_add(&b, &s, false);
		s.sequence += s.payload_bytes;
		s.payload_bytes = 50; // with the padding it would still be a last one that fits
		burst_add_bytes(&b, packet, packet_build(packet, &s) + 4);
		burst_merge(&b, BOTH);
		assert_int_equal(b.made, 2);
		writes_undo(&b);
		burst_clear(&b);
	}
}

// Cuts a packet off at `most` bytes, with an IP header that says so where there is room for one.
static void truncate_packet(const struct packet_spec *s, uint8_t *packet, size_t most)
{
	if (s->family == AF_INET && most >= 20) {
		put16(packet + 2, most);
		put16(packet + 10, 0);
		put16(packet + 10, ~naive_sum(packet, 20, 0));
	} else if (s->family == AF_INET6 && most >= 40) {
		put16(packet + 4, most - 40);
	}
}

static void truncated_packets_pass_as_they_are(void **state)
{
	(void)state;
	for (int kind = 0; kind < 8; kind++) {
		struct packet_spec s = packet_random(&generator, false);
		uint8_t packet[300];

		s.family = kind & 1 ? AF_INET : AF_INET6;
		s.protocol = kind & 2 ? IPPROTO_TCP : IPPROTO_UDP;
		s.df = true;
		s.payload = payload;
		s.payload_bytes = 100;
		size_t length = packet_build(packet, &s);
		for (size_t most = 0; most < length; most++) {
			struct burst b = {0};

			packet_build(packet, &s);
			burst_add_bytes(&b, packet, length);
			if (kind & 4)
				truncate_packet(&s, packet, most);
			burst_add_bytes(&b, packet, most);
			burst_add_bytes(&b, packet, most);
			burst_merge(&b, BOTH | (most & 1 ? MERGE_STRICT : 0));
			assert_int_equal(b.made, 3);
			writes_undo(&b);
			burst_clear(&b);
		}
	}
}

static void garbage_does_no_harm(void **state)
{
	(void)state;
	for (int i = 0; i < 10000; i++) {
		static uint8_t frame[PACKETS_MAX];
		struct burst b = {0};
		size_t packets = 0;

		random_burst(&b, 3);
		for (size_t k = 0; k < b.n; k++) {
			struct receive_packet *p = &b.packet[k];
			size_t length = below(8) ? p->length : below(p->length + 1);
			uint8_t *copy = exactly(p->data, length);

			free(p->data);
			*p = (struct receive_packet){copy, length};
			if (length && !below(4))
				copy[below(length < 80 ? length : 80)] =
				    support_random_next(&generator);
		}
		burst_merge(&b, BOTH);
		for (size_t k = 0; k < b.made; k++) {
			gather(&b, &b.write[k], frame);
			packets += b.write[k].count;
		}
		assert_int_equal(packets, b.n);
		burst_clear(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cut_then_merge_is_the_identity),
	    cmocka_unit_test(bursts_of_few_flows_merge_as_the_model_does),
	    cmocka_unit_test(more_flows_than_the_table_holds_keep_their_order),
	    cmocka_unit_test(eight_interleaved_flows_all_merge),
	    cmocka_unit_test(merged_packets_stay_within_64k),
	    cmocka_unit_test(a_wrong_checksum_is_never_repaired),
	    cmocka_unit_test(a_wrong_ipv4_header_is_never_repaired_without_strictness),
	    cmocka_unit_test(udp_without_checksum_gets_none),
	    cmocka_unit_test(padded_packet_passes_as_it_is),
	    cmocka_unit_test(truncated_packets_pass_as_they_are),
	    cmocka_unit_test(garbage_does_no_harm),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
