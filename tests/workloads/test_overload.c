// The arithmetic of an overload.
#include "workloads/generator.h"
#include "workloads/overload.h"
#include "tests/support/support.h"

#include <math.h>

static void only_what_is_beyond_the_capacity_goes_aside(void **state)
{
	struct support_random r;
	double offered;
	long aside;

	(void)state;
	overload_split(30000, 200, &offered, &aside);
	assert_true(offered == 60000);
	assert_int_equal(aside, 500000);
	overload_split(30000, 150, &offered, &aside);
	assert_true(offered == 45000);
	assert_int_equal(aside, 333333);
	support_random_init(&r, support_seed());
	for (int i = 0; i < 1000; i++) {
		double capacity = 250 + support_random_below(&r, 8000000);
		long factor = 110 + support_random_below(&r, 891);

		overload_split(capacity, factor, &offered, &aside);
		assert_in_range(aside, 1, 999999);
		double through = offered * (1000000 - aside) / 1000000;
		assert_true(fabs(through / capacity - 1) < 1e-5);
	}
}

static void a_flood_that_fell_short_is_named(void **state)
{
	const struct generator_result all = {.planned = 1000, .sent = 1000, .received = 300},
	                              most = {.planned = 1000, .sent = 860, .received = 300},
	                              little = {.planned = 1000, .sent = 840, .received = 300},
	                              full = {.planned = 1000,
	                                      .sent = 1000,
	                                      .received = 290,
	                                      .socket_drops = 10},
	                              none = {.planned = 1000, .sent = 1000};

	(void)state;
	assert_false(overload_limited(&all));
	assert_false(overload_limited(&most));
	assert_true(overload_limited(&little));
	assert_true(overload_limited(&full));
	// A tunnel that delivers nothing isn't the generator's fault.
	assert_false(overload_limited(&none));
}

// What went aside is neither the tunnel's to carry nor its loss.
static void what_goes_aside_is_not_lost(void **state)
{
	const struct generator_result r = {
	    .planned = 1000, .sent = 1000, .aside = 500, .received = 400};

	(void)state;
	assert_true(generator_loss(&r) == 0.2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_is_beyond_the_capacity_goes_aside),
	    cmocka_unit_test(a_flood_that_fell_short_is_named),
	    cmocka_unit_test(what_goes_aside_is_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
