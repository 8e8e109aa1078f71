// The inner IP header: what is read of it and changed in it, against packets built field by field.
#include "tests/support/packets.h"

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

static void parse_reads_the_fields(void **state)
{
	(void)state;
	uint8_t packet[300];

	for (int i = 0; i < 1000; i++) {
		struct packet_spec s = packet_random(&generator, true);
		s.payload = payload;
		s.payload_bytes = support_random_below(&generator, 50);
		size_t length = packet_build(packet, &s);
		struct inner ip;

		assert_int_equal(inner_parse(&ip, packet, length + 20), 0);
		assert_int_equal(ip.family, s.family);
		assert_int_equal(ip.length, length);
		assert_int_equal(ip.tos, s.tos);
		assert_int_equal(ip.protocol, packet[s.family == AF_INET ? 9 : 6]);
		assert_int_equal(ip.headers, s.family == AF_INET ? (packet[0] & 15) * 4 : 40);
		assert_ptr_equal(inner_source(&ip, packet),
		                 packet + (s.family == AF_INET ? 12 : 8));
		assert_ptr_equal(inner_destination(&ip, packet),
		                 packet + (s.family == AF_INET ? 16 : 24));
		for (size_t most = 0; most < length; most++) {
			uint8_t *exact = exactly(packet, most);

			assert_int_equal(inner_parse(&ip, exact, most), -EINVAL);
			free(exact);
		}
		packet[0] = (packet[0] & 15) | 0x50;
		assert_int_equal(inner_parse(&ip, packet, length), -EINVAL);
	}
	struct packet_spec s = {.family = AF_INET, .protocol = IPPROTO_UDP};
	struct inner ip;
	size_t length = packet_build(packet, &s);
	put16(packet + 2, 19); // less than the header
	assert_int_equal(inner_parse(&ip, packet, length), -EINVAL);
	put16(packet + 2, 20);
	packet[0] = 0x44;
	assert_int_equal(inner_parse(&ip, packet, length), -EINVAL);
}

// One flow: the same addresses, protocol and ports, whatever else differs; another: any of these.
static void flows_are_told_apart(void **state)
{
	static uint8_t packet[PACKETS_MAX];
	uint8_t flow[INNER_FLOW_BYTES], other[INNER_FLOW_BYTES];
	struct inner ip;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct packet_spec s = packet_random(&generator, false);
		s.payload = payload;
		s.payload_bytes = support_random_below(&generator, 50);
		s.fragment = s.ip_options = 0;
		assert_int_equal(inner_parse(&ip, packet, packet_build(packet, &s)), 0);
		inner_flow(flow, &ip, packet);

		struct packet_spec same = packet_random(&generator, false), differs = s;
		same.family = s.family;
		same.protocol = s.protocol;
		same.source = s.source;
		same.destination = s.destination;
		memcpy(same.ports, s.ports, sizeof(s.ports));
		same.fragment = same.ip_options = 0;
		same.payload = payload;
		same.payload_bytes = 40;
		assert_int_equal(inner_parse(&ip, packet, packet_build(packet, &same)), 0);
		inner_flow(other, &ip, packet);
		assert_memory_equal(flow, other, sizeof(flow));

		switch (i % 5) {
		case 0:
			differs.source ^= 1;
			break;
		case 1:
			differs.destination ^= 1;
			break;
		case 2:
			differs.ports[0] ^= 256;
			break;
		case 3:
			differs.ports[1] ^= 1;
			break;
		default:
			differs.protocol = s.protocol == IPPROTO_TCP ? IPPROTO_UDP : IPPROTO_TCP;
		}
		assert_int_equal(inner_parse(&ip, packet, packet_build(packet, &differs)), 0);
		inner_flow(other, &ip, packet);
		assert_memory_not_equal(flow, other, sizeof(flow));
	}
}

static void ecn_is_set_and_nothing_else_changes(void **state)
{
	(void)state;
	uint8_t packet[200], expected[200];

	for (int i = 0; i < 20000; i++) {
		struct packet_spec s = packet_random(&generator, true);
		uint8_t ecn = support_random_below(&generator, 4);
		size_t length = packet_build(packet, &s);

		s.tos = (s.tos & ~3) | ecn;
		packet_build(expected, &s);
		inner_set_ecn(packet, ecn);
		assert_memory_equal(packet, expected, length);
	}
}

static bool ipv4_checksum_right(const uint8_t *packet, const struct packet_spec *s)
{
	return naive_sum(packet, ip_bytes(s), 0) == 0xffff;
}

static void ecn_makes_no_wrong_checksum_right(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint8_t packet[1000];
		struct packet_spec s = packet_random(&generator, false);

		s.family = AF_INET;
		s.tos = i;
		packet_build(packet, &s);
		put16(packet + 10, get16(packet + 10) ^ 1 << i % 16);
		assert_false(ipv4_checksum_right(packet, &s));
		inner_set_ecn(packet, support_random_below(&generator, 4));
		assert_false(ipv4_checksum_right(packet, &s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse_reads_the_fields),
	    cmocka_unit_test(flows_are_told_apart),
	    cmocka_unit_test(ecn_is_set_and_nothing_else_changes),
	    cmocka_unit_test(ecn_makes_no_wrong_checksum_right),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
