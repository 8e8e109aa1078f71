// The Internet checksum: every way that this CPU has, at every alignment, against a sum made a
// byte at a time.
#include "tests/support/packets.h"
#include "tunnel/checksum.h"
#include "tunnel/inner.h"
#include "tunnel/offload.h"

#include <arpa/inet.h>

static void each_way_agrees_with_the_bytewise_sum(void **state)
{
	(void)state;
	struct support_random r;
	static uint8_t data[PACKETS_MAX];

	support_random_init(&r, support_seed());
	for (size_t w = 0; w < checksum_ways_count; w++) {
		const struct checksum_way *way = &checksum_ways[w];

		if (!way->usable()) {
			print_message("skipped: this CPU lacks %s\n", way->name);
			continue;
		}
		for (int i = 0; i < 3000; i++) {
			size_t bytes = support_random_below(&r, i % 100 ? 400 : sizeof(data) - 64);
			size_t at = support_random_below(&r, 64);
			uint8_t *copy;

			if (i % 3)
				support_random_fill(&r, data, bytes);
			else
				memset(data, i % 2 ? 0xff : 0, bytes);
			copy = malloc(at + bytes + 1);
			assert_non_null(copy);
			uint8_t *exact = copy + 1 + at; // ends where the memory ends
			memcpy(exact, data, bytes);
			assert_int_equal(ntohs(checksum_fold(way->add(0, exact, bytes))),
			                 naive_sum(data, bytes, 0));
			free(copy);
		}
	}
}

static void sums_of_parts_add_up(void **state)
{
	(void)state;
	struct support_random r;
	static uint8_t data[4096];

	support_random_init(&r, support_seed());
	support_random_fill(&r, data, sizeof(data));
	for (int i = 0; i < 1000; i++) {
		size_t cut = 2 * support_random_below(&r, sizeof(data) / 2);
		uint64_t sum =
		    checksum_add(checksum_add(0, data, cut), data + cut, sizeof(data) - cut);

		assert_int_equal(ntohs(checksum_fold(sum)), naive_sum(data, sizeof(data), 0));
	}
}

static void big_buffers_dont_overflow(void **state)
{
	(void)state;
	size_t bytes = 8 << 20;
	uint8_t *data = malloc(bytes);

	assert_non_null(data);
	memset(data, 0xff, bytes);
	put16(data, 0x1234);
	for (size_t w = 0; w < checksum_ways_count; w++) {
		if (!checksum_ways[w].usable())
			continue;
		uint64_t sum = 0;

		for (int i = 0; i < 16; i++)
			sum = checksum_ways[w].add(sum, data, bytes);
		unsigned expected = 0;
		for (int i = 0; i < 16; i++)
			expected = naive_sum(data, 2, expected); // 0xffff adds nothing
		assert_int_equal(ntohs(checksum_fold(sum)), expected);
	}
	free(data);
}

static void fold_is_the_remainder_that_is_zero_only_for_zero(void **state)
{
	(void)state;
	struct support_random r;
	static const uint64_t edges[] = {0,
	                                 1,
	                                 0xfffe,
	                                 0xffff,
	                                 0x10000,
	                                 0x1fffe,
	                                 0xffffffff,
	                                 0x100000000,
	                                 0xffffffff00000000,
	                                 UINT64_MAX - 1,
	                                 UINT64_MAX};

	support_random_init(&r, support_seed());
	for (size_t i = 0; i < 10000; i++) {
		uint64_t sum = i < sizeof(edges) / sizeof(edges[0])
		                   ? edges[i]
		                   : support_random_next(&r) >> support_random_below(&r, 64);
		uint64_t expected = sum % 0xffff;

		if (!expected && sum)
			expected = 0xffff;
		assert_int_equal(checksum_fold(sum), expected);
	}
}

static void pseudo_header_is_summed(void **state)
{
	(void)state;
	struct support_random r;

	support_random_init(&r, support_seed());
	for (int i = 0; i < 1000; i++) {
		struct packet_spec s = packet_random(&r, false);
		uint8_t packet[200];
		size_t length = packet_build(packet, &s);
		struct inner ip;

		assert_int_equal(inner_parse(&ip, packet, length), 0);
		assert_int_equal(
		    ntohs(checksum_fold(inner_pseudo_sum(&ip, packet, s.protocol, 40000 + i))),
		    naive_pseudo(&s, packet, 40000 + i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_way_agrees_with_the_bytewise_sum),
	    cmocka_unit_test(sums_of_parts_add_up),
	    cmocka_unit_test(big_buffers_dont_overflow),
	    cmocka_unit_test(fold_is_the_remainder_that_is_zero_only_for_zero),
	    cmocka_unit_test(pseudo_header_is_summed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
