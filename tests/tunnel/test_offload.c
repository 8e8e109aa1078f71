// Cutting against a model that builds each packet anew; malformed input in memory of exactly its
// size, for the address sanitizer.
#include "tests/support/packets.h"
#include "tunnel/checksum.h"
#include "tunnel/offload.h"

#include <arpa/inet.h>
#include <errno.h>

static uint8_t payload[PACKETS_MAX];
static struct support_random generator;

static int setup(void **state)
{
	(void)state;
	support_random_init(&generator, support_seed());
	support_random_fill(&generator, payload, sizeof(payload));
	return 0;
}

// A random super-packet of a few segments, or of 64 KB.
static struct packet_spec random_super(uint16_t *gso_size)
{
	struct support_random *r = &generator;
	struct packet_spec s = packet_random(r, true);

	if (header_bytes(&s) > OFFLOAD_HEADERS_MAX)
		s.ip_options = 0;
	size_t most = PACKETS_MAX - header_bytes(&s);

	*gso_size = 1 + support_random_below(r, support_random_below(r, 4) ? 1500 : 100);
	size_t segments = support_random_below(r, 8) ? support_random_below(r, 12) : 1000;
	s.payload_bytes = support_random_below(r, 2)
	                      ? segments * *gso_size
	                      : segments * *gso_size + support_random_below(r, *gso_size);
	if (s.payload_bytes > most)
		s.payload_bytes = most;
	s.payload = payload;
	s.tcp_flags |= support_random_next(r) & (0x80 | 0x40 | 0x08 | 0x01);
	return s;
}

static void cut_gives_what_the_model_gives(struct packet_spec *s, uint16_t gso_size)
{
	static uint8_t frame[PACKETS_MAX], expected[PACKETS_MAX];
	struct virtio_net_hdr header = super_header(s, gso_size);
	size_t length = packet_build(frame, s), segments = model_segments(s, gso_size);
	uint8_t *super;
	struct offload_cutter cutter;

	packet_make_partial(frame, s, length);
	super = exactly(frame, length);
	header.hdr_len = support_random_next(&generator);
	if (s->protocol == IPPROTO_TCP && s->tcp_flags & 0x80)
		header.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	assert_int_equal(cut_init(&cutter, &header, super, length), 0);
	assert_int_equal(cutter.segments, segments);
	for (size_t i = 0; i < segments; i++) {
		struct packet_spec one = model_segment(s, gso_size, i);
		size_t bytes = packet_build(expected, &one);
		uint32_t got;
		uint8_t *packet = offload_cut_next(&cutter, &got);

		assert_non_null(packet);
		assert_int_equal(got, bytes);
		assert_memory_equal(packet, expected, bytes);
		memset(packet, 0xee, bytes - header_bytes(s)); // it was used up
	}
	assert_null(offload_cut_next(&cutter, &(uint32_t){0}));
	free(super);
}

static void cuts_as_the_model_does(void **state)
{
	(void)state;
	for (int i = 0; i < 4000; i++) {
		uint16_t gso_size;
		struct packet_spec s = random_super(&gso_size);

		cut_gives_what_the_model_gives(&s, gso_size);
	}
}

static void zero_udp_checksum_is_written_as_ffff(void **state)
{
	(void)state;
	enum { GSO = 100, SEGMENTS = 5 };
	uint8_t data[SEGMENTS * GSO];
	struct packet_spec s = {.family = AF_INET, .protocol = IPPROTO_UDP, .ttl = 64};

	support_random_fill(&generator, data, sizeof(data));
	s.payload = data;
	s.payload_bytes = sizeof(data);
	for (size_t i = 0; i < SEGMENTS; i++) {
		uint8_t packet[200];
		struct packet_spec one;

		put16(data + i * GSO, 0);
		one = model_segment(&s, GSO, i);
		packet_build(packet, &one);
		put16(data + i * GSO, get16(packet + 26));
		packet_build(packet, &one);
		assert_int_equal(get16(packet + 26), 0xffff);
	}
	cut_gives_what_the_model_gives(&s, GSO);

	struct packet_spec one = model_segment(&s, GSO, 0);
	struct virtio_net_hdr header = super_header(&one, 0);
	struct offload_cutter cutter;
	uint8_t packet[200];
	size_t length = packet_build(packet, &one);

	header.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	packet_make_partial(packet, &one, length);
	assert_int_equal(cut_init(&cutter, &header, packet, length), 0);
	assert_non_null(offload_cut_next(&cutter, &(uint32_t){0}));
	assert_int_equal(get16(packet + 26), 0xffff);
}

static void partial_checksum_of_one_packet_is_completed(void **state)
{
	(void)state;
	static uint8_t expected[PACKETS_MAX], frame[PACKETS_MAX];

	for (int i = 0; i < 2000; i++) {
		struct packet_spec s = packet_random(&generator, true);
		struct offload_cutter cutter;
		uint32_t got = 0;

		s.payload = payload;
		s.payload_bytes = support_random_below(&generator, 1500);
		size_t length = packet_build(expected, &s);
		struct virtio_net_hdr header = super_header(&s, 0);
		header.gso_type = VIRTIO_NET_HDR_GSO_NONE;
		memcpy(frame, expected, length);
		packet_make_partial(frame, &s, length);
		if (s.protocol == IPPROTO_TCP && !get16(expected + ip_bytes(&s) + 16))
			continue; // 0 and 0xffff are the same to TCP
		assert_int_equal(cut_init(&cutter, &header, frame, length), 0);
		assert_int_equal(cutter.segments, 1);
		assert_ptr_equal(offload_cut_next(&cutter, &got), frame);
		assert_int_equal(got, length);
		assert_memory_equal(frame, expected, length);
		assert_null(offload_cut_next(&cutter, &got));
	}
}

static void frame_that_needs_nothing_is_left_alone(void **state)
{
	(void)state;
	uint8_t frame[100], before[100];
	struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_DATA_VALID};
	struct offload_cutter cutter;
	uint32_t got = 0;

	support_random_fill(&generator, frame, sizeof(frame));
	memcpy(before, frame, sizeof(frame));
	assert_int_equal(cut_init(&cutter, &header, frame, sizeof(frame)), 0);
	assert_ptr_equal(offload_cut_next(&cutter, &got), frame);
	assert_int_equal(got, sizeof(frame));
	assert_memory_equal(frame, before, sizeof(frame));
	assert_null(offload_cut_next(&cutter, &got));
}

static struct packet_spec plain(int family, uint8_t protocol)
{
	return (struct packet_spec){.family = family,
	                            .protocol = protocol,
	                            .ttl = 64,
	                            .tcp_flags = 0x10,
	                            .payload = payload,
	                            .payload_bytes = 3000};
}

struct contradiction {
	const char *what;
	int family;
	uint8_t protocol;
	int at;                    // byte of the packet that is set
	uint8_t value;             // to this
	struct virtio_net_hdr set; // fields that aren't zero replace the right ones
	int expected;
};

static void contradictions_are_refused(void **state)
{
	(void)state;
	enum { NOTHING = -1 };
	static const struct contradiction rows[] = {
	    {"TCPv6 with an IPv4 packet", AF_INET, 6, NOTHING, 0, {.gso_type = 4}, -EINVAL},
	    {"TCPv4 with an IPv6 packet", AF_INET6, 6, NOTHING, 0, {.gso_type = 1}, -EINVAL},
	    {"UFO", AF_INET, 17, NOTHING, 0, {.gso_type = 3}, -EINVAL},
	    {"UDP with ECN", AF_INET, 17, NOTHING, 0, {.gso_type = 0x85}, -EINVAL},
	    {"UDP offload of TCP", AF_INET, 6, NOTHING, 0, {.gso_type = 5}, -EINVAL},
	    {"no NEEDS_CSUM", AF_INET, 6, NOTHING, 0, {.flags = 2}, -EINVAL},
	    {"csum_start in the IP header", AF_INET, 6, NOTHING, 0, {.csum_start = 16}, -EINVAL},
	    {"csum_start behind the TCP header",
	     AF_INET6,
	     6,
	     NOTHING,
	     0,
	     {.csum_start = 48},
	     -EINVAL},
	    {"csum_start astride", AF_INET6, 6, 40 + 13, 0x50, {.csum_start = 41}, -EINVAL},
	    {"csum_start behind the packet",
	     AF_INET,
	     6,
	     NOTHING,
	     0,
	     {.csum_start = 65535},
	     -EINVAL},
	    {"csum_offset of UDP", AF_INET, 6, NOTHING, 0, {.csum_offset = 6}, -EINVAL},
	    {"csum_offset of TCP", AF_INET6, 17, NOTHING, 0, {.csum_offset = 16}, -EINVAL},
	    {"TCP header too short", AF_INET, 6, 20 + 12, 0x40, {0}, -EINVAL},
	    {"another protocol", AF_INET, 6, 9, 17, {0}, -EINVAL},
	    {"another next header", AF_INET6, 17, 6, 6, {0}, -EINVAL},
	    {"a fragment header", AF_INET6, 17, 6, 44, {0}, -EINVAL},
	    {"IP header too short", AF_INET, 6, 0, 0x44, {0}, -EINVAL},
	    {"IP length too large", AF_INET, 6, 2, 0xff, {0}, -EINVAL},
	    {"IP length too small", AF_INET, 6, 2, 0, {0}, 0},
	    {"UDP length too small", AF_INET, 17, 20 + 4, 0, {0}, -EINVAL},
	    {"more fragments", AF_INET, 6, 6, 0x20, {0}, -EINVAL},
	    {"fragment offset", AF_INET, 17, 7, 1, {0}, -EINVAL},
	    {"version 5", AF_INET, 6, 0, 0x55, {0}, -EINVAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct contradiction *row = &rows[i];
		struct packet_spec s = plain(row->family, row->protocol);
		struct virtio_net_hdr header = super_header(&s, 1000);
		struct offload_cutter cutter;
		uint8_t frame[4000];
		size_t length = packet_build(frame, &s);

		if (row->at != NOTHING)
			frame[row->at] = row->value;
		if (row->set.flags)
			header.flags = row->set.flags;
		if (row->set.gso_type)
			header.gso_type = row->set.gso_type;
		if (row->set.csum_start)
			header.csum_start = row->set.csum_start;
		if (row->set.csum_offset)
			header.csum_offset = row->set.csum_offset;
		int ret = cut_init(&cutter, &header, frame, length);
		if (ret != row->expected)
			fail_msg("%s: %d", row->what, ret);
	}
}

static void gso_size_zero_is_refused(void **state)
{
	(void)state;
	struct packet_spec s = plain(AF_INET, IPPROTO_TCP);
	struct virtio_net_hdr header = super_header(&s, 0);
	struct offload_cutter cutter;
	uint8_t frame[4000];
	size_t length = packet_build(frame, &s);

	assert_int_equal(cut_init(&cutter, &header, frame, length), -EINVAL);
}

static void headers_beyond_the_template_are_refused(void **state)
{
	(void)state;
	struct offload_cutter cutter;
	uint8_t frame[4000];

	for (unsigned ip_options = 0; ip_options <= 96; ip_options += 8) {
		struct packet_spec s = plain(AF_INET6, IPPROTO_TCP);
		s.ip_options = ip_options;
		s.options_bytes = 40;
		struct virtio_net_hdr header = super_header(&s, 1000);
		size_t length = packet_build(frame, &s);

		assert_int_equal(cut_init(&cutter, &header, frame, length),
		                 header_bytes(&s) <= OFFLOAD_HEADERS_MAX ? 0 : -EMSGSIZE);
	}
}

// Cuts whatever it is; each packet must lie within the frame.
static int cut_all(const struct virtio_net_hdr *header, const uint8_t *from, size_t length)
{
	uint8_t *frame = exactly(from, length), *packet;
	struct offload_cutter cutter;
	uint32_t bytes, packets = 0;
	int ret = cut_init(&cutter, header, frame, length);

	if (!ret) {
		while ((packet = offload_cut_next(&cutter, &bytes))) {
			assert_true(packet >= frame && packet + bytes <= frame + length);
			packets++;
		}
		assert_int_equal(packets, cutter.segments);
	}
	free(frame);
	return ret;
}

static void truncated_frames_are_refused(void **state)
{
	(void)state;
	uint8_t frame[4000];

	for (int i = 0; i < 8; i++) {
		struct packet_spec s =
		    plain(i & 1 ? AF_INET : AF_INET6, i & 2 ? IPPROTO_TCP : IPPROTO_UDP);
		struct virtio_net_hdr header = super_header(&s, 100);
		s.payload_bytes = 450;
		if (i & 4)
			header.gso_type = VIRTIO_NET_HDR_GSO_NONE;
		size_t length = packet_build(frame, &s);

		for (size_t most = 0; most < length; most++) {
			int ret = cut_all(&header, frame, most);

			if (header.gso_type || most < ip_bytes(&s) + checksum_offset(&s) + 2)
				assert_int_equal(ret, -EINVAL);
		}
		assert_int_equal(cut_all(&header, frame, length), 0);
	}
}

static void garbage_does_no_harm(void **state)
{
	(void)state;
	struct support_random *r = &generator;
	uint8_t frame[4000];
	int accepted = 0;

	for (int i = 0; i < 50000; i++) {
		struct packet_spec s = packet_random(r, true);
		struct virtio_net_hdr header = super_header(&s, 1 + support_random_below(r, 500));
		s.payload = payload;
		s.payload_bytes = support_random_below(r, 600);
		size_t length = packet_build(frame, &s);

		for (uint64_t n = support_random_below(r, 4); n; n--)
			frame[support_random_below(r, header_bytes(&s))] = support_random_next(r);
		for (uint64_t n = support_random_below(r, 2); n; n--)
			((uint8_t *)&header)[support_random_below(r, sizeof(header))] =
			    support_random_next(r);
		if (!support_random_below(r, 4))
			length = support_random_below(r, length + 1);
		accepted += !cut_all(&header, frame, length);
	}
	assert_in_range(accepted, 5000, 45000);
}

static void segments_are_counted_as_they_are_cut(void **state)
{
	static uint8_t frame[PACKETS_MAX];

	(void)state;
	for (int i = 0; i < 4000; i++) {
		uint16_t gso_size;
		struct packet_spec s = random_super(&gso_size);
		struct virtio_net_hdr header = super_header(&s, gso_size);
		size_t length = packet_build(frame, &s);

		assert_int_equal(offload_segments(&header, frame, length),
		                 model_segments(&s, gso_size));
		header.csum_start = length - support_random_below(&generator, 8);
		assert_int_equal(offload_segments(&header, frame, length), 1);
		header.gso_type = VIRTIO_NET_HDR_GSO_NONE;
		assert_int_equal(offload_segments(&header, frame, length), 1);
	}
}

static bool ipv4_checksum_right(const uint8_t *packet, const struct packet_spec *s)
{
	return naive_sum(packet, ip_bytes(s), 0) == 0xffff;
}

// Neither of the IPv4 header, nor where the sum of the pseudo header is wrong.
static void cutting_makes_no_wrong_checksum_right(void **state)
{
	(void)state;
	static uint8_t frame[PACKETS_MAX];

	for (int i = 0; i < 1000; i++) {
		struct packet_spec s = packet_random(&generator, false);
		struct offload_cutter cutter;
		bool header = i % 2;
		uint8_t *packet;
		uint32_t bytes;

		s.family = AF_INET;
		s.payload = payload;
		s.payload_bytes = 3000;
		size_t length = packet_build(frame, &s);
		packet_make_partial(frame, &s, length);
		uint8_t *sum = frame + (header ? 10 : ip_bytes(&s) + checksum_offset(&s));
		put16(sum, get16(sum) ^ 1 << i % 16);
		struct virtio_net_hdr vnet = super_header(&s, 1000);
		assert_int_equal(cut_init(&cutter, &vnet, frame, length), 0);
		assert_int_equal(cutter.segments, 3);
		while ((packet = offload_cut_next(&cutter, &bytes))) {
			size_t at = ip_bytes(&s);
			unsigned rest = naive_sum(packet + at, bytes - at,
			                          naive_pseudo(&s, packet, bytes - at));

			assert_int_equal(ipv4_checksum_right(packet, &s), !header);
			assert_int_equal(rest == 0xffff, header);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cuts_as_the_model_does),
	    cmocka_unit_test(zero_udp_checksum_is_written_as_ffff),
	    cmocka_unit_test(partial_checksum_of_one_packet_is_completed),
	    cmocka_unit_test(frame_that_needs_nothing_is_left_alone),
	    cmocka_unit_test(contradictions_are_refused),
	    cmocka_unit_test(gso_size_zero_is_refused),
	    cmocka_unit_test(headers_beyond_the_template_are_refused),
	    cmocka_unit_test(truncated_frames_are_refused),
	    cmocka_unit_test(garbage_does_no_harm),
	    cmocka_unit_test(segments_are_counted_as_they_are_cut),
	    cmocka_unit_test(cutting_makes_no_wrong_checksum_right),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
