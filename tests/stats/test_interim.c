// The error of looking again and again: exactly where all orders and signs can be counted, else by
// simulation.
#include "harness/stats/interim.h"
#include "harness/stats/signed_rank.h"
#include "tests/support/draw.h"

#include <errno.h>

static struct support_random rng;

static void plan(struct stats_interim *l, const size_t *blocks, size_t n, double alpha)
{
	assert_int_equal(stats_interim_plan(l, blocks, n, alpha), 0);
}

static void default_analyses_grow_by_half(void **state)
{
	static const size_t expected[] = {8, 12, 18, 27, 40, 60, 90, 135, 202, 303, 454, 500};
	size_t blocks[STATS_ANALYSES_MAX];

	(void)state;
	assert_int_equal(stats_interim_default(blocks, STATS_BLOCKS_MAX), 12);
	assert_memory_equal(blocks, expected, sizeof(expected));
	assert_int_equal(stats_interim_default(blocks, 18), 3);
	assert_int_equal(blocks[2], 18);
	for (size_t most = 6; most <= 8; most++) {
		assert_int_equal(stats_interim_default(blocks, most), 1);
		assert_int_equal(blocks[0], most);
	}
}

static void refusals(void **state)
{
	const size_t twice[] = {8, 8}, zero[] = {0, 8}, far[] = {8, STATS_BLOCKS_MAX + 1};
	size_t many[STATS_ANALYSES_MAX + 1];
	struct stats_interim l;

	(void)state;
	for (size_t i = 0; i <= STATS_ANALYSES_MAX; i++)
		many[i] = 8 + i;
	assert_int_equal(stats_interim_plan(&l, twice, 2, 0.05), -EINVAL);
	assert_int_equal(stats_interim_plan(&l, zero, 2, 0.05), -EINVAL);
	assert_int_equal(stats_interim_plan(&l, far, 2, 0.05), -EINVAL);
	assert_int_equal(stats_interim_plan(&l, many, STATS_ANALYSES_MAX + 1, 0.05), -EINVAL);
	assert_int_equal(stats_interim_plan(&l, many, 0, 0.05), -EINVAL);
	assert_int_equal(stats_interim_plan(&l, many, 2, 0), -EINVAL);
	assert_int_equal(stats_interim_plan(&l, many, 2, 1), -EINVAL);
	assert_int_equal(stats_interim_plan(&l, many, 2, NAN), -EINVAL);
}

// The tables' 5 % critical value for n = 12 is 13: 2 P(W <= 13) = 174 / 4096.
static void one_look_is_the_plain_test(void **state)
{
	const size_t twelve[] = {12}, five_first[] = {5, 12};
	struct stats_interval plain, analysis;
	struct stats_interim l;
	double x[12];

	(void)state;
	for (int i = 0; i < 12; i++)
		x[i] = draw_normal(&rng);
	plain = stats_signed_rank_interval(x, 12, 0.95);
	plan(&l, twelve, 1, 0.05);
	assert_near(l.level[0], 174.0 / 4096, 1e-9);
	assert_near(l.spent[0], 174.0 / 4096, 1e-9);
	analysis = stats_signed_rank_interval(x, 12, 1 - l.level[0]);
	assert_near(analysis.low, plain.low, 0);
	assert_near(analysis.high, plain.high, 0);

	// With five blocks no level below 1/16 can be attained: all of alpha is left for later.
	plan(&l, five_first, 2, 0.05);
	assert_near(l.level[0], 0, 0);
	assert_near(l.spent[0], 0, 0);
	assert_near(l.level[1], 174.0 / 4096, 1e-9);
}

// Eight blocks reject at 1/128 or not at all; up to ten default analyses the first one can.
static void the_first_default_look_can_decide(void **state)
{
	static const size_t most[] = {12, 18, 27, 40, 60, 90, 135, 202, 303};
	size_t blocks[STATS_ANALYSES_MAX];
	struct stats_interim l;

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++) {
		size_t n = stats_interim_default(blocks, most[i]);

		plan(&l, blocks, n, 0.05);
		assert_near(fmod(l.level[0] * 128, 1), 0, 1e-6);
		for (size_t k = 0; k < n; k++) {
			assert_true(l.level[k] > 0.006 && l.level[k] < 0.05);
			assert_true(l.spent[k] > (k ? l.spent[k - 1] : 0));
		}
		assert_true(l.spent[n - 1] > 0.048 && l.spent[n - 1] <= 0.05);
	}
}

static void the_same_each_time(void **state)
{
	const size_t blocks[] = {8, 12, 18};
	struct stats_interim a, b;

	(void)state;
	plan(&a, blocks, 3, 0.05);
	plan(&b, blocks, 3, 0.05);
	assert_memory_equal(&a, &b, sizeof(a));
}

enum { COUNTED = 7 };

static bool any_rejects(const struct stats_interim *l, const double *x)
{
	for (size_t k = 0; k < l->n; k++)
		if (stats_signed_rank_p(x, l->blocks[k], 0) <= l->level[k])
			return true;
	return false;
}

// Of all orders of the sizes 1..n and all signs, in how many does an analysis reject? By symmetry
// the last sign may stay.
static unsigned count_rejections(const struct stats_interim *l, double *x, unsigned place)
{
	unsigned count = 0;

	if (place == COUNTED) {
		for (unsigned signs = 0; signs < 1u << (COUNTED - 1); signs++) {
			double y[COUNTED];

			for (unsigned i = 0; i < COUNTED; i++)
				y[i] = signs >> i & 1 ? -x[i] : x[i];
			count += any_rejects(l, y);
		}
		return count;
	}
	for (unsigned i = place; i < COUNTED; i++) {
		double kept = x[place];

		x[place] = x[i];
		x[i] = kept;
		count += count_rejections(l, x, place + 1);
		x[i] = x[place];
		x[place] = kept;
	}
	return count;
}

static void error_counted_over_all_orders_and_signs(void **state)
{
	const size_t blocks[] = {4, 5, COUNTED};
	double x[COUNTED] = {1, 2, 3, 4, 5, 6, 7}, error;
	struct stats_interim l;

	(void)state;
	plan(&l, blocks, 3, 0.35);
	error = count_rejections(&l, x, 0) / (5040.0 * 64);
	assert_true(l.level[0] > 0 && l.level[1] > 0 && l.level[2] > 0);
	// The three levels' sum is far above it: analyses overlap.
	assert_true(l.level[0] + l.level[1] + l.level[2] > 0.4);
	assert_true(error <= l.spent[2] && l.spent[2] <= 0.35);
	assert_near(error, l.spent[2], 0.005);
}

// What a run that stops at its first decision says of an effect that is exactly at the floor, and
// what it would say without paying for its analyses.
static void error_by_simulation(void **state)
{
	enum { RUNS = 10000, MOST = 40 };
	static double (*const draw[])(struct support_random *) = {draw_normal, draw_t3,
	                                                          draw_contaminated};
	size_t blocks[STATS_ANALYSES_MAX], n = stats_interim_default(blocks, MOST);
	struct stats_interim l;

	(void)state;
	plan(&l, blocks, n, 0.05);
	for (size_t d = 0; d < 3; d++) {
		size_t uncovered = 0, slower = 0, unpaid = 0;

		for (int run = 0; run < RUNS; run++) {
			bool out = false, below = false, plain = false;
			double x[MOST];

			for (size_t i = 0; i < MOST; i++)
				x[i] = -0.02 + 0.03 * draw[d](&rng);
			for (size_t k = 0; k < n; k++) {
				double p = stats_signed_rank_p(x, blocks[k], -0.02);

				plain |= p <= 0.05;
				if (p > l.level[k])
					continue;
				struct stats_interval interval =
				    stats_signed_rank_interval(x, blocks[k], 1 - l.level[k]);
				assert_true(interval.low > -0.02 || interval.high < -0.02);
				out = true;
				below |= interval.high < -0.02;
			}
			uncovered += out;
			slower += below;
			unpaid += plain;
		}
		assert_at_most(uncovered, RUNS, l.spent[n - 1]);
		assert_at_most(slower, RUNS, l.spent[n - 1] / 2);
		// No more careful than it must be.
		assert_true(uncovered > 0.035 * RUNS);
		assert_true(unpaid > 0.1 * RUNS);
	}
}

enum { FIRST = 8, EXTENSIONS = 3, PATHS = 1 << EXTENSIONS };

// Each extension is short where its bit is set in `path`, else long.
static size_t extend_by(unsigned path, size_t extension)
{
	return path >> extension & 1 ? 3 : 12;
}

static void plan_extensions(struct stats_interim *l, unsigned path)
{
	size_t blocks[EXTENSIONS + 1] = {FIRST};

	for (size_t k = 0; k < EXTENSIONS; k++)
		blocks[k + 1] = blocks[k] + extend_by(path, k);
	assert_int_equal(stats_interim_extend(l, blocks, EXTENSIONS + 1, 0, 0.05, 0.05), 0);
}

static void extensions_share_what_is_left(void **state)
{
	const size_t blocks[] = {8, 16, 32}, few[] = {8, 9};
	struct stats_interim l, again;

	(void)state;
	assert_int_equal(stats_interim_extend(&l, blocks, 3, 0, 0.05, 0.05), 0);
	assert_near(l.level[0], 10.0 / 256, 1e-9); // the plain test of eight
	assert_near(l.spent[0], 10.0 / 256, 1e-9);
	for (int k = 1; k < 3; k++) {
		assert_true(l.level[k] > 0 && l.spent[k] > l.spent[k - 1]);
		assert_true(l.spent[k] <= (l.spent[k - 1] + 0.05) / 2 + 1e-12);
	}
	// Ends that overlap: the second test's level is above what it adds to the error.
	assert_true(l.level[1] > 1.2 * (l.spent[1] - l.spent[0]));
	// What is spent is spent: nothing is left of it.
	assert_int_equal(stats_interim_extend(&l, blocks, 3, 0.02, 0.05, 0.05), 0);
	assert_near(l.level[1] + l.level[2], 0, 0);
	// A level depends on the ends before, not on those to come.
	assert_int_equal(stats_interim_extend(&l, few, 2, 0, 0.05, 0.05), 0);
	assert_true(l.level[1] >= 0 && l.spent[1] <= 0.05);
	assert_int_equal(stats_interim_extend(&again, few, 2, 0, 0.05, 0.05), 0);
	assert_memory_equal(&l, &again, sizeof(l));
	assert_int_equal(stats_interim_extend(&l, few, 0, 0, 0.05, 0.05), -EINVAL);
}

// Of no effect, or one at the threshold: somebody extends a run until it is decided, three times at
// most, and each time only by a little where it was a near thing. Were each end judged at 5 %, he
// would find what isn't there far more often.
static void error_of_extended_runs_by_simulation(void **state)
{
	enum { RUNS = 10000, MOST = FIRST + 12 * EXTENSIONS };
	static double (*const draw[])(struct support_random *) = {draw_normal, draw_t3,
	                                                          draw_contaminated};
	struct stats_interim l[PATHS];

	(void)state;
	for (unsigned path = 0; path < PATHS; path++)
		plan_extensions(&l[path], path);
	for (size_t d = 0; d < 3; d++) {
		size_t wrong = 0, at_first = 0, unpaid = 0;

		for (int run = 0; run < RUNS; run++) {
			unsigned path = 0;
			bool decided = false, plain = false;
			double x[MOST];

			for (size_t i = 0; i < MOST; i++)
				x[i] = draw[d](&rng);
			for (size_t k = 0; k <= EXTENSIONS && !decided; k++) {
				double p = stats_signed_rank_p(x, l[path].blocks[k], 0);

				decided = p <= l[path].level[k];
				plain |= p <= 0.05;
				at_first += !k && decided;
				if (k < EXTENSIONS)
					path |= (p < 0.15) << k;
			}
			wrong += decided;
			unpaid += plain;
		}
		assert_at_most(wrong, RUNS, 0.05);
		assert_true(wrong > at_first);
		assert_true(unpaid > 0.075 * RUNS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(default_analyses_grow_by_half),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(one_look_is_the_plain_test),
	    cmocka_unit_test(the_first_default_look_can_decide),
	    cmocka_unit_test(the_same_each_time),
	    cmocka_unit_test(error_counted_over_all_orders_and_signs),
	    cmocka_unit_test(error_by_simulation),
	    cmocka_unit_test(extensions_share_what_is_left),
	    cmocka_unit_test(error_of_extended_runs_by_simulation),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
