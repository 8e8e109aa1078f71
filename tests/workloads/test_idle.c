// The peers of an idle tunnel: whether `wg` takes them is seen in tests/e2e/wgbench/loads.sh.
#include "workloads/idle.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static struct idle_peer peer[IDLE_PEERS_MAX];

// A naive decoder, six bits at a time.
static void decode(uint8_t key[33], const char *text)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	memset(key, 0, 33);
	for (unsigned bit = 0; bit < 43 * 6; bit++) {
		const char *digit = strchr(digits, text[bit / 6]);

		assert_non_null(digit);
		if ((digit - digits) >> (5 - bit % 6) & 1)
			key[bit / 8] |= 0x80 >> bit % 8;
	}
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct idle_peer *)a)->key, ((const struct idle_peer *)b)->key);
}

static void keys_are_keys(void **state)
{
	uint8_t key[33];
	unsigned bits = 0;

	(void)state;
	for (unsigned i = 0; i < IDLE_PEERS_MAX; i++) {
		idle_peer_name(&peer[i], i);
		assert_int_equal(strlen(peer[i].key), 44);
		assert_int_equal(peer[i].key[43], '=');
		decode(key, peer[i].key);
		assert_int_equal(key[31] >> 7, 0);
		assert_int_equal(key[32], 0);
		for (int b = 0; b < 255; b++)
			bits += key[b / 8] >> b % 8 & 1;
	}
	// Half of 255000 bits, within ten standard deviations.
	assert_in_range(bits, 127500 - 2530, 127500 + 2530);
	qsort(peer, IDLE_PEERS_MAX, sizeof(*peer), by_key);
	for (unsigned i = 1; i < IDLE_PEERS_MAX; i++)
		assert_true(by_key(&peer[i - 1], &peer[i]) < 0);
}

static void addresses_are_their_own(void **state)
{
	static bool seen[2][IDLE_PEERS_MAX];

	(void)state;
	for (unsigned i = 0; i < IDLE_PEERS_MAX; i++) {
		struct idle_peer p;
		struct in_addr four;
		struct in6_addr six;

		idle_peer_name(&p, i);
		char *comma = strchr(p.allowed, ','), *slash = strchr(p.allowed, '/');
		assert_non_null(comma);
		assert_memory_equal(slash, "/32,", 4);
		*slash = 0;
		assert_int_equal(inet_pton(AF_INET, p.allowed, &four), 1);
		slash = strchr(comma + 1, '/');
		assert_string_equal(slash, "/128");
		*slash = 0;
		assert_int_equal(inet_pton(AF_INET6, comma + 1, &six), 1);
		assert_int_equal(ntohl(four.s_addr) >> 16, 10 << 8 | 78);
		unsigned n[2] = {ntohl(four.s_addr) & 0xffff,
		                 six.s6_addr[14] << 8 | six.s6_addr[15]};
		for (int f = 0; f < 2; f++) {
			assert_in_range(n[f], 0, IDLE_PEERS_MAX - 1);
			assert_false(seen[f][n[f]]);
			seen[f][n[f]] = true;
		}
	}
}

static void nothing_is_told_apart_below_the_floor(void **state)
{
	(void)state;
	assert_true(idle_percent(0.05, 5) == 1);
	assert_true(idle_percent(0.0001, 5) == 0.002);
	assert_true(idle_percent(1e-9, 5) == IDLE_FLOOR_PERCENT);
	assert_true(idle_percent(0, 5) == IDLE_FLOOR_PERCENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_keys),
	    cmocka_unit_test(addresses_are_their_own),
	    cmocka_unit_test(nothing_is_told_apart_below_the_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
