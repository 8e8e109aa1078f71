// Rounding decides nothing: ties, zeros and thresholds of values that are equal but for their last
// bits, wherever effects are compared.
#include "harness/judge/side.h"
#include "harness/judge/goal_judge.h"
#include "harness/judge/draw_fixed.h"
#include "harness/stats/change.h"
#include "harness/stats/signed_rank.h"
#include "harness/judge/verdict.h"
#include "tests/support/draw.h"
#include "tests/support/synthetic.h"

enum { RUNS = 1000, MOST = 24 };

static const double noise = 1e-13;
static struct support_random rng;

static double noisy(double x)
{
	return x * (1 + noise * (2 * draw_uniform(&rng) - 1));
}

// ---- the signed-rank test

// The example for `digits.rank` of R's wilcox.test(): differences of tenths are tied as those of
// whole numbers are.
static void tenths_are_tied_as_whole_numbers_are(void **state)
{
	const double whole[] = {4 - 3, 3 - 2, 2 - 1, 1 - 2, 4 - 2, 3 - 3};
	const double tenth[] = {0.4 - 0.3, 0.3 - 0.2, 0.2 - 0.1, 0.1 - 0.2, 0.4 - 0.2, 0.3 - 0.3};
	struct stats_tails a = stats_signed_rank_tails(whole, 6, 0);
	struct stats_tails b = stats_signed_rank_tails(tenth, 6, 0);

	(void)state;
	// Mid-ranks 2.5 four times and 5; 12.5 or more: 5 of 32 signs.
	assert_near(a.above, 5.0 / 32, 1e-15);
	assert_near(b.above, a.above, 1e-15);
	assert_near(b.below, a.below, 1e-15);
	assert_near(stats_signed_rank_p(tenth, 6, 0), 0.3125, 1e-15);
}

static void noise_changes_no_p_and_no_interval(void **state)
{
	(void)state;
	for (int run = 0; run < RUNS; run++) {
		size_t n = 6 + support_random_below(&rng, MOST - 5);
		double x[MOST], y[MOST], mirrored[MOST],
		    center = support_random_below(&rng, 2) / 7.0;
		struct stats_interval i, j, k;

		for (size_t b = 0; b < n; b++) {
			x[b] = ((int)support_random_below(&rng, 9) - 3) / 7.0;
			y[b] = x[b] + noise * (draw_uniform(&rng) - 0.5);
			mirrored[b] = -y[b];
		}
		assert_near(stats_signed_rank_p(y, n, center), stats_signed_rank_p(x, n, center),
		            0);
		assert_near(stats_signed_rank_p(mirrored, n, -center),
		            stats_signed_rank_p(x, n, center), 1e-12);
		i = stats_signed_rank_interval(x, n, 0.95);
		j = stats_signed_rank_interval(y, n, 0.95);
		k = stats_signed_rank_interval(mirrored, n, 0.95);
		assert_near(j.low, i.low, 1e-12);
		assert_near(j.high, i.high, 1e-12);
		assert_near(k.low, -i.high, 1e-12);
		assert_near(k.high, -i.low, 1e-12);
	}
}

static void assert_agrees(const double *x, size_t n, double value)
{
	struct stats_interval i = stats_walsh_interval(x, n, 0.95);
	bool outside;

	stats_signed_rank_settle(&i, x, n, 0.95, value);
	outside = stats_above(i.low, value) || stats_above(value, i.high);
	assert_true(i.low <= i.high);
	if (outside != (stats_signed_rank_p(x, n, value) <= 0.05))
		fail_msg("[%g, %g], but p of %g is %g", i.low, i.high, value,
		         stats_signed_rank_p(x, n, value));
}

// In each of the first two the Walsh interval holds zero, which the test rejects.
static void interval_and_p_agree_with_ties_and_zeros(void **state)
{
	const double zeros[] = {0, 0, 0, 1, 2, 3, 4, 5, 6};
	const double hole[] = {0, -1, -2, 3, 4, -5, 6, 7, 8, 9, 10};
	const double mostly_zero[40] = {1, 1, 1, 1, 1, 1};
	unsigned contradicted = 0;

	(void)state;
	assert_near(stats_signed_rank_p(zeros, 9, 0), 2.0 / 64, 1e-15);
	assert_agrees(zeros, 9, 0);
	assert_true(stats_signed_rank_interval(zeros, 9, 0.95).low > 0);
	assert_near(stats_signed_rank_p(hole, 11, 0), 50.0 / 1024, 1e-15);
	assert_agrees(hole, 11, 0);
	assert_agrees(mostly_zero, 40, 0);
	for (int run = 0; run < RUNS; run++) {
		size_t n = 6 + support_random_below(&rng, MOST - 5);
		struct stats_interval walsh;
		double x[MOST];

		for (size_t b = 0; b < n; b++)
			x[b] = noisy(((int)support_random_below(&rng, 9) - 2) / 70.0);
		walsh = stats_walsh_interval(x, n, 0.95);
		contradicted += (walsh.low > 1e-9 || walsh.high < -1e-9) !=
		                (stats_signed_rank_p(x, n, 0) <= 0.05);
		assert_agrees(x, n, 0);
		assert_agrees(x, n, 1 / 70.0);
	}
	assert_true(contradicted > 5); // what is settled isn't rare
}

// ---- verdicts

struct judged {
	struct synthetic s;
	struct store store;
	struct series_set series;
	struct verdict_set verdicts;
};

// Two trials of each of two tunnels in a block.
static void judge(struct judged *j, double value[][2][2], unsigned blocks)
{
	static const unsigned tunnel[] = {0, 1, 1, 0};
	struct text fault = {0};

	synthetic_begin(&j->s, 2, blocks);
	for (unsigned b = 0; b < blocks; b++)
		for (unsigned i = 0; i < 4; i++) {
			struct trial t = synthetic_trial(b, 0, i, tunnel[i]);

			synthetic_metric(&t, "rate_pps", value[b][tunnel[i]][i / 2], true, true);
			synthetic_metric(&t, "cpu_us", 1 / value[b][tunnel[i]][i / 2], false, true);
			assert_int_equal(store_append(&j->s.store, &t), 0);
		}
	store_close(&j->s.store);
	assert_int_equal(store_open(&j->store, j->s.dir, false), 0);
	assert_int_equal(series_gather(&j->series, &j->store, &fault), 0);
	assert_int_equal(verdict_judge(&j->verdicts, &j->series,
	                               &(struct verdict_pair){1, 0, false}, 1, 2, NULL, &fault),
	                 0);
	assert_int_equal(j->verdicts.n, 2);
}

static void finish(struct judged *j)
{
	verdict_free(&j->verdicts);
	series_free(&j->series);
	store_close(&j->store);
	synthetic_end(&j->s);
}

// Rates of a search stand on a grid: with the same product of both trials, both tunnels have the
// same geometric mean, which no two sums of logarithms agree about.
static void equal_means_are_no_effect(void **state)
{
	double value[8][2][2];
	struct judged j;

	(void)state;
	for (int b = 0; b < 8; b++)
		for (int i = 0; i < 2; i++) {
			value[b][0][i] = 256000 * exp2((i ? 5 : 0) / 4.0);
			value[b][1][i] = 256000 * exp2((i ? 4 : 1) / 4.0);
		}
	judge(&j, value, 8);
	for (int m = 0; m < 2; m++) {
		const struct verdict *v = &j.verdicts.verdict[m];

		assert_near(v->clean.p, 1, 0);
		assert_near(v->clean.effect, 0, 0);
		assert_near(v->clean.low, 0, 0);
		assert_int_equal(v->word, VERDICT_SAME);
	}
	finish(&j);
}

static void an_effect_of_exactly_the_gate_is_the_same(void **state)
{
	for (int candidate = 0; candidate < 2; candidate++) {
		double value[10][2][2];
		struct judged j;

		(void)state;
		for (int b = 0; b < 10; b++)
			for (int i = 0; i < 2; i++) {
				value[b][!candidate][i] = 3 + b / 7.0 + i / 3.0;
				value[b][candidate][i] =
				    value[b][!candidate][i] * (candidate ? 1.02 : 1 / 0.98);
			}
		judge(&j, value, 10);
		assert_int_equal(j.verdicts.verdict[0].word, VERDICT_SAME); // of rate_pps
		assert_false(j.verdicts.verdict[0].regression);
		finish(&j);
	}
}

static void assert_alike(const struct verdict *a, const struct verdict *b)
{
	assert_int_equal(a->word, b->word);
	assert_int_equal(a->regression, b->regression);
	assert_near(a->clean.p, b->clean.p, 0);
	assert_near(a->p_gate, b->p_gate, 0);
	assert_near(a->clean.effect, b->clean.effect, 1e-9);
	assert_near(a->clean.low, b->clean.low, 1e-9);
	assert_near(a->clean.high, b->clean.high, 1e-9);
}

// Rates on a grid with ties, zeros and effects at the gate: noise in them, and another unit, change
// nothing; with the tunnels swapped, p stays and the interval is the mirror image.
static void noise_and_unit_change_no_verdict(void **state)
{
	(void)state;
	for (int run = 0; run < 12; run++) {
		double value[8][2][2], other[8][2][2], swapped[8][2][2];
		unsigned blocks = 6 + run % 3;
		struct judged a, b, c;

		for (unsigned i = 0; i < blocks; i++)
			for (int k = 0; k < 4; k++) {
				double base =
				    pow(1.02, support_random_below(&rng, 4) + run % 3 * (k / 2));

				value[i][k / 2][k % 2] = 250000 * base;
				other[i][k / 2][k % 2] = noisy(250000 * base / 1000);
				swapped[i][!(k / 2)][k % 2] = other[i][k / 2][k % 2];
			}
		judge(&a, value, blocks);
		judge(&b, other, blocks);
		judge(&c, swapped, blocks);
		for (int m = 0; m < 2; m++) {
			const struct verdict_effect *one = &a.verdicts.verdict[m].clean,
			                            *two = &c.verdicts.verdict[m].clean;

			assert_alike(&a.verdicts.verdict[m], &b.verdicts.verdict[m]);
			assert_near(one->p, two->p, 1e-12);
			assert_int_equal(one->low > 0 || one->high<0, two->low> 0 || two->high < 0);
			assert_int_equal(one->low > 0 || one->high < 0, one->p <= 0.05);
		}
		finish(&a);
		finish(&b);
		finish(&c);
	}
}

static void a_goal_that_is_met_exactly_is_reached(void **state)
{
	static const double ratios[] = {0.28, 0.3, 1.1, 3.5};

	(void)state;
	for (size_t r = 0; r < sizeof(ratios) / sizeof(*ratios); r++)
		for (int at_least = 0; at_least < 2; at_least++) {
			struct goal g = {"tcp", "rate_pps", "", "", at_least, ratios[r]};
			double value[6][2][2];
			struct goal_result result;
			struct judged j;

			for (int b = 0; b < 6; b++)
				for (int i = 0; i < 2; i++) {
					value[b][0][i] = 3 + b / 7.0 + i / 3.0;
					value[b][1][i] = value[b][0][i] * ratios[r];
				}
			judge(&j, value, 6);
			goal_judge(&result, &g, &j.series, 1, 0);
			assert_int_equal(result.word, GOAL_REACHED);
			finish(&j);
		}
}

// ---- places, draws

// Ends that are the same but for rounding don't differ in any direction.
static void equal_ends_place_nothing(void **state)
{
	struct series_block block[8];
	struct series s = {.blocks = 8, .error = 0.05, .block = block};

	(void)state;
	memset(block, 0, sizeof(block));
	for (int direction = -1; direction <= 1; direction += 2) {
		double value[PLACE_TUNNELS];
		struct place p;

		for (int t = 0; t < PLACE_TUNNELS; t++) {
			for (int b = 0; b < 8; b++)
				block[b].tunnel[t].mean_log = log(7) + direction * t * noise;
			value[t] = 7 * (1 + direction * t * noise);
		}
		place_judge(&p, &s, 2, direction);
		assert_int_equal(p.word, PLACE_OPEN);
		place_judge_exact(&p, value, 2);
		assert_int_equal(p.word, PLACE_OPEN);
	}
}

static void draws_of_rounding_are_not_different(void **state)
{
	double ratio[20];
	unsigned start[20];
	struct selfcheck_draws d;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		ratio[i] = noise * (1 + i % 3);
		start[i] = 0; // one sign for all
	}
	selfcheck_draw(&d, ratio, start, 20, 8, 2, 0.05, 100, 1);
	assert_near(d.different, 0, 0);
}

// ---- samples and series

// A level that a sample attains exactly: of 3 values 0.75.
static void a_level_that_is_attained_counts(void **state)
{
	const double x[] = {1, 2, 3};

	(void)state;
	assert_near(stats_quantile_interval(x, 3, 0.5, 0.75).low, 1, 0);
	assert_near(stats_walsh_interval(x, 3, 0.75).low, 1, 0);
}

static void a_level_series_has_no_change(void **state)
{
	const struct stats_divisive o = {3, 0.05, 199, 1};
	struct stats_change c[24];
	double x[24];

	(void)state;
	for (int i = 0; i < 24; i++)
		x[i] = i < 12 ? 0.1 + 0.2 : 0.3; // two doubles
	assert_true(x[0] != x[23]);
	assert_int_equal(stats_divide(x, 24, &o, c), 0);
}

static void noise_moves_no_change(void **state)
{
	const struct stats_divisive o = {2, 0.2, 99, 1};

	(void)state;
	for (int run = 0; run < 100; run++) {
		double x[MOST], y[MOST];
		struct stats_change c[MOST], d[MOST];
		struct stats_group g[MOST], h[MOST];
		size_t n;

		for (int i = 0; i < MOST; i++) {
			x[i] = (3 + (i / 8 == 1) * 2 + (double)support_random_below(&rng, 2)) / 7;
			y[i] = noisy(x[i]);
		}
		n = stats_divide(x, MOST, &o, c);
		assert_int_equal(stats_divide(y, MOST, &o, d), n);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(c[i].at, d[i].at);
			assert_near(c[i].p, d[i].p, 0);
		}
		n = stats_group_changes(x, MOST, 1e-3, g);
		assert_int_equal(stats_group_changes(y, MOST, 1e-3, h), n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(g[i].end, h[i].end);
	}
}

static void what_is_the_same(void **state)
{
	double chain[] = {2, 1 + 1.6e-9, 1, 1 + 0.8e-9, 5e-12, 5e-12 * (1 + noise)};

	(void)state;
	assert_true(stats_same(0.1 + 0.2, 0.3) && stats_same(0, -noise) &&
	            stats_same(1e9, 1e9 + 0.5));
	assert_false(stats_same(1e-4, 1.0001e-4) || stats_same(INFINITY, 1));
	assert_true(stats_same(INFINITY, INFINITY) && !stats_above(INFINITY, INFINITY));
	assert_true(stats_above(INFINITY, 1) && stats_above(1, -INFINITY) && !stats_above(1, 2));
	assert_false(stats_tied(1e-12, 2e-12) || stats_tied(0, 1e-300));
	assert_false(stats_same(NAN, NAN) || stats_above(NAN, 0));
	stats_unify(chain, 6);
	assert_true(chain[0] == 2 && chain[1] == 1 && chain[2] == 1 && chain[3] == 1);
	assert_true(chain[4] == 5e-12 && chain[5] == 5e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tenths_are_tied_as_whole_numbers_are),
	    cmocka_unit_test(noise_changes_no_p_and_no_interval),
	    cmocka_unit_test(interval_and_p_agree_with_ties_and_zeros),
	    cmocka_unit_test(equal_means_are_no_effect),
	    cmocka_unit_test(an_effect_of_exactly_the_gate_is_the_same),
	    cmocka_unit_test(noise_and_unit_change_no_verdict),
	    cmocka_unit_test(a_goal_that_is_met_exactly_is_reached),
	    cmocka_unit_test(equal_ends_place_nothing),
	    cmocka_unit_test(draws_of_rounding_are_not_different),
	    cmocka_unit_test(a_level_that_is_attained_counts),
	    cmocka_unit_test(a_level_series_has_no_change),
	    cmocka_unit_test(noise_moves_no_change),
	    cmocka_unit_test(what_is_the_same),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
