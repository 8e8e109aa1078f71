// Quantiles and moments against their definitions.
#include "harness/stats.h"
#include "tests/harness/draw.h"

static void quantiles_at_the_ends_and_between(void **state)
{
	const double one[] = {7}, four[] = {4, 1, 3, 2}, ties[] = {5, 5, 1, 5};

	(void)state;
	assert_near(stats_quantile(one, 1, 0), 7, 0);
	assert_near(stats_quantile(one, 1, 1), 7, 0);
	assert_near(stats_quantile(four, 4, 0), 1, 0);
	assert_near(stats_quantile(four, 4, 1), 4, 0);
	assert_near(stats_quantile(four, 4, 0.25), 1.75, 1e-12);
	assert_near(stats_quantile(four, 4, 0.9), 3.7, 1e-12);
	assert_near(stats_median(four, 4), 2.5, 1e-12);
	assert_near(stats_median(ties, 4), 5, 0);
	assert_true(isnan(stats_median(one, 0)));
}

static void mean_and_sd(void **state)
{
	const double x[] = {2, 4, 4, 4, 5, 5, 7, 9};

	(void)state;
	assert_near(stats_mean(x, 8), 5, 1e-12);
	assert_near(stats_sd(x, 8), sqrt(32.0 / 7), 1e-12);
	assert_near(stats_sd(x, 1), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quantiles_at_the_ends_and_between),
	    cmocka_unit_test(mean_and_sd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
