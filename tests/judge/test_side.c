// Places of commits whose truth is known, in runs that are made up.
#include "harness/judge/side.h"
#include "tests/support/draw.h"

enum { RUNS = 2000 };

static struct support_random rng;

struct made {
	struct series series;
	struct series_block block[STATS_BLOCKS_MAX];
};

// Three tunnels whose logarithms are these, each with noise of its own.
static void make(struct made *m, size_t blocks, const double truth[PLACE_TUNNELS], double sd)
{
	*m = (struct made){.series = {.blocks = blocks, .error = INTERIM_ERROR}};
	m->series.block = m->block;
	for (size_t i = 0; i < blocks; i++)
		for (int t = 0; t < PLACE_TUNNELS; t++)
			m->block[i].tunnel[t].mean_log = truth[t] + sd * draw_normal(&rng);
}

static enum place_word judge(const double truth[PLACE_TUNNELS], double sd, size_t blocks,
                             int direction)
{
	struct made m;
	struct place p;

	make(&m, blocks, truth, sd);
	place_judge(&p, &m.series, 2, direction);
	return p.word;
}

static void assert_word(enum place_word got, enum place_word expected)
{
	if (got != expected)
		fail_msg("'%s' is not '%s'", place_names[got], place_names[expected]);
}

static void where_noise_is_small(void **state)
{
	static const struct {
		double truth[PLACE_TUNNELS];
		enum place_word word;
	} cases[] = {
	    {{0, 0, 0.2}, PLACE_GOOD},      {{0, 0.2, 0.2}, PLACE_BAD},
	    {{0, 0.1, 0.2}, PLACE_ALONE},   {{0, 0.03, 0.2}, PLACE_GOOD}, // below a quarter
	    {{0, 0.17, 0.2}, PLACE_BAD},    {{0, 0.07, 0.2}, PLACE_ALONE},
	    {{0, -0.07, 0.2}, PLACE_ALONE}, {{0, 0.3, 0.2}, PLACE_ALONE},
	    {{0, 0.015, 0.05}, PLACE_GOOD}, // below the gate
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int direction = -1; direction <= 1; direction += 2) {
			double truth[PLACE_TUNNELS], value[PLACE_TUNNELS];
			struct place exact;

			for (int t = 0; t < PLACE_TUNNELS; t++) {
				truth[t] = direction * cases[i].truth[t];
				value[t] = 7 * exp(truth[t]);
			}
			assert_word(judge(truth, 1e-4, 6, direction), cases[i].word);
			place_judge_exact(&exact, value, 2);
			assert_word(exact.word, cases[i].word);
		}
}

static void nothing_is_said_too_early(void **state)
{
	const double truth[] = {0, 0, 0.2};
	struct made m;
	struct place p;

	(void)state;
	for (size_t blocks = 0; blocks < 6; blocks++)
		assert_word(judge(truth, 0.01, blocks, 1), PLACE_OPEN);
	make(&m, 10, truth, 0.01);
	m.series.error = 0; // between two analyses
	place_judge(&p, &m.series, 2, 1);
	assert_word(p.word, PLACE_OPEN);
}

// Ends that don't differ in the same blocks, or the other way round, prove nothing.
static void the_ends_must_differ_again(void **state)
{
	const double same[] = {0, 0.2, 0}, turned[] = {0.2, 0.2, 0};

	(void)state;
	assert_word(judge(same, 0.01, 8, 1), PLACE_OPEN);
	assert_word(judge(turned, 0.001, 8, 1), PLACE_OPEN);
	assert_word(judge(turned, 0.001, 8, -1), PLACE_GOOD);
}

static void distances_are_told_and_spoilt_blocks_left_out(void **state)
{
	const double truth[] = {0, log(1.1), log(1.2)};
	struct made m;
	struct place p;

	(void)state;
	make(&m, 9, truth, 0);
	m.block[3].contaminated = true;
	m.block[3].tunnel[PLACE_COMMIT].mean_log = 5;
	m.block[4].tunnel[PLACE_GOOD_END].mean_log = NAN;
	place_judge(&p, &m.series, 2, 1);
	assert_int_equal(p.blocks, 7);
	assert_near(p.good.effect, 10, 1e-9);
	assert_near(p.good.low, 10, 1e-9);
	assert_near(p.bad.effect, 100 * (1.1 / 1.2 - 1), 1e-9);
}

// As a run with a budget does: analyses, each with its share of the error.
static enum place_word run(const struct interim *l, const double truth[PLACE_TUNNELS], double sd)
{
	struct made m;
	struct place p = {.word = PLACE_OPEN};

	make(&m, l->plan.blocks[l->plan.n - 1], truth, sd);
	for (size_t k = 0; k < l->plan.n && p.word == PLACE_OPEN; k++) {
		m.series.blocks = l->plan.blocks[k];
		m.series.error = interim_error(l, m.series.blocks, false);
		place_judge(&p, &m.series, 2, 1);
	}
	return p.word;
}

// The wrong side is told no more often than the search is told; in truth much less, but for a
// commit that lies next to the middle.
static void wrong_sides_are_as_rare_as_is_said(void **state)
{
	static const double truths[][PLACE_TUNNELS] = {
	    {0, 0, 0.05}, {0, 0.05, 0.05}, {0, 0.0249, 0.05}, {0, 0.0251, 0.05}};
	struct interim l;

	(void)state;
	interim_fix(&l, 40);
	for (size_t i = 0; i < sizeof(truths) / sizeof(*truths); i++) {
		size_t count[PLACE_ALONE + 1] = {0};
		enum place_word right = truths[i][PLACE_COMMIT] < 0.025 ? PLACE_GOOD : PLACE_BAD;

		for (int k = 0; k < RUNS; k++)
			count[run(&l, truths[i], 0.03)]++;
		print_message("# at %g of 0.05: %zu open, %zu good, %zu bad, %zu alone\n",
		              truths[i][PLACE_COMMIT], count[PLACE_OPEN], count[PLACE_GOOD],
		              count[PLACE_BAD], count[PLACE_ALONE]);
		assert_at_most(count[PLACE_GOOD + PLACE_BAD - right], RUNS, PLACE_ERROR);
		if (i < 2) {
			assert_true(count[right] > 0.9 * RUNS);
			assert_at_most(count[PLACE_ALONE], RUNS, PLACE_ERROR);
		} else {
			assert_true(count[PLACE_OPEN] > 0.9 * RUNS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(where_noise_is_small),
	    cmocka_unit_test(nothing_is_said_too_early),
	    cmocka_unit_test(the_ends_must_differ_again),
	    cmocka_unit_test(distances_are_told_and_spoilt_blocks_left_out),
	    cmocka_unit_test(wrong_sides_are_as_rare_as_is_said),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
