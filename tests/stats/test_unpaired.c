// Two-sample tests against R, tables and a count of all choices, and by simulation. "R": of
// R 4.2.2, wilcox.test() and ks.test().
#include "harness/stats/signed_rank.h"
#include "tests/support/draw.h"

#include <string.h>

static struct support_random rng;

enum { TIED_M = 8, TIED_N = 10, LARGE_M = 120, LARGE_N = 130 };
static const double tied_x[TIED_M] = {1, 2, 2, 3, 3, 4, 5, 5};
static const double tied_y[TIED_N] = {2, 3, 3, 5, 6, 6, 7, 8, 8, 9};

// Hollander and Wolfe's permeability of placentas, an example of R's wilcox.test().
static const double term[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
static const double early[] = {1.15, 0.88, 0.90, 0.74, 1.21};

// No ties; R: a = (1:120)^1.1, b = (1:130) * 1.7 + 5.5 + (1:130) %% 7.
static void fill_large(double a[LARGE_M], double b[LARGE_N])
{
	for (int i = 1; i <= LARGE_M; i++)
		a[i - 1] = pow(i, 1.1);
	for (int i = 1; i <= LARGE_N; i++)
		b[i - 1] = i * 1.7 + 5.5 + i % 7;
}

static void mann_whitney_against_r(void **state)
{
	double a[LARGE_M], b[LARGE_N];
	struct stats_interval interval = stats_shift_interval(early, 5, term, 10, 0.95);

	(void)state;
	assert_near(stats_mann_whitney_p(term, 10, early, 5), 0.254412254412254, 1e-12);
	assert_near(stats_shift(early, 5, term, 10), 0.305, 1e-12);
	assert_near(interval.low, -0.15, 1e-12);
	assert_near(interval.high, 0.76, 1e-12);
	assert_true(interval.coverage >= 0.95 && interval.coverage < 0.97);
	// R counted over combn(18, 8).
	assert_near(stats_mann_whitney_p(tied_x, TIED_M, tied_y, TIED_N), 2 * 0.0128205128205128,
	            1e-12);

	fill_large(a, b);
	assert_near(stats_mann_whitney_p(a, LARGE_M, b, LARGE_N), 0.00104533263169165, 1e-12);
	// R's median(outer(a, b, "-")); its interval comes of a search that is accurate to 1e-4.
	assert_near(stats_shift(b, LARGE_N, a, LARGE_M), -26.8276763164, 1e-9);
	interval = stats_shift_interval(b, LARGE_N, a, LARGE_M, 0.95);
	assert_near(interval.low, -42.8465, 0.01);
	assert_near(interval.high, -10.9623, 0.01);
	for (int i = 1; i <= LARGE_M; i++)
		a[i - 1] = i / 10;
	for (int i = 1; i <= LARGE_N; i++)
		b[i - 1] = i / 9;
	assert_near(stats_mann_whitney_p(a, LARGE_M, b, LARGE_N), 0.0198491154951031, 1e-12);
}

// The smallest p of samples that don't overlap is 2 / choose(2 n, n), and its shift has an interval
// at 95 % from n = 4 on.
static void smallest_p(void **state)
{
	static const double p[] = {[1] = 1,        [2] = 2.0 / 6,   [3] = 2.0 / 20,
	                           [4] = 2.0 / 70, [5] = 2.0 / 252, [6] = 2.0 / 924};
	const double x[] = {1, 2, 3, 4, 5, 6}, y[] = {11, 12, 13, 14, 15, 16};

	(void)state;
	for (size_t n = 1; n <= 6; n++) {
		struct stats_interval interval = stats_shift_interval(x, n, y, n, 0.95);

		assert_near(stats_mann_whitney_p(x, n, y, n), p[n], 1e-14);
		assert_near(stats_smirnov_p(x, n, y, n, NULL), p[n], 1e-14);
		assert_int_equal(interval.coverage > 0, n >= 4);
		assert_int_equal(interval.low == -INFINITY, n < 4);
	}
	assert_near(stats_mann_whitney_p((double[]){3, 3}, 2, (double[]){3}, 1), 1, 0);
	assert_near(stats_smirnov_p((double[]){3, 3}, 2, (double[]){3}, 1, NULL), 1, 0);
}

static void smirnov_against_r(void **state)
{
	double a[LARGE_M], b[LARGE_N], distance;

	(void)state;
	assert_near(stats_smirnov_p(term, 10, early, 5, &distance), 0.165834165834164, 1e-12);
	assert_near(distance, 0.6, 1e-12);
	assert_near(stats_smirnov_p(tied_x, TIED_M, tied_y, TIED_N, &distance), 0.0246812011517855,
	            1e-12);
	assert_near(distance, 0.6, 1e-12);
	fill_large(a, b);
	assert_near(stats_smirnov_p(a, LARGE_M, b, LARGE_N, &distance), 0.0485531415325023, 1e-12);
	assert_near(distance, 0.169230769230769, 1e-12);
}

// R with exact = FALSE.
static void smirnov_of_large_samples(void **state)
{
	enum { N = 4000 };
	static double x[N], y[N];
	double distance, p;

	(void)state;
	for (int i = 0; i < N; i++) {
		x[i] = i;
		y[i] = i + 120.5; // 121 of x lie below all of y
	}
	p = stats_smirnov_p(x, N, y, N, &distance);
	assert_near(distance, 121.0 / N, 1e-12);
	assert_near(p, 0.0514512847634, 1e-12);
	for (int i = 0; i < N; i++)
		y[i] = i + 0.5;
	assert_near(stats_smirnov_p(x, N, y, N, NULL), 1, 0);
}

static double rank_sum(const double *all, unsigned count, unsigned chosen)
{
	double sum = 0;

	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < count && chosen >> i & 1; j++)
			sum += i == j ? 1 : all[j] < all[i] ? 1 : all[j] == all[i] ? 0.5 : 0;
	return sum;
}

static unsigned distance(const double *all, unsigned count, unsigned chosen, unsigned m)
{
	int most = 0;

	for (unsigned i = 0; i < count; i++) {
		int first = 0, second = 0;

		for (unsigned j = 0; j < count; j++)
			if (all[j] <= all[i])
				*(chosen >> j & 1 ? &first : &second) += 1;
		int far = abs(first * (int)(count - m) - second * (int)m);
		most = far > most ? far : most;
	}
	return most;
}

static void ties_as_counted(void **state)
{
	(void)state;
	for (int run = 0; run < 60; run++) {
		unsigned m = 1 + support_random_below(&rng, 5),
		         n = 1 + support_random_below(&rng, 5);
		unsigned count = m + n, below = 0, above = 0, beyond = 0, choices = 0;
		double all[10], sum;
		unsigned far;

		for (unsigned i = 0; i < count; i++)
			all[i] = support_random_below(&rng, 7);
		sum = rank_sum(all, count, (1u << m) - 1);
		far = distance(all, count, (1u << m) - 1, m);
		for (unsigned chosen = 0; chosen < 1u << count; chosen++) {
			if ((unsigned)__builtin_popcount(chosen) != m)
				continue;
			choices++;
			below += rank_sum(all, count, chosen) <= sum;
			above += rank_sum(all, count, chosen) >= sum;
			beyond += distance(all, count, chosen, m) >= far;
		}
		assert_near(stats_mann_whitney_p(all, m, all + m, n),
		            fmin(1, 2.0 * (below < above ? below : above) / choices), 1e-12);
		assert_near(stats_smirnov_p(all, m, all + m, n, NULL), (double)beyond / choices,
		            1e-12);
	}
}

static void interval_and_p_agree(void **state)
{
	(void)state;
	for (int run = 0; run < 1000; run++) {
		size_t m = 4 + support_random_below(&rng, 8), n = 4 + support_random_below(&rng, 8);
		double x[12], y[12], shift;
		struct stats_interval interval;

		for (size_t i = 0; i < m; i++)
			x[i] = draw_normal(&rng);
		for (size_t i = 0; i < n; i++)
			y[i] = draw_normal(&rng) + 1;
		interval = stats_shift_interval(x, m, y, n, 0.95);
		shift = stats_shift(x, m, y, n);
		assert_int_equal(interval.low > 0 || interval.high < 0,
		                 stats_mann_whitney_p(x, m, y, n) <= 0.05);
		assert_true(interval.low <= shift && shift <= interval.high);
	}
}

// Equal distributions: each test rejects as often as it says; a shift is covered as often.
static void errors_by_simulation(void **state)
{
	enum { RUNS = 10000, M = 8, N = 9 };
	size_t rejected = 0, apart = 0, uncovered = 0;
	double coverage = 0;

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct stats_interval interval;
		double x[M], y[N];

		for (size_t i = 0; i < M; i++)
			x[i] = draw_t3(&rng);
		for (size_t i = 0; i < N; i++)
			y[i] = draw_t3(&rng);
		rejected += stats_mann_whitney_p(x, M, y, N) <= 0.05;
		apart += stats_smirnov_p(x, M, y, N, NULL) <= 0.05;
		for (size_t i = 0; i < N; i++)
			y[i] += 3;
		interval = stats_shift_interval(x, M, y, N, 0.95);
		uncovered += interval.low > 3 || interval.high < 3;
		coverage = interval.coverage;
	}
	assert_true(coverage >= 0.95 && coverage < 0.96);
	assert_at_most(rejected, RUNS, 1 - coverage);
	assert_at_most(RUNS - rejected, RUNS, coverage);
	assert_at_most(apart, RUNS, 0.05);
	assert_true(apart > 0.02 * RUNS);
	assert_int_equal(rejected, uncovered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mann_whitney_against_r), cmocka_unit_test(smallest_p),
	    cmocka_unit_test(smirnov_against_r),      cmocka_unit_test(smirnov_of_large_samples),
	    cmocka_unit_test(ties_as_counted),        cmocka_unit_test(interval_and_p_agree),
	    cmocka_unit_test(errors_by_simulation),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
