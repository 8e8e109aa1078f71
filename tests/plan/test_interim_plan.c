// When a run is looked at, and how the error is shared out.
#include "harness/plan/interim_plan.h"
#include "tests/support/support.h"

#include <errno.h>

static void without_analyses_there_is_one_at_the_end(void **state)
{
	struct interim l;

	(void)state;
	assert_int_equal(interim_of_run(&l, &(struct run){0}), 0);
	for (unsigned blocks = 0; blocks < 100; blocks++) {
		assert_false(interim_due(&l, blocks));
		assert_true(interim_error(&l, blocks, false) == INTERIM_ERROR);
		assert_true(interim_error(&l, blocks, true) == INTERIM_ERROR);
	}
}

static void between_analyses_nothing_is_decided(void **state)
{
	struct interim l;

	(void)state;
	interim_fix(&l, 60);
	for (unsigned blocks = 0; blocks < 80; blocks++)
		assert_int_equal(interim_error(&l, blocks, false) > 0, interim_due(&l, blocks));
	assert_true(interim_due(&l, 8) && interim_due(&l, 12) && interim_due(&l, 60));
}

// By the union bound, but at an analysis, whose own share may be larger since it knows more.
static void what_is_left_is_spent_at_the_end(void **state)
{
	struct interim l;

	(void)state;
	for (unsigned horizon = 1; horizon <= 120; horizon += 7) {
		interim_fix(&l, horizon);
		for (unsigned end = 1; end <= horizon + 20; end++) {
			double before = 0, last = interim_error(&l, end, true);

			for (size_t i = 0; i < l.plan.n && l.plan.blocks[i] < end; i++)
				before = l.plan.spent[i];
			if (!interim_due(&l, end))
				assert_true(last >= 0 && before + last <= INTERIM_ERROR + 1e-12);
			assert_true(last >= interim_error(&l, end, false));
			assert_true(last <= INTERIM_ERROR);
		}
	}
}

static void a_run_brings_them_back(void **state)
{
	static size_t bad[][17] = {
	    {8, 8},
	    {0},
	    {12, 8},
	    {501},
	    {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17},
	};
	static const size_t n[] = {2, 1, 2, 1, 17};
	struct interim l, again;

	(void)state;
	interim_fix(&l, 97);
	struct run run = {.analyses = l.plan.n, .analysis = l.plan.blocks};
	assert_int_equal(interim_of_run(&again, &run), 0);
	assert_int_equal(l.plan.n, again.plan.n);
	for (size_t i = 0; i < l.plan.n; i++) {
		assert_int_equal(l.plan.blocks[i], again.plan.blocks[i]);
		assert_true(l.plan.level[i] == again.plan.level[i]);
	}
	for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
		run = (struct run){.analyses = n[i], .analysis = bad[i]};
		assert_int_equal(interim_of_run(&l, &run), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_analyses_there_is_one_at_the_end),
	    cmocka_unit_test(between_analyses_nothing_is_decided),
	    cmocka_unit_test(what_is_left_is_spent_at_the_end),
	    cmocka_unit_test(a_run_brings_them_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
