// Bootstrap intervals against variances known in closed form, and by simulation.
#include "harness/stats/bootstrap.h"
#include "harness/stats/signed_rank.h"
#include "tests/support/draw.h"

static struct support_random rng;

static double variance(const double *x, size_t n)
{
	double sd = stats_sd(x, n);

	return sd * sd * (n - 1) / n;
}

static void of_one_and_of_equal_values(void **state)
{
	static const struct stats_block one = {0, 0, 3},
	                                equal[] = {{0, 0, 3}, {0, 1, 3}, {1, 0, 3}};
	struct stats_bootstrap b = {stats_hodges_lehmann, 0.95, 200, 1};
	struct stats_interval interval = stats_hierarchical(equal, 3, &b);

	(void)state;
	assert_true(interval.low == 3 && interval.high == 3);
	for (size_t n = 0; n < 2; n++) {
		interval = stats_hierarchical(&one, n, &b);
		assert_true(interval.coverage == 0 && interval.low == -INFINITY &&
		            interval.high == INFINITY);
	}
}

static void a_seed_repeats(void **state)
{
	struct stats_bootstrap b = {stats_median, 0.95, 300, 7};
	struct stats_interval first, again, other;
	struct stats_block block[12];

	(void)state;
	for (unsigned i = 0; i < 12; i++)
		block[i] = (struct stats_block){i / 6, i / 3, draw_normal(&rng)};
	first = stats_hierarchical(block, 12, &b);
	again = stats_hierarchical(block, 12, &b);
	assert_memory_equal(&first, &again, sizeof(first));
	b.seed = 8;
	b.statistic = stats_mean;
	first = stats_hierarchical(block, 12, &b);
	b.seed = 9;
	other = stats_hierarchical(block, 12, &b);
	assert_true(first.low != other.low || first.high != other.high);
}

// An interval at this level is twice as wide as the standard deviation if normal.
static const double one_sigma = 0.682689492137086;

enum { BUILDS = 12, STARTS = 10, BLOCKS = 8, ALL = BUILDS * STARTS * BLOCKS };

// Balanced data: the variance of the resampled mean is the sum over levels of the population
// variance within a group's parent by the number of groups drawn.
static void levels_add_their_variances(void **state)
{
	static const double sd[][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0.5, 1, 3}};
	struct stats_bootstrap b = {stats_mean, one_sigma, 20000, 3};

	(void)state;
	for (size_t k = 0; k < 4; k++) {
		double build_mean[BUILDS] = {0}, start_mean[BUILDS][STARTS] = {{0}}, expected = 0;
		double value[BUILDS][STARTS][BLOCKS];
		struct stats_block block[ALL], kept;
		struct stats_interval interval;
		size_t n = 0;

		for (unsigned i = 0; i < BUILDS; i++) {
			double build = sd[k][0] * draw_normal(&rng);

			for (unsigned j = 0; j < STARTS; j++) {
				double start = build + sd[k][1] * draw_normal(&rng);

				for (unsigned l = 0; l < BLOCKS; l++) {
					value[i][j][l] = start + sd[k][2] * draw_normal(&rng);
					block[n++] = (struct stats_block){i, j, value[i][j][l]};
				}
				start_mean[i][j] = stats_mean(value[i][j], BLOCKS);
				expected += variance(value[i][j], BLOCKS) / (BUILDS * STARTS) / ALL;
			}
			build_mean[i] = stats_mean(start_mean[i], STARTS);
			expected += variance(start_mean[i], STARTS) / BUILDS / (BUILDS * STARTS);
		}
		expected += variance(build_mean, BUILDS) / BUILDS;
		// In any order.
		for (unsigned i = ALL - 1; i > 0; i--) {
			size_t j = support_random_below(&rng, i + 1);

			kept = block[i];
			block[i] = block[j];
			block[j] = kept;
		}
		interval = stats_hierarchical(block, ALL, &b);
		assert_near((interval.high - interval.low) / 2, sqrt(expected),
		            0.05 * sqrt(expected));
	}
}

// A build of one start and a build of three are drawn equally often, whatever blocks they have.
static void unequal_groups(void **state)
{
	static const struct stats_block block[] = {
	    {0, 0, 1}, {1, 0, 0}, {1, 1, 0}, {1, 1, 0}, {1, 2, 0}};
	struct stats_bootstrap b = {stats_mean, 0.47, 10000, 5};
	struct stats_interval interval;

	(void)state;
	// Both builds are 0 in a quarter of resamples, both 1 in another.
	interval = stats_hierarchical(block, 5, &b);
	assert_true(interval.low > 0 && interval.high < 1);
	b.level = 0.53;
	interval = stats_hierarchical(block, 5, &b);
	assert_true(interval.low == 0 && interval.high == 1);
}

// Where starts differ, an interval over blocks that forgets them is far too narrow.
static void coverage_by_simulation(void **state)
{
	enum { RUNS = 1000, N_STARTS = 12, N_BLOCKS = 4, N = N_STARTS * N_BLOCKS };
	struct stats_bootstrap b = {stats_mean, 0.95, 300, 0};
	size_t forgetful = 0, hierarchical = 0;

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct stats_block block[N], forgotten[N];
		struct stats_interval interval;

		b.seed = run;
		for (unsigned i = 0; i < N_STARTS; i++) {
			double start = 2 * draw_normal(&rng);

			for (unsigned j = i * N_BLOCKS; j < (i + 1) * N_BLOCKS; j++) {
				block[j] = (struct stats_block){0, i, start + draw_normal(&rng)};
				forgotten[j] = (struct stats_block){0, 0, block[j].value};
			}
		}
		interval = stats_hierarchical(forgotten, N, &b);
		forgetful += interval.low <= 0 && 0 <= interval.high;
		interval = stats_hierarchical(block, N, &b);
		hierarchical += interval.low <= 0 && 0 <= interval.high;
	}
	assert_true(forgetful < 0.75 * RUNS);
	assert_true(hierarchical > 0.88 * RUNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_one_and_of_equal_values), cmocka_unit_test(a_seed_repeats),
	    cmocka_unit_test(levels_add_their_variances), cmocka_unit_test(unequal_groups),
	    cmocka_unit_test(coverage_by_simulation),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
