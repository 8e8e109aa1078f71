// Changes of a series against published examples, against the definitions, and by simulation.
#include "harness/stats/change.h"
#include "tests/support/draw.h"

static struct support_random rng;

// The series of Apache Otava's tests, which change before 6 and before 4.
static const double otava[2][11] = {
    {1.02, 0.95, 0.99, 1.00, 1.12, 0.90, 0.50, 0.51, 0.48, 0.48, 0.55},
    {2.02, 2.03, 2.01, 2.04, 1.82, 1.85, 1.79, 1.81, 1.80, 1.76, 1.78}};

// FD.io's example for jumpavg.
static void the_example_of_jumpavg(void **state)
{
	static const double x[] = {2.1, 3.1, 3.2};
	struct stats_group g[3];

	(void)state;
	assert_int_equal(stats_group_changes(x, 3, 0.1, g), 2);
	assert_int_equal(g[0].end, 1);
	assert_int_equal(g[1].begin, 1);
	assert_int_equal(g[1].end, 3);
	assert_near(g[0].bits, 6.0444, 5e-5);
	assert_near(g[1].bits, 10.2152, 5e-5);
	assert_near(g[1].mean, 3.15, 1e-12);
	assert_near(g[1].sd, 0.05, 1e-12);
}

// The bits are jumpavg's formula, evaluated in Python.
static void groups_of_longer_series(void **state)
{
	static const double first[] = {39.98744101594027, 22.534697773368688};
	static const double second[] = {28.909283481003385, 41.11102899517617};
	static const size_t at[] = {6, 4};
	double x[30], equal[8];
	struct stats_group g[30];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stats_group_changes(otava[i], 11, 0.01, g), 2);
		assert_int_equal(g[1].begin, at[i]);
		assert_near(g[0].bits, first[i], 1e-9);
		assert_near(g[1].bits, second[i], 1e-9);
	}
	// A drop that ends again: the last group's mean is far from the second's.
	for (int i = 0; i < 30; i++)
		x[i] = i < 12   ? 1000 + i * 37 % 11
		       : i < 27 ? 960 + (i - 12) * 29 % 13
		                : 1005 + (i - 27) * 17 % 7;
	assert_int_equal(stats_group_changes(x, 30, 1, g), 3);
	assert_int_equal(g[1].begin, 12);
	assert_int_equal(g[2].begin, 27);
	assert_near(g[0].bits, 65.22986925045183, 1e-9);
	assert_near(g[1].bits, 84.4000737310872, 1e-9);
	assert_near(g[2].bits, 26.14396545751243, 1e-9);

	for (int i = 0; i < 8; i++)
		equal[i] = 10;
	assert_int_equal(stats_group_changes(equal, 8, 0.1, g), 1);
	assert_near(g[0].bits, 27.86152041778284, 1e-9);
	assert_int_equal(stats_group_changes(equal, 1, 1, g), 1);
	assert_int_equal(g[0].end, 1);
	assert_int_equal(stats_group_changes(equal, 0, 1, g), 0);
	for (int i = 0; i < 8; i++)
		equal[i] = 0;
	assert_int_equal(stats_group_changes(equal, 8, 1, g), 0);
}

static void groups_cover_the_series(void **state)
{
	enum { N = 60 };

	(void)state;
	for (int run = 0; run < 100; run++) {
		size_t at = 20 + support_random_below(&rng, 20), count, near = 0;
		struct stats_group g[N];
		double x[N];

		for (size_t i = 0; i < N; i++)
			x[i] = (i < at ? 1000 : 1100) + 10 * draw_normal(&rng);
		count = stats_group_changes(x, N, 1, g);
		assert_int_equal(g[0].begin, 0);
		assert_int_equal(g[count - 1].end, N);
		for (size_t i = 0; i < count; i++) {
			if (i)
				assert_int_equal(g[i].begin, g[i - 1].end);
			assert_near(g[i].mean, stats_mean(x + g[i].begin, g[i].end - g[i].begin),
			            1e-9);
			near += g[i].begin >= at - 1 && g[i].begin <= at + 1;
		}
		// One at the change itself, and by chance another around a single far value.
		assert_true(near >= 1);
	}
}

static const struct stats_divisive usual = {
    .guard = 3, .significance = 0.05, .permutations = 199, .seed = 1};

static void divides_the_series_of_otava(void **state)
{
	struct stats_change c[11];

	(void)state;
	assert_int_equal(stats_divide(otava[0], 11, &usual, c), 1);
	assert_int_equal(c[0].at, 6);
	assert_int_equal(stats_divide(otava[1], 11, &usual, c), 1);
	assert_int_equal(c[0].at, 4);
	assert_true(c[0].p >= 1 / 200.0 && c[0].p <= 0.05);
}

// Matteson and James's definition, with all its sums.
static double energy(const double *x, size_t at, size_t end)
{
	double across = 0, left = 0, right = 0, m = at, n = end - at;

	for (size_t i = 0; i < end; i++)
		for (size_t j = 0; j < i; j++)
			*(i < at ? &left : j < at ? &across : &right) += fabs(x[i] - x[j]);
	left = m > 1 ? left / (m * (m - 1) / 2) : 0;
	right = n > 1 ? right / (n * (n - 1) / 2) : 0;
	return m * n / (m + n) * (2 / (m * n) * across - left - right);
}

static void distances_as_defined(void **state)
{
	struct stats_divisive all = {.significance = 1};

	(void)state;
	for (int run = 0; run < 200; run++) {
		size_t n = 2 + support_random_below(&rng, 11), count;
		double x[12], most = 0;
		bool found = false;
		struct stats_change c[12];

		all.guard = 1 + support_random_below(&rng, 3);
		for (size_t i = 0; i < n; i++)
			x[i] = draw_t3(&rng) + (i > 5 ? 2 : 0);
		for (size_t i = all.guard; i + all.guard <= n; i++)
			for (size_t end = i + all.guard; end <= n; end++)
				most = fmax(most, energy(x, i, end));
		count = stats_divide(x, n, &all, c);
		for (size_t i = 0; i < count; i++) {
			found |= fabs(c[i].distance - most) < 1e-9;
			assert_true(c[i].at >= (i ? c[i - 1].at : 0) + all.guard);
			assert_true(c[i].at + all.guard <= n);
			assert_near(c[i].p, 1, 0);
		}
		// The first division; a part's can be farther apart than any of the whole.
		assert_true(found || most <= 0);
	}
}

static void several_changes_in_order(void **state)
{
	enum { N = 90 };
	struct stats_divisive o = usual;
	struct stats_change c[N], again[N];
	double x[N];
	size_t count;

	(void)state;
	o.significance = 0.01;
	for (size_t i = 0; i < N; i++)
		x[i] = (i < 30 ? 10 : i < 60 ? 20 : 5) + draw_normal(&rng);
	count = stats_divide(x, N, &o, c);
	assert_in_range(count, 2, 4); // more at 1 % each
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		found += c[i].at == 30 || c[i].at == 60;
		assert_true(!i || c[i].at > c[i - 1].at);
	}
	assert_int_equal(found, 2);
	assert_int_equal(stats_divide(x, N, &o, again), count);
	assert_memory_equal(c, again, count * sizeof(*c));
}

// A change of spread only, which no mean shows.
static void a_change_of_spread(void **state)
{
	enum { N = 80 };
	struct stats_change c[N];
	unsigned found = 0;

	(void)state;
	for (int run = 0; run < 20; run++) {
		double x[N];

		for (size_t i = 0; i < N; i++)
			x[i] = draw_normal(&rng) * (i < N / 2 ? 1 : 8);
		found += stats_divide(x, N, &usual, c) > 0;
	}
	assert_true(found >= 15);
}

static void outliers_within_the_guard_are_no_change(void **state)
{
	enum { N = 20 };
	struct stats_divisive o = usual;
	struct stats_change c[N];
	double x[N];
	size_t count;

	(void)state;
	o.guard = 4;
	for (size_t i = 0; i < N; i++)
		x[i] = (i % 3) * 0.1 + (i >= N - 3 ? 50 : 0);
	count = stats_divide(x, N, &o, c);
	for (size_t i = 0; i < count; i++)
		assert_in_range(c[i].at, 4, N - 4);
	o.guard = 3;
	assert_int_equal(stats_divide(x, N, &o, c), 1);
	assert_int_equal(c[0].at, N - 3);
	for (size_t n = 0; n < 6; n++)
		assert_int_equal(stats_divide(x, n, &o, c), 0);
	for (size_t i = 0; i < N; i++)
		x[i] = 7;
	assert_int_equal(stats_divide(x, N, &o, c), 0);
}

// A series without a change is divided as often as the significance says.
static void error_by_simulation(void **state)
{
	enum { RUNS = 10000, N = 16 };
	struct stats_divisive o = {.guard = 2, .significance = 0.05, .permutations = 59};
	size_t divided = 0;

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct stats_change c[N];
		double x[N];

		o.seed = run;
		for (size_t i = 0; i < N; i++)
			x[i] = draw_t3(&rng);
		divided += stats_divide(x, N, &o, c) > 0;
	}
	assert_at_most(divided, RUNS, 0.05);
	assert_at_most(RUNS - divided, RUNS, 0.95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_example_of_jumpavg),
	    cmocka_unit_test(groups_of_longer_series),
	    cmocka_unit_test(groups_cover_the_series),
	    cmocka_unit_test(divides_the_series_of_otava),
	    cmocka_unit_test(distances_as_defined),
	    cmocka_unit_test(several_changes_in_order),
	    cmocka_unit_test(a_change_of_spread),
	    cmocka_unit_test(outliers_within_the_guard_are_no_change),
	    cmocka_unit_test(error_by_simulation),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
