// Quantiles and moments against their definitions.
#include "harness/stats/basic.h"
#include "tests/support/draw.h"

static struct support_random rng;

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

// Ranks and coverage by R's pbinom(); n = 10's are those of the tables of the sign test.
static void quantile_intervals(void **state)
{
	static const struct {
		size_t n;
		double p, level;
		double low, high; // ranks
		double coverage;
	} known[] = {
	    {10, 0.5, 0.95, 2, 9, 0.978515625},
	    {16, 0.75, 0.9, 9, 16, 0.962847447954},
	    {100, 0.9, 0.95, 84, 96, 0.955690107191},
	    {1000, 0.99, 0.95, 983, 997, 0.976094763498},
	    {6, 0.5, 0.95, 1, 6, 0.96875},
	    {5, 0.5, 0.95, -INFINITY, INFINITY, 0},
	    {100, 0.99, 0.95, 97, INFINITY, 0.981625963555},
	    {1, 1, 0.95, 1, INFINITY, 1},
	    {100000, 0.5, 0.95, 49690, 50311, 0.95044428533},
	    {1, 0, 0.95, -INFINITY, 1, 1},
	    {0, 0.5, 0.95, -INFINITY, INFINITY, 0},
	};
	static double x[100000];

	(void)state;
	for (int i = 0; i < 100000; i++)
		x[i] = 100000 - i;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct stats_interval interval = stats_quantile_interval(
		    x + 100000 - known[i].n, known[i].n, known[i].p, known[i].level);

		assert_true(interval.low == known[i].low && interval.high == known[i].high);
		assert_near(interval.coverage, known[i].coverage, 1e-9);
	}
}

static void quantile_coverage_by_simulation(void **state)
{
	enum { RUNS = 10000, N = 40 };
	double truth = exp(1.281551565544600); // of a lognormal distribution, 0.9
	size_t outside = 0;
	double coverage = 0;

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct stats_interval interval;
		double x[N];

		for (int i = 0; i < N; i++)
			x[i] = exp(draw_normal(&rng));
		interval = stats_quantile_interval(x, N, 0.9, 0.95);
		outside += truth < interval.low || truth > interval.high;
		coverage = interval.coverage;
	}
	assert_true(coverage >= 0.95 && coverage < 1);
	assert_at_most(outside, RUNS, 1 - coverage);
	assert_at_most(RUNS - outside, RUNS, coverage);
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
	    cmocka_unit_test(quantile_intervals),
	    cmocka_unit_test(quantile_coverage_by_simulation),
	    cmocka_unit_test(normal_distribution),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
