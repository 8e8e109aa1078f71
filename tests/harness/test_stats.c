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

// R: qnorm() and pnorm().
static void normal_distribution(void **state)
{
	static const double p[] = {1e-10, 0.025, 0.3, 0.5, 0.975};
	static const double z[] = {-6.361340902404056, -1.959963984540054, -0.524400512708041, 0,
	                           1.959963984540054};

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_near(stats_normal_quantile(p[i]), z[i], 1e-12);
		assert_near(stats_normal_below(z[i]), p[i], 1e-15);
	}
	assert_true(isinf(stats_normal_quantile(0)) && isinf(stats_normal_quantile(1)));
	assert_true(stats_normal_quantile(1) > 0 && stats_normal_quantile(1e-300) > -38);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quantiles_at_the_ends_and_between),
	    cmocka_unit_test(mean_and_sd),
	    cmocka_unit_test(normal_distribution),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
