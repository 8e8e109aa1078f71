// Runs drawn from blocks whose distribution is known.
#include "harness/judge/draw_fixed.h"
#include "base/random.h"
#include "tests/support/support.h"

#include <math.h>

enum { BLOCKS = 400, DRAWS = 2000 };

struct blocks {
	double ratio[BLOCKS];
	unsigned start[BLOCKS];
};

static double normal(uint64_t *state)
{
	double u = (random_next(state) >> 11) * 0x1p-53, v = (random_next(state) >> 11) * 0x1p-53;

	return sqrt(-2 * log(1 - u)) * cos(2 * M_PI * v);
}

// Blocks of sd `sd` in starts of `each`, which have an sd of their own.
static void make(struct blocks *b, double sd, double start_sd, unsigned each)
{
	uint64_t state = 7;
	double shift = 0;

	for (unsigned i = 0; i < BLOCKS; i++) {
		b->start[i] = i / each;
		if (i % each == 0)
			shift = start_sd * normal(&state);
		b->ratio[i] = shift + sd * normal(&state);
	}
}

static void estimate(struct selfcheck_draws *p, const struct blocks *b, size_t blocks, double gate)
{
	selfcheck_draw(p, b->ratio, b->start, BLOCKS, blocks, gate, 0.05, DRAWS, 1);
}

static void equal_tunnels_are_as_seldom_different_as_the_test_allows(void **state)
{
	static struct blocks b;
	struct selfcheck_draws p;

	(void)state;
	make(&b, 0.02, 0, 1);
	for (size_t n = 8; n <= 24; n += 8) {
		estimate(&p, &b, n, 2);
		assert_int_equal(p.blocks, n);
		// 2000 draws at 4 to 5 %: more has a chance of 1e-6
		assert_true(p.different > 0.02 && p.different < 0.075);
		assert_true(p.called < p.different);
	}
}

// The interval's half width is 1.96 sd / sqrt(0.955 n), and nine of ten draws lie 1.28 such sds off
// at the most.
static void the_smallest_effect_is_as_theory_has_it(void **state)
{
	static struct blocks b;
	struct selfcheck_draws p;

	(void)state;
	make(&b, 0.02, 0, 1);
	estimate(&p, &b, 40, 2);
	double theory = 2 + 100 * (1.96 + 1.28) * 0.02 / sqrt(0.955 * 40);
	assert_true(fabs(p.found_percent / theory - 1) < 0.08);
	struct selfcheck_draws wider;
	estimate(&wider, &b, 12, 2);
	assert_true(wider.found_percent > p.found_percent * 1.2);
}

static void starts_that_differ_are_a_level_of_their_own(void **state)
{
	static struct blocks b;
	struct selfcheck_draws p;

	(void)state;
	make(&b, 0.01, 0.03, 8);
	estimate(&p, &b, 16, 2); // two starts: the test takes their difference for an effect
	assert_true(p.different > 0.2);
	for (unsigned i = 0; i < BLOCKS; i++)
		b.start[i] = i;
	estimate(&p, &b, 16, 2);
	assert_true(p.different < 0.075);
}

static void the_same_seed_draws_the_same(void **state)
{
	static struct blocks b;
	struct selfcheck_draws one, two;

	(void)state;
	make(&b, 0.02, 0.01, 4);
	estimate(&one, &b, 12, 1);
	estimate(&two, &b, 12, 1);
	assert_memory_equal(&one, &two, sizeof(one));
}

static void too_few_blocks_find_nothing(void **state)
{
	struct selfcheck_draws p;

	(void)state;
	selfcheck_draw(&p, (double[]){0.1, -0.1}, (unsigned[]){0, 1}, 2, 5, 2, 0.05, 100, 1);
	assert_true(isinf(p.found_percent) && p.different == 0 && p.called == 0);
	selfcheck_draw(&p, NULL, NULL, 0, 8, 2, 0.05, 100, 1);
	assert_true(isinf(p.found_percent) && p.different == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_tunnels_are_as_seldom_different_as_the_test_allows),
	    cmocka_unit_test(the_smallest_effect_is_as_theory_has_it),
	    cmocka_unit_test(starts_that_differ_are_a_level_of_their_own),
	    cmocka_unit_test(the_same_seed_draws_the_same),
	    cmocka_unit_test(too_few_blocks_find_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
