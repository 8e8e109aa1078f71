// Runs with a budget whose truth is known, drawn again and again.
#include "harness/judge/draw_budget.h"
#include "base/random.h"
#include "harness/stats/signed_rank.h"
#include "tests/support/support.h"

#include <math.h>

enum { BLOCKS = 500, DRAWS = 4000 };

static double ratio[BLOCKS];

static void make(double sd)
{
	uint64_t state = 3;

	for (unsigned i = 0; i < BLOCKS; i++) {
		double u = (random_next(&state) >> 11) * 0x1p-53;
		double v = (random_next(&state) >> 11) * 0x1p-53;

		ratio[i] = sd * sqrt(-2 * log(1 - u)) * cos(2 * M_PI * v);
	}
}

static void estimate(struct selfcheck_budget *s, double shift, unsigned horizon, double gate)
{
	struct interim l;

	interim_fix(&l, horizon);
	selfcheck_draw_budget(s, ratio, BLOCKS, true, shift, &l, gate, DRAWS, 1);
}

// Looks included: of an effect at the floor at most 2.5 % are called higher, of none at most 5 %
// different. Of 4000 draws, 1.2 points more have a chance of about 1e-5.
static void looking_makes_no_false_alarms(void **state)
{
	struct selfcheck_budget s;

	(void)state;
	for (int i = 0; i < 3; i++) {
		make(0.005 * (1 << i));
		for (unsigned horizon = 20; horizon <= 120; horizon *= 2) {
			estimate(&s, log(1.01), horizon, 1);
			assert_true(s.higher <= 0.025 + 0.012);
			estimate(&s, 0, horizon, 1);
			assert_true(s.different <= 0.05 + 0.014);
			assert_true(s.higher + s.lower <= 0.03);
		}
	}
}

static void what_is_there_is_found_and_early(void **state)
{
	struct selfcheck_budget large, small;

	(void)state;
	make(0.04);
	estimate(&large, log(1.05), 60, 1);
	estimate(&small, log(1.03), 60, 1);
	assert_true(large.higher > 0.99);
	assert_true(small.higher > 0.5 && small.higher < large.higher);
	assert_true(large.blocks < 30 && small.blocks > large.blocks);
	estimate(&large, log(0.95), 60, 1);
	assert_true(large.lower > 0.99 && large.higher == 0);
}

static void no_effect_is_the_same_where_there_is_time(void **state)
{
	struct selfcheck_budget s;

	(void)state;
	make(0.005);
	estimate(&s, 0, 60, 1);
	assert_true(s.same > 0.99 && s.blocks <= 27);
}

// One analysis at what the same seed draws here.
static void agrees_with_the_interval(void **state)
{
	unsigned told[3] = {0};

	(void)state;
	make(0.02);
	for (unsigned i = 0; i < 300; i++) {
		unsigned n = 6 + i % 30;
		struct interim l = {.plan = {.n = 1, .blocks = {n}, .level = {INTERIM_ERROR}}};
		double shift = 0.015 * ((int)(i % 5) - 2), drawn[STATS_BLOCKS_MAX];
		uint64_t seed = i;
		struct selfcheck_budget s;

		for (unsigned j = 0; j < n; j++)
			drawn[j] = ratio[random_below(&seed, BLOCKS)] + shift;
		struct stats_interval interval = stats_walsh_interval(drawn, n, 1 - INTERIM_ERROR);
		double up = log1p(0.01), down = log1p(-0.01);

		selfcheck_draw_budget(&s, ratio, BLOCKS, false, shift, &l, 1, 1, i);
		assert_true(s.higher == (interval.low > up));
		assert_true(s.lower == (interval.high < down));
		assert_true(s.same == (interval.low >= down && interval.high <= up));
		assert_true(s.different == (interval.low > 0 || interval.high < 0));
		told[0] += s.higher == 1;
		told[1] += s.lower == 1;
		told[2] += s.different == 0;
	}
	assert_true(told[0] > 20 && told[1] > 20 && told[2] > 20);
}

// Of stores of a few blocks, whose truth is what runs drawn from all blocks are called: 95 % of the
// limits hold on either side. Of 100, ten that don't have a chance of 2 %; percentile limits from
// twelve blocks are a little narrow, so some more are allowed.
static void limits_hold_what_many_blocks_say(void **state)
{
	enum { STORES = 100, OF_BLOCKS = 12 };
	unsigned below = 0, above = 0;
	double width = 0;
	struct selfcheck_budget truth;
	struct interim l;

	(void)state;
	make(0.04);
	interim_fix(&l, 40);
	selfcheck_draw_budget(&truth, ratio, BLOCKS, true, log(1.025), &l, 1, DRAWS, 1);
	assert_true(truth.higher > 0.3 && truth.higher < 0.9);
	for (unsigned i = 0; i < STORES; i++) {
		struct selfcheck_limits limits;

		selfcheck_limit_budget(&limits, ratio + i % (BLOCKS / OF_BLOCKS) * OF_BLOCKS,
		                       OF_BLOCKS, true, log(1.025), &l, 1, 40, 50, i);
		below += truth.higher > limits.high;
		above += truth.higher < limits.low;
		width += (limits.high - limits.low) / STORES;
	}
	print_message("truth %.3f: %u below, %u above, width %.3f\n", truth.higher, below, above,
	              width);
	assert_true(below <= 20 && above <= 20);
	assert_true(width > 0.2 && width < 0.9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(looking_makes_no_false_alarms),
	    cmocka_unit_test(what_is_there_is_found_and_early),
	    cmocka_unit_test(no_effect_is_the_same_where_there_is_time),
	    cmocka_unit_test(agrees_with_the_interval),
	    cmocka_unit_test(limits_hold_what_many_blocks_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
