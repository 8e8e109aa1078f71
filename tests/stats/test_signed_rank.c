// Rank statistics against published tables and textbook examples, against a count of all sign
// patterns, and by simulation.
#include "harness/stats/signed_rank.h"
#include "tests/support/draw.h"

static struct support_random rng;

// x with the ranks 1..n of which those in `negative` (zero-terminated) are negative.
static double table_p(size_t n, const int *negative)
{
	double x[32];

	for (size_t i = 0; i < n; i++)
		x[i] = i + 1;
	for (; *negative; negative++)
		x[*negative - 1] *= -1;
	return stats_signed_rank_p(x, n, 0);
}

// Critical values of the usual tables (two-sided 5 %): n = 6: 0, 7: 2, 8: 3, 9: 5, 10: 8, 12: 13.
static void signed_rank_tables(void **state)
{
	(void)state;
	assert_near(table_p(1, (int[]){0}), 1, 0);
	assert_near(table_p(5, (int[]){0}), 0.0625, 1e-15);
	assert_near(table_p(6, (int[]){0}), 0.03125, 1e-15);
	assert_near(table_p(6, (int[]){1, 0}), 0.0625, 1e-15);
	assert_near(table_p(7, (int[]){2, 0}), 0.046875, 1e-15);
	assert_near(table_p(8, (int[]){3, 0}), 10.0 / 256, 1e-15);
	assert_near(table_p(9, (int[]){5, 0}), 20.0 / 512, 1e-15);
	assert_near(table_p(10, (int[]){8, 0}), 50.0 / 1024, 1e-15);
	assert_near(table_p(12, (int[]){1, 12, 0}), 174.0 / 4096, 1e-15);
}

// Hollander and Wolfe's depression scale factors (R's example): V = 40, p = 0.03906, estimate 0.46,
// interval 0.010 to 0.786; and Darwin's maize: V = 96, p = 0.04126.
static void textbook_examples(void **state)
{
	const double x[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
	const double y[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};
	const double maize[] = {49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
	struct stats_interval interval;
	double d[9];

	(void)state;
	for (int i = 0; i < 9; i++)
		d[i] = x[i] - y[i];
	assert_near(stats_signed_rank_p(d, 9, 0), 0.0390625, 1e-12);
	assert_near(stats_hodges_lehmann(d, 9), 0.46, 1e-9);
	interval = stats_signed_rank_interval(d, 9, 0.95);
	assert_near(interval.low, 0.010, 1e-9);
	assert_near(interval.high, 0.786, 1e-9);
	assert_near(interval.coverage, 1 - 20.0 / 512, 1e-12);
	assert_near(stats_signed_rank_p(maize, 15, 0), 0.04126, 5e-6);
}

// The p value by its definition: all 2^n signs of the mid-ranks, counted.
static double naive_p(const double *x, size_t n, double center)
{
	double size[16], rank[16], sum = 0;
	unsigned below = 0, above = 0;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (x[i] != center)
			size[kept++] = x[i] - center;
	for (size_t i = 0; i < kept; i++) {
		unsigned less = 0, equal = 0;

		for (size_t j = 0; j < kept; j++) {
			less += fabs(size[j]) < fabs(size[i]);
			equal += fabs(size[j]) == fabs(size[i]);
		}
		rank[i] = less + (equal + 1) / 2.0;
		sum += size[i] > 0 ? rank[i] : 0;
	}
	for (unsigned signs = 0; signs < 1u << kept; signs++) {
		double other = 0;

		for (size_t i = 0; i < kept; i++)
			other += signs >> i & 1 ? rank[i] : 0;
		below += other <= sum;
		above += other >= sum;
	}
	return fmin(1, ldexp(2.0 * (below < above ? below : above), -(int)kept));
}

static void ties_and_zeros_as_counted(void **state)
{
	(void)state;
	for (int run = 0; run < 500; run++) {
		size_t n = 1 + support_random_below(&rng, 10);
		double x[16];

		for (size_t i = 0; i < n; i++)
			x[i] = (double)support_random_below(&rng, 9) - 3;
		assert_near(stats_signed_rank_p(x, n, 0), naive_p(x, n, 0), 1e-12);
		assert_near(stats_signed_rank_p(x, n, 1), naive_p(x, n, 1), 1e-12);
	}
	assert_near(stats_signed_rank_p((double[]){0, 0}, 2, 0), 1, 0);
}

// The exact coverage holds for any symmetric distribution: normal-like and heavy-tailed ones here.
static void coverage_by_simulation(void **state)
{
	enum { RUNS = 4000 };
	static const size_t sizes[] = {8, 12};

	(void)state;
	for (int k = 0; k < 4; k++) {
		size_t n = sizes[k % 2], covered = 0;
		double nominal = 0;

		for (int run = 0; run < RUNS; run++) {
			struct stats_interval interval;
			double x[16];

			for (size_t i = 0; i < n; i++) {
				double u = draw_uniform(&rng) - 0.5;

				x[i] = 3 + (k < 2 ? u + draw_uniform(&rng) - 0.5 : tan(M_PI * u));
			}
			interval = stats_signed_rank_interval(x, n, 0.95);
			covered += interval.low <= 3 && 3 <= interval.high;
			nominal = interval.coverage;
		}
		assert_true(nominal >= 0.95 && nominal < 0.97);
		assert_near((double)covered / RUNS, nominal,
		            4.5 * sqrt(nominal * (1 - nominal) / RUNS));
	}
}

// Without ties: a value is outside the interval just if its p is at most 1 - level.
static void interval_and_p_agree(void **state)
{
	(void)state;
	for (int run = 0; run < 2000; run++) {
		size_t n = 6 + support_random_below(&rng, 20);
		struct stats_interval interval;
		double x[32];

		for (size_t i = 0; i < n; i++)
			x[i] = draw_uniform(&rng) - 0.35;
		interval = stats_signed_rank_interval(x, n, 0.95);
		assert_int_equal(interval.low > 0 || interval.high < 0,
		                 stats_signed_rank_p(x, n, 0) <= 0.05);
		assert_true(interval.low <= stats_hodges_lehmann(x, n));
		assert_true(interval.high >= stats_hodges_lehmann(x, n));
	}
}

static void no_interval_below_six(void **state)
{
	const double x[] = {1, 1.1, 1.2, 1.3, 1.4, 1.5};

	(void)state;
	for (size_t n = 0; n < 6; n++) {
		struct stats_interval interval = stats_signed_rank_interval(x, n, 0.95);

		assert_true(isinf(interval.low) && isinf(interval.high) && interval.coverage == 0);
	}
	assert_near(stats_signed_rank_interval(x, 6, 0.95).low, 1, 0);
	assert_near(stats_signed_rank_interval(x, 6, 0.95).high, 1.5, 0);
}

static void hodges_lehmann_examples(void **state)
{
	(void)state;
	assert_near(stats_hodges_lehmann((double[]){5}, 1), 5, 0);
	assert_near(stats_hodges_lehmann((double[]){1, 2, 10}, 3), 3.75,
	            1e-12); // of 1 1.5 2 5.5 6 10
	assert_near(stats_hodges_lehmann((double[]){2, 2, 2, 2}, 4), 2, 0);
	assert_true(isnan(stats_hodges_lehmann(NULL, 0)));
}

static void many_blocks(void **state)
{
	double x[STATS_BLOCKS_MAX];

	(void)state;
	for (size_t i = 0; i < STATS_BLOCKS_MAX; i++)
		x[i] = draw_uniform(&rng) - 0.4;
	assert_true(stats_signed_rank_p(x, STATS_BLOCKS_MAX, 0) < 0.001);
	assert_true(stats_signed_rank_interval(x, STATS_BLOCKS_MAX, 0.95).low > 0.03);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signed_rank_tables),        cmocka_unit_test(textbook_examples),
	    cmocka_unit_test(ties_and_zeros_as_counted), cmocka_unit_test(coverage_by_simulation),
	    cmocka_unit_test(interval_and_p_agree),      cmocka_unit_test(no_interval_below_six),
	    cmocka_unit_test(hodges_lehmann_examples),   cmocka_unit_test(many_blocks),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
