#include "harness/plan/block_order.h"
#include "tests/support/support.h"

#include <string.h>

enum { BLOCKS = 96 };

static void each_tunnel_is_centred_in_its_block(void **state)
{
	unsigned order[2 * RUN_TUNNELS_MAX];

	(void)state;
	for (unsigned n = 1; n <= RUN_TUNNELS_MAX; n++)
		for (unsigned b = 0; b < BLOCKS; b++) {
			unsigned seen[RUN_TUNNELS_MAX] = {0}, middle[RUN_TUNNELS_MAX] = {0};

			order_block(order, n, b, support_seed());
			for (unsigned i = 0; i < 2 * n; i++) {
				assert_true(order[i] < n);
				seen[order[i]]++;
				middle[order[i]] += i;
			}
			for (unsigned t = 0; t < n; t++) {
				assert_int_equal(seen[t], ORDER_TRIALS_PER_TUNNEL);
				assert_int_equal(middle[t], 2 * n - 1);
			}
		}
}

static void two_tunnels_make_abba_and_baab(void **state)
{
	static const unsigned abba[] = {0, 1, 1, 0}, baab[] = {1, 0, 0, 1};
	unsigned order[4], kinds[2] = {0};

	(void)state;
	for (unsigned b = 0; b < BLOCKS; b++) {
		order_block(order, 2, b, support_seed());
		bool first = !memcmp(order, abba, sizeof(abba));
		assert_true(first || !memcmp(order, baab, sizeof(baab)));
		kinds[first]++;
		// Equally often after each pair of blocks.
		assert_true(b % 2 == 0 || kinds[0] == kinds[1]);
	}
}

// Williams' property, of the first halves: over a cycle each tunnel directly follows each other one
// equally often, and stands at each place equally often.
static void followers_are_balanced(void **state)
{
	(void)state;
	for (unsigned n = 2; n <= RUN_TUNNELS_MAX; n++) {
		unsigned follows[RUN_TUNNELS_MAX][RUN_TUNNELS_MAX] = {{0}};
		unsigned place[RUN_TUNNELS_MAX][RUN_TUNNELS_MAX] = {{0}};
		unsigned order[2 * RUN_TUNNELS_MAX], cycle = order_cycle(n);

		for (unsigned b = 0; b < cycle; b++) {
			order_block(order, n, cycle + b, support_seed());
			for (unsigned i = 0; i < n; i++) {
				place[i][order[i]]++;
				if (i)
					follows[order[i - 1]][order[i]]++;
			}
		}
		for (unsigned a = 0; a < n; a++)
			for (unsigned b = 0; b < n; b++) {
				assert_int_equal(place[a][b], cycle / n);
				assert_int_equal(follows[a][b], a == b ? 0 : cycle / n);
			}
	}
}

static void seed_decides(void **state)
{
	unsigned a[8], b[8], different = 0;

	(void)state;
	for (unsigned block = 0; block < BLOCKS; block++) {
		order_block(a, 4, block, 1);
		order_block(b, 4, block, 1);
		assert_memory_equal(a, b, sizeof(a));
		order_block(b, 4, block, 2);
		different += memcmp(a, b, sizeof(a)) != 0;
	}
	assert_true(different > BLOCKS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_tunnel_is_centred_in_its_block),
	    cmocka_unit_test(two_tunnels_make_abba_and_baab),
	    cmocka_unit_test(followers_are_balanced),
	    cmocka_unit_test(seed_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
