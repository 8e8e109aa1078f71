// Planned lengths of runs against figures known without pilot, and by going on with simulated runs.
#include "harness/stats/power.h"
#include "harness/stats/signed_rank.h"
#include "tests/support/draw.h"

static struct support_random rng;

static const struct stats_aim aim = {.low = -2, .high = 2, .level = 0.95, .chance = 0.8};

// x with the given estimate, symmetric, its spread that of a standard normal sample's quantiles.
static void spread_out(double *x, size_t n, double effect, double sd)
{
	for (size_t i = 0; i < n; i++)
		x[i] = effect + sd * stats_normal_quantile((i + 0.5) / n);
}

static void what_cannot_be_said(void **state)
{
	static const double x[] = {1, 1.5, 2, 2.5, 3, 3.5};
	static const double equal[] = {5, 5, 5, 5}, noisy[] = {-9, -3, 2, 7, 12, 3};

	(void)state;
	for (size_t n = 0; n < 4; n++)
		assert_int_equal(stats_blocks_to_decide(x, n, &aim, 2000), 0);
	// Without spread, as soon as there is an interval at 95 %.
	assert_int_equal(stats_blocks_to_decide(equal, 4, &aim, 2000), 6);
	assert_int_equal(stats_blocks_to_decide(equal, 4, &aim, 5), 0);
	assert_int_equal(stats_blocks_to_decide(noisy, 6, &aim, 100), 0);
	assert_true(stats_blocks_to_decide(noisy, 6, &aim, 100000) > 100);
}

static void more_is_asked_of_more(void **state)
{
	double x[12];

	(void)state;
	for (int run = 0; run < 200; run++) {
		struct stats_aim stricter = aim;
		size_t all;

		spread_out(x, 12, draw_normal(&rng) * 3, 1 + 2 * draw_uniform(&rng));
		all = stats_blocks_to_decide(x, 12, &aim, 100000);
		assert_true(all > 12);
		stricter.level = 0.99;
		assert_true(stats_blocks_to_decide(x, 12, &stricter, 200000) >= all);
		stricter = aim;
		stricter.chance = 0.85;
		assert_true(stats_blocks_to_decide(x, 12, &stricter, 200000) >= all);
		assert_int_equal(stats_blocks_to_decide(x, 12, &aim, all), all);
		assert_int_equal(stats_blocks_to_decide(x, 12, &aim, all - 1), 0);
	}
}

static bool decided(const double *x, size_t n)
{
	struct stats_interval i = stats_signed_rank_interval(x, n, aim.level);

	return i.low > aim.high || i.high < aim.low || (i.low >= aim.low && i.high <= aim.high);
}

// Runs of any effect that are undecided after 8 or 12 blocks go on as planned: about as many are
// decided then as was said, somewhat fewer as only short plans are tried.
static void plans_keep_their_word(void **state)
{
	enum { RUNS = 2000, MOST = 120 };
	static double (*const draw[])(struct support_random *) = {draw_normal, draw_contaminated};

	(void)state;
	for (int k = 0; k < 4; k++) {
		size_t n = k % 2 ? 12 : 8, planned = 0, kept = 0;

		for (int run = 0; run < RUNS; run++) {
			double x[MOST], effect = 12 * draw_uniform(&rng) - 6;
			size_t all;

			for (size_t i = 0; i < MOST; i++)
				x[i] = effect + 2.65 * draw[k / 2](&rng);
			if (decided(x, n))
				continue;
			all = stats_blocks_to_decide(x, n, &aim, MOST);
			if (!all)
				continue;
			planned++;
			kept += decided(x, all);
		}
		assert_true(planned > RUNS / 8);
		assert_true(kept > 0.62 * planned && kept < 0.9 * planned);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_cannot_be_said),
	    cmocka_unit_test(more_is_asked_of_more),
	    cmocka_unit_test(plans_keep_their_word),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
