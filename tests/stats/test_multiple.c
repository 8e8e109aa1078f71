// Adjusted p values against R's p.adjust() and by simulation.
#include "harness/stats/multiple.h"
#include "harness/stats/basic.h"
#include "tests/support/draw.h"

static struct support_random rng;

// Benjamini and Hochberg's (1995) example: at 5 % their procedure rejects four, Holm's three.
static void fifteen_published(void **state)
{
	enum { N = 15 };
	static const double p[N] = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
	                            0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
	static const double holm[N] = {0.0015, 0.0056, 0.0247, 0.1140, 0.2211,
	                               0.2780, 0.2780, 0.2780, 0.3213, 1,
	                               1,      1,      1,      1,      1};
	static const double fdr[N] = {
	    0.0015,          0.003,           0.0095,          0.035625,        0.0603,
	    0.0638571428571, 0.0638571428571, 0.0645,          0.0765,          0.486,
	    0.5811818181818, 0.714875,        0.7532307692308, 0.8132142857143, 1};
	double adjusted[N];

	(void)state;
	stats_adjust_holm(p, N, adjusted);
	for (int i = 0; i < N; i++)
		assert_near(adjusted[i], holm[i], 1e-12);
	stats_adjust_false_discovery(p, N, adjusted);
	for (int i = 0; i < N; i++)
		assert_near(adjusted[i], fdr[i], 1e-12);
}

static void in_any_order_with_ties_and_in_place(void **state)
{
	double p[] = {0.03, 0.01, 0.02, 0.02, 0.9}, one[] = {0.04};
	static const double holm[] = {0.08, 0.05, 0.08, 0.08, 0.9};
	static const double fdr[] = {0.0375, 1 / 30.0, 1 / 30.0, 1 / 30.0, 0.9};
	double adjusted[5];

	(void)state;
	stats_adjust_false_discovery(p, 5, adjusted);
	for (int i = 0; i < 5; i++)
		assert_near(adjusted[i], fdr[i], 1e-12);
	stats_adjust_holm(p, 5, p);
	for (int i = 0; i < 5; i++)
		assert_near(p[i], holm[i], 1e-12);
	stats_adjust_holm(one, 1, one);
	stats_adjust_false_discovery(one, 1, one);
	assert_near(one[0], 0.04, 0);
	stats_adjust_holm(one, 0, one);
}

// Ten tests, of which the first `real` have something to find.
static void errors_by_simulation(void **state)
{
	enum { RUNS = 10000, TESTS = 10, REAL = 4 };
	double discovered_falsely = 0;
	size_t any = 0, plain = 0;

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		double p[TESTS], adjusted[TESTS];
		unsigned found = 0, wrong = 0;

		for (int i = 0; i < TESTS; i++) {
			double z = draw_normal(&rng) + (i < REAL ? 3 : 0);

			p[i] = 2 * stats_normal_below(-fabs(z));
		}
		stats_adjust_holm(p, TESTS, adjusted);
		bool holm = false, unadjusted = false;
		for (int i = REAL; i < TESTS; i++) {
			holm |= adjusted[i] <= 0.05;
			unadjusted |= p[i] <= 0.05;
		}
		any += holm;
		plain += unadjusted;
		stats_adjust_false_discovery(p, TESTS, adjusted);
		for (int i = 0; i < TESTS; i++) {
			found += adjusted[i] <= 0.05;
			wrong += i >= REAL && adjusted[i] <= 0.05;
		}
		discovered_falsely += found ? (double)wrong / found : 0;
	}
	assert_at_most(any, RUNS, 0.05);
	assert_true(any > 0.03 * RUNS && plain > 0.2 * RUNS);
	// Exactly 5 % of the share of true null hypotheses, 6 of 10; its sd is below 0.12.
	assert_near(discovered_falsely / RUNS, 0.05 * 0.6, 5 * 0.12 / sqrt(RUNS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fifteen_published),
	    cmocka_unit_test(in_any_order_with_ties_and_in_place),
	    cmocka_unit_test(errors_by_simulation),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
