// Two modes are found where there are two, and seldom where there is one.
#include "harness/stats/modes.h"
#include "tests/support/draw.h"

static struct support_random rng;

static void what_cannot_be_said(void **state)
{
	static const double few[] = {1, 1, 1, 1, 9, 9, 9}, equal[12] = {0};
	static const double outlier[] = {1, 1.1, 0.9, 1, 1.05, 0.95, 1, 1.02, 0.98, 7};
	struct stats_modes m;

	(void)state;
	assert_false(stats_modes(&m, few, 0));
	assert_false(stats_modes(&m, few, 7));
	assert_false(stats_modes(&m, equal, 12));
	assert_false(stats_modes(&m, outlier, 10)); // one block is no mode
}

static void known_groups(void **state)
{
	static const double exact[] = {2, 5, 2, 5, 2, 2, 5, 2}; // no spread within
	static const double two[] = {4.5, 2.1, 2.2, 4.4, 4.6, 2.0, 2.1, 4.5, 2.15, 2.05};
	struct stats_modes m;

	(void)state;
	assert_true(stats_modes(&m, exact, 8));
	assert_true(m.low == 2 && m.high == 5 && m.n_low == 5 && m.n_high == 3);
	assert_true(stats_modes(&m, two, 10));
	assert_true(m.low == 2.1 && m.high == 4.5 && m.n_low == 6 && m.n_high == 4);
}

static double one_normal(void)
{
	return draw_normal(&rng);
}

static double one_skewed(void)
{
	return -log(1 - draw_uniform(&rng));
}

static double two_normals(void)
{
	return draw_normal(&rng) + (draw_uniform(&rng) < 0.5 ? 8 : 0);
}

static unsigned count_found(double (*draw)(void), size_t n, unsigned runs)
{
	unsigned found = 0;

	for (unsigned run = 0; run < runs; run++) {
		struct stats_modes m;
		double x[STATS_BLOCKS_MAX];

		for (size_t i = 0; i < n; i++)
			x[i] = draw();
		found += stats_modes(&m, x, n);
	}
	return found;
}

// The bounds are passed by chance once in a million at the rates that the header names.
static void rates_hold(void **state)
{
	static const size_t sizes[] = {8, 20, 40, 80};

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_true(count_found(one_normal, sizes[i], 1000) <= 27);
		assert_true(count_found(one_skewed, sizes[i], 1000) <= 27);
	}
	assert_true(count_found(two_normals, 20, 300) >= 265);
	assert_true(count_found(two_normals, 40, 300) >= 290);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_cannot_be_said),
	    cmocka_unit_test(known_groups),
	    cmocka_unit_test(rates_hold),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
