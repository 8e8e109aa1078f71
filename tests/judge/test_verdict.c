// Verdicts of made-up runs whose truth is known.
#include "harness/stats/power.h"
#include "harness/judge/verdict.h"
#include "tests/support/synthetic.h"

struct judged {
	struct store store;
	struct series_set series;
	struct verdict_set verdicts;
	struct text fault;
};

static int judge(struct judged *j, struct synthetic *s, const char *metric)
{
	struct verdict_pair pair[RUN_TUNNELS_MAX];
	size_t n = 0;
	int ret;

	memset(j, 0, sizeof(*j));
	store_close(&s->store);
	assert_int_equal(store_open(&j->store, s->dir, false), 0);
	ret = series_gather(&j->series, &j->store, &j->fault);
	for (unsigned t = 1; t < j->store.run.tunnels; t++)
		pair[n++] = (struct verdict_pair){t, 0, j->store.run.tunnel[t].control};
	return ret ? ret : verdict_judge(&j->verdicts, &j->series, pair, n, 2, metric, &j->fault);
}

static void finish(struct judged *j, struct synthetic *s)
{
	text_free(&j->fault);
	verdict_free(&j->verdicts);
	series_free(&j->series);
	store_close(&j->store);
	synthetic_end(s);
}

static const struct verdict *find(const struct judged *j, const char *metric, unsigned candidate)
{
	for (size_t i = 0; i < j->verdicts.n; i++)
		if (!strcmp(j->verdicts.verdict[i].series->metric, metric) &&
		    j->verdicts.verdict[i].candidate == candidate)
			return &j->verdicts.verdict[i];
	fail_msg("no verdict of %s", metric);
	return NULL;
}

static void assert_word(const struct verdict *v, enum verdict_word word)
{
	if (v->word != word)
		fail_msg("%s: %s [%g, %g] (%s), not %s", v->series->metric, verdict_names[v->word],
		         v->clean.low, v->clean.high, v->reason, verdict_names[word]);
}

static void assert_reason(const struct verdict *v, const char *part)
{
	if (!strstr(v->reason, part))
		fail_msg("no '%s' in '%s'", part, v->reason);
}

// One known effect: its words for the metric where higher is better and for its inverse.
static void known_effect(double effect, double noise, enum verdict_word word)
{
	struct synthetic s;
	struct judged j;

	synthetic_fill(&s, 8, log1p(effect), noise);
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_int_equal(j.verdicts.n, 2);
	assert_word(find(&j, "goodput_gbps", 1), word);
	assert_word(find(&j, "cpu_s_per_gbit", 1), word);
	finish(&j, &s);
}

static void words_respect_the_direction(void **state)
{
	(void)state;
	known_effect(0, 0.001, VERDICT_SAME);
	known_effect(0.05, 0.001, VERDICT_BETTER);
	known_effect(-0.05, 0.001, VERDICT_WORSE);
	known_effect(0.01, 0.0005, VERDICT_SAME);
}

static void exact_values_of_a_run_without_noise(void **state)
{
	const struct verdict *v;
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_fill(&s, 8, log(1.1), 0);
	assert_int_equal(judge(&j, &s, NULL), 0);
	v = find(&j, "goodput_gbps", 1);
	assert_true(fabs(v->clean.effect - 10) < 1e-9);
	assert_true(fabs(v->clean.low - 10) < 1e-9 && fabs(v->clean.high - 10) < 1e-9);
	assert_true(fabs(v->clean.p - 2.0 / 256) < 1e-12);
	assert_true(fabs(v->baseline_median - 4) < 1e-9);
	assert_true(fabs(v->candidate_median - 4.4) < 1e-9);
	assert_int_equal(v->clean.blocks, 8);
	assert_string_equal(v->reason, "");
	finish(&j, &s);
}

// What a block is by ABBA: a drift that is steady over it cancels exactly.
static void drift_within_blocks_cancels(void **state)
{
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 2, 6);
	for (unsigned b = 0; b < 6; b++)
		for (unsigned i = 0; i < 4; i++) {
			struct trial t = synthetic_trial(b, 0, i, i == 1 || i == 2);

			synthetic_metric(&t, "goodput_gbps", exp(0.1 * (4 * b + i)), true, true);
			assert_int_equal(store_append(&s.store, &t), 0);
		}
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_word(find(&j, "goodput_gbps", 1), VERDICT_SAME);
	assert_true(fabs(find(&j, "goodput_gbps", 1)->clean.effect) < 1e-9);
	finish(&j, &s);
}

// The effect of block i: ever farther off, by `noise` in the end, above and below in turn.
static double alternating(unsigned i, unsigned blocks, double effect, double noise)
{
	return effect + (i % 2 ? noise : -noise) * (i + 1) / blocks;
}

static void alternate(struct synthetic *s, unsigned blocks, double effect, double noise)
{
	synthetic_begin(s, 2, blocks);
	for (unsigned i = 0; i < blocks; i++)
		synthetic_add(s, i, 0,
		              &(struct synthetic_block){
		                  .effect = {0, alternating(i, blocks, effect, noise)}});
}

static void noise_is_undecided_and_says_how_many_more(void **state)
{
	struct stats_aim even = {log(0.98), log(1.02), 0.95, 0.5}, likely = even;
	double ratio[8];
	size_t half, most;
	char expected[100];
	struct synthetic s;
	struct judged j;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		ratio[i] = alternating(i, 8, 0, 0.04);
	likely.chance = 0.8;
	alternate(&s, 8, 0, 0.04);
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_word(find(&j, "goodput_gbps", 1), VERDICT_UNDECIDED);
	// Of what the end hasn't spent of its error.
	even.level = likely.level = 1 - find(&j, "goodput_gbps", 1)->series->error_later;
	assert_true(even.level > 0.98 && even.level < 1);
	half = stats_blocks_to_decide(ratio, 8, &even, 500);
	most = stats_blocks_to_decide(ratio, 8, &likely, 500);
	assert_true(half > 8 && most > half);
	snprintf(expected, sizeof(expected),
	         "about %zu more blocks would decide at an even chance, %zu at 80 %%", half - 8,
	         most - 8);
	assert_reason(find(&j, "goodput_gbps", 1), expected);
	finish(&j, &s);

	alternate(&s, 56, log(0.98), 0.01);
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_reason(find(&j, "goodput_gbps", 1), "500 blocks would hardly decide");
	finish(&j, &s);
}

static void an_effect_at_the_threshold_is_not_worse(void **state)
{
	struct synthetic s;
	struct judged j;

	(void)state;
	alternate(&s, 12, log(0.98), 0.004);
	assert_int_equal(judge(&j, &s, "goodput_gbps"), 0);
	assert_word(find(&j, "goodput_gbps", 1), VERDICT_UNDECIDED);
	finish(&j, &s);
}

static void beyond_the_gate_counts_only_with_the_whole_interval(void **state)
{
	const struct verdict *v;
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 2, 8);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(
		    &s, i, 0,
		    &(struct synthetic_block){.effect = {0, 0.05 + (i % 2 ? 0.06 : -0.06)}});
	assert_int_equal(judge(&j, &s, NULL), 0);
	v = find(&j, "goodput_gbps", 1);
	assert_true(v->clean.effect > 4);
	assert_word(v, VERDICT_UNDECIDED);
	finish(&j, &s);
}

static void never_from_fewer_than_six_blocks(void **state)
{
	(void)state;
	for (unsigned blocks = 1; blocks <= 6; blocks++) {
		const struct verdict *v;
		struct synthetic s;
		struct judged j;

		synthetic_fill(&s, blocks, log(0.5), 0);
		assert_int_equal(judge(&j, &s, NULL), 0);
		v = find(&j, "goodput_gbps", 1);
		assert_word(v, blocks < 6 ? VERDICT_UNDECIDED : VERDICT_WORSE);
		if (blocks == 1)
			assert_reason(v, "1 clean block: at least 6 are needed");
		finish(&j, &s);
	}
}

// A contaminated block is repeated; were the first attempts counted, the verdict would be slower.
static void repeated_blocks_count_by_their_last_whole_attempt(void **state)
{
	struct synthetic_block bad = {.effect = {0, -1}, .status = {TRIAL_OK, TRIAL_CONTAMINATED}};
	struct synthetic_block good = {.noise = 0.001};
	struct synthetic s;
	struct judged j;
	struct trial t;

	(void)state;
	synthetic_begin(&s, 2, 8);
	for (unsigned i = 0; i < 8; i++) {
		synthetic_add(&s, i, 0, &bad);
		synthetic_add(&s, i, 1, &good);
	}
	t = synthetic_trial(7, 2, 0, 0); // a third attempt, cut off
	synthetic_metric(&t, "goodput_gbps", 100, true, true);
	assert_int_equal(store_append(&s.store, &t), 0);
	assert_int_equal(judge(&j, &s, "goodput_gbps"), 0);
	assert_word(find(&j, "goodput_gbps", 1), VERDICT_SAME);
	assert_int_equal(find(&j, "goodput_gbps", 1)->clean.blocks, 8);
	assert_int_equal(find(&j, "goodput_gbps", 1)->contaminated, 0);
	finish(&j, &s);
}

static void contaminated_blocks_are_shown_apart(void **state)
{
	struct synthetic_block bad = {.effect = {0, -1}, .status = {TRIAL_CONTAMINATED, TRIAL_OK}};
	struct synthetic_block good = {.noise = 0.001};
	const struct verdict *v;
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 2, 16);
	for (unsigned i = 0; i < 16; i++)
		synthetic_add(&s, i, 0, i < 8 ? &good : &bad);
	assert_int_equal(judge(&j, &s, NULL), 0);
	v = find(&j, "goodput_gbps", 1);
	assert_word(v, VERDICT_SAME);
	assert_int_equal(v->clean.blocks, 8);
	assert_int_equal(v->contaminated, 8);
	assert_int_equal(v->all.blocks, 16);
	assert_true(v->all.effect < -20);
	finish(&j, &s);
}

static void all_contaminated_is_no_verdict(void **state)
{
	struct synthetic_block bad = {.effect = {0, -1}, .status = {TRIAL_CONTAMINATED, TRIAL_OK}};
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 2, 8);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &bad);
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_word(find(&j, "goodput_gbps", 1), VERDICT_UNDECIDED);
	assert_reason(find(&j, "goodput_gbps", 1), "0 clean blocks");
	assert_true(find(&j, "goodput_gbps", 1)->candidate_median > 0);
	finish(&j, &s);
}

static void a_failed_block_is_never_passed(void **state)
{
	struct synthetic_block good = {.noise = 0.0001};
	struct synthetic_block bad = {.status = {TRIAL_OK, TRIAL_FAILED}};
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 2, 9);
	for (unsigned i = 0; i < 9; i++)
		synthetic_add(&s, i, 0, i < 8 ? &good : &bad);
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_word(find(&j, "goodput_gbps", 1), VERDICT_UNDECIDED);
	assert_reason(find(&j, "goodput_gbps", 1), "1 block failed: iperf3 said no");
	finish(&j, &s);
}

static void a_missing_side_is_never_passed(void **state)
{
	struct synthetic_block bad = {.status = {TRIAL_OK, TRIAL_FAILED}};
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 2, 8);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &bad);
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_word(find(&j, "goodput_gbps", 1), VERDICT_UNDECIDED);
	assert_int_equal(find(&j, "goodput_gbps", 1)->failed, 8);
	finish(&j, &s);
}

// A trial in which nothing arrived passes in no metric.
static void stalled_trials_are_failed_ones(void **state)
{
	struct synthetic_block good = {.noise = 0.001}, zero = {.zero = true};
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 2, 9);
	for (unsigned i = 0; i < 9; i++)
		synthetic_add(&s, i, 0, i == 4 ? &zero : &good);
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_word(find(&j, "goodput_gbps", 1), VERDICT_UNDECIDED);
	assert_reason(find(&j, "goodput_gbps", 1), "1 block failed: goodput_gbps is 0: stalled");
	assert_true(find(&j, "goodput_gbps", 1)->candidate_median > 0);
	assert_word(find(&j, "cpu_s_per_gbit", 1), VERDICT_UNDECIDED);
	finish(&j, &s);
}

static void limited_generators_are_left_out(void **state)
{
	struct synthetic_block good = {.noise = 0.001};
	struct synthetic_block limited = {.effect = {0, -1},
	                                  .status = {TRIAL_OK, TRIAL_GENERATOR_LIMITED}};
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 2, 9);
	for (unsigned i = 0; i < 9; i++)
		synthetic_add(&s, i, 0, i == 4 ? &limited : &good);
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_word(find(&j, "goodput_gbps", 1), VERDICT_SAME);
	assert_int_equal(find(&j, "goodput_gbps", 1)->limited, 1);
	assert_reason(find(&j, "goodput_gbps", 1), "1 block left out: generator-limited");
	finish(&j, &s);
}

static void every_candidate_against_the_first(void **state)
{
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 3, 8);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0,
		              &(struct synthetic_block){.effect = {0, 0.1, -0.1}, .noise = 0.001});
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_int_equal(j.verdicts.n, 4);
	assert_word(find(&j, "goodput_gbps", 1), VERDICT_BETTER);
	assert_word(find(&j, "goodput_gbps", 2), VERDICT_WORSE);
	finish(&j, &s);
}

// Eight blocks give no one-sided p below 1/256: enough for six comparisons at 2.5 %, not for eight.
static void a_gate_over_many_metrics_wants_more(void **state)
{
	(void)state;
	for (unsigned tunnels = 2; tunnels <= 5; tunnels++) {
		struct synthetic_block b = {.effect = {0, -0.1}, .noise = 0.001};
		const struct verdict *v;
		struct synthetic s;
		struct judged j;

		synthetic_begin(&s, tunnels, 8);
		for (unsigned i = 0; i < 8; i++)
			synthetic_add(&s, i, 0, &b);
		assert_int_equal(judge(&j, &s, NULL), 0);
		v = find(&j, "goodput_gbps", 1);
		assert_word(v, VERDICT_WORSE);
		assert_int_equal(v->regression, tunnels <= 4);
		// The two that are slower have the same p; Holm takes the smaller times them all.
		assert_true(fabs(v->p_gate - 2.0 * (tunnels - 1) / 256) < 1e-9);
		if (tunnels == 5)
			assert_reason(v,
			              "not as one of 8 comparisons (Holm's p 0.031, limit 0.025)");
		assert_false(find(&j, "goodput_gbps", tunnels - 1)->regression && tunnels > 2);
		finish(&j, &s);
	}
}

static void what_the_budget_was_for_is_a_question_of_its_own(void **state)
{
	static const struct {
		const char *metrics; // of run.json
		double family;
	} cases[] = {
	    {NULL, 2},
	    {"[\"goodput_gbps\"]", 1},
	    {"[\"cpu_s_per_gbit\"]", 1},
	    {"[\"goodput_gbps\", \"cpu_s_per_gbit\"]", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static const char *const names[] = {"goodput_gbps", "cpu_s_per_gbit"};
		json_t *run = synthetic_run(2, 12);
		struct synthetic s;
		struct judged j;

		if (cases[i].metrics)
			json_object_set_new(run, "decides", json_loads(cases[i].metrics, 0, NULL));
		synthetic_begin_with(&s, run);
		for (unsigned b = 0; b < 12; b++)
			synthetic_add(
			    &s, b, 0,
			    &(struct synthetic_block){.effect = {0, -0.1}, .noise = 0.001});
		assert_int_equal(judge(&j, &s, NULL), 0);
		for (int m = 0; m < 2; m++) {
			const struct verdict *v = find(&j, names[m], 1);

			assert_true(v->regression); // also what the budget wasn't for
			assert_true(fabs(v->p_gate * 4096 - cases[i].family) < 1e-9);
		}
		finish(&j, &s);
	}
}

static void analyses_are_paid_for(void **state)
{
	static const struct {
		const char *ended; // or NULL: it goes on
		unsigned blocks;
		bool judged;
		const char *reason;
	} cases[] = {
	    {NULL, 18, true, ""},
	    {NULL, 17, false, "between two interim analyses"},
	    {"budget", 17, true, ""},
	    {"decided", 18, true, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *run = synthetic_run(2, 500);
		struct synthetic s;
		struct judged j;

		json_object_set_new(run, "budget", json_real(300));
		json_object_set_new(run, "looks", json_pack("[i,i,i,i]", 8, 12, 18, 60));
		if (cases[i].ended)
			json_object_set_new(run, "ended", json_pack("{ss}", "tcp", cases[i].ended));
		synthetic_begin_with(&s, run);
		for (unsigned b = 0; b < cases[i].blocks; b++)
			synthetic_add(
			    &s, b, 0,
			    &(struct synthetic_block){.effect = {0, -0.1}, .noise = 0.01});
		assert_int_equal(judge(&j, &s, "goodput_gbps"), 0);
		const struct verdict *v = find(&j, "goodput_gbps", 1);
		assert_word(v, cases[i].judged ? VERDICT_WORSE : VERDICT_UNDECIDED);
		assert_reason(v, cases[i].reason);
		assert_true(v->series->error < 0.05);
		finish(&j, &s);
	}
}

// Extended after 8 blocks: the test of those spent 10/256, and the later end has no more than half
// of what was left of the 5 %, and what it shares with the first.
static void an_extended_run_pays_for_its_ends(void **state)
{
	static const struct {
		const char *ended;
		unsigned blocks;
		bool tied, judged;
		const char *reason;
	} cases[] = {
	    {"blocks", 16, false, true, ""},
	    {"budget", 13, false, true, ""},
	    {NULL, 13, false, false, "between two interim analyses"},
	    {"blocks", 16, true, false, "earlier ends have spent the error"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *run = synthetic_run(2, 8);
		struct synthetic s;
		struct judged j;

		json_object_set_new(run, "extended",
		                    json_pack("[{ss s{si} si}]", "created", "2020-01-02T00:00:00Z",
		                              "ended", "tcp", 8, "blocks", 16));
		if (cases[i].ended)
			json_object_set_new(run, "ended", json_pack("{ss}", "tcp", cases[i].ended));
		synthetic_begin_with(&s, run);
		for (unsigned b = 0; b < cases[i].blocks; b++)
			synthetic_add(&s, b, 0,
			              &(struct synthetic_block){.effect = {0, -0.1},
			                                        .noise = cases[i].tied ? 0 : 0.01});
		assert_int_equal(judge(&j, &s, "goodput_gbps"), 0);
		const struct verdict *v = find(&j, "goodput_gbps", 1);
		assert_word(v, cases[i].judged ? VERDICT_WORSE : VERDICT_UNDECIDED);
		assert_int_equal(v->regression, cases[i].judged);
		if (*cases[i].reason)
			assert_reason(v, cases[i].reason);
		assert_int_equal(v->series->error > 0, cases[i].ended != NULL);
		assert_true(v->series->error < 0.02);
		finish(&j, &s);
	}
}

static void refusals(void **state)
{
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 2, 8);
	assert_int_equal(judge(&j, &s, NULL), -EINVAL);
	assert_string_equal(text_string(&j.fault), "holds no trials");
	finish(&j, &s);

	synthetic_begin(&s, 1, 8);
	synthetic_add(&s, 0, 0, &(struct synthetic_block){.noise = 0});
	assert_int_equal(judge(&j, &s, NULL), -EINVAL);
	assert_non_null(strstr(text_string(&j.fault), "one tunnel only"));
	finish(&j, &s);

	synthetic_fill(&s, 6, 0, 0);
	assert_int_equal(judge(&j, &s, "speed"), -EINVAL);
	assert_string_equal(text_string(&j.fault),
	                    "no metric 'speed': one of goodput_gbps cpu_s_per_gbit retransmits");
	finish(&j, &s);

	synthetic_begin(&s, 2, 8);
	synthetic_add(&s, 0, 0, &(struct synthetic_block){.status = {TRIAL_FAILED, TRIAL_FAILED}});
	assert_int_equal(judge(&j, &s, NULL), -EINVAL);
	assert_string_equal(text_string(&j.fault),
	                    "none of 4 trials measured anything: iperf3 said no");
	finish(&j, &s);
}

// Eight blocks whose effects alternate between none and `other`.
static void excludes(double other, bool excluded)
{
	struct synthetic s;
	struct judged j;

	alternate(&s, 8, log1p(other) / 2, log1p(other) / 2);
	assert_int_equal(judge(&j, &s, NULL), 0);
	for (size_t i = 0; i < j.verdicts.n; i++) {
		assert_word(&j.verdicts.verdict[i], VERDICT_UNDECIDED);
		assert_int_equal(j.verdicts.verdict[i].regression_excluded, excluded);
	}
	finish(&j, &s);
}

// Whether it is better is open in both; the interval ends at none.
static void a_regression_is_excluded_by_one_side(void **state)
{
	(void)state;
	excludes(0.08, true);
	excludes(-0.08, false);
}

static void a_failed_block_excludes_nothing(void **state)
{
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_begin(&s, 2, 9);
	for (unsigned i = 0; i < 9; i++)
		synthetic_add(
		    &s, i, 0,
		    &(struct synthetic_block){
		        .noise = 0.0001, .status = {TRIAL_OK, i < 8 ? TRIAL_OK : TRIAL_FAILED}});
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_false(find(&j, "goodput_gbps", 1)->regression_excluded);
	finish(&j, &s);
}

// The better side takes no part, so there is less to wait for.
static void a_regression_is_excluded_by_fewer_blocks(void **state)
{
	const struct verdict *v;
	struct synthetic s;
	struct judged j;

	(void)state;
	alternate(&s, 8, 0.015, 0.03);
	assert_int_equal(judge(&j, &s, NULL), 0);
	v = find(&j, "goodput_gbps", 1);
	assert_true(v->regression_excluded);
	assert_int_equal(v->blocks_to_exclude, 0);
	finish(&j, &s);

	alternate(&s, 8, 0, 0.042);
	assert_int_equal(judge(&j, &s, NULL), 0);
	v = find(&j, "goodput_gbps", 1);
	assert_false(v->regression_excluded);
	assert_true(v->blocks_to_exclude > 0 && v->blocks_to_decide > v->blocks_to_exclude);
	finish(&j, &s);
}

// What is worse by the threshold itself passes no more often than the test allows.
static void a_tunnel_worse_by_the_threshold_seldom_passes(void **state)
{
	enum { RUNS = 100 };
	unsigned passed = 0;

	(void)state;
	for (int i = 0; i < RUNS; i++) {
		struct synthetic s;
		struct judged j;

		synthetic_fill(&s, 6, log(0.98), 0.02);
		assert_int_equal(judge(&j, &s, "goodput_gbps"), 0);
		passed += find(&j, "goodput_gbps", 1)->regression_excluded;
		finish(&j, &s);
	}
	assert_true(passed <= 12); // of 100 at 1.6 %: more has a chance of 1e-8
}

// Of three tunnels with the same loss, the control's counts neither as a comparison nor as a
// regression.
static void a_control_is_no_comparison(void **state)
{
	json_t *run = synthetic_run(3, 8);
	struct synthetic s;
	struct judged j;

	(void)state;
	json_object_set_new(json_array_get(json_object_get(run, "tunnels"), 2), "control",
	                    json_true());
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0,
		              &(struct synthetic_block){.effect = {0, log(0.9), log(0.9)}});
	assert_int_equal(judge(&j, &s, NULL), 0);
	assert_true(find(&j, "goodput_gbps", 1)->regression);
	// Two comparisons, not four.
	assert_true(fabs(find(&j, "goodput_gbps", 1)->p_gate - 2.0 / 256) < 1e-12);
	assert_true(find(&j, "goodput_gbps", 2)->control);
	assert_word(find(&j, "goodput_gbps", 2), VERDICT_WORSE);
	assert_false(find(&j, "goodput_gbps", 2)->regression);
	finish(&j, &s);
}

static void what_is_shown_agrees_with_the_effect(void **state)
{
	const struct verdict *v;
	struct synthetic s;
	struct judged j;

	(void)state;
	synthetic_fill(&s, 9, log(1.1), 0.2);
	assert_int_equal(judge(&j, &s, NULL), 0);
	v = find(&j, "goodput_gbps", 1);
	assert_true(fabs(v->candidate_value / v->baseline_median - 1 - v->clean.effect / 100) <
	            1e-12);
	finish(&j, &s);
}

// Equal tunnels at the noise of a good machine: no more 'worse' or 'better' than the test allows,
// and that is without the floor's help.
static void equal_tunnels_are_seldom_different(void **state)
{
	enum { RUNS = 60 };
	unsigned different = 0;

	(void)state;
	for (int i = 0; i < RUNS; i++) {
		const struct verdict *v;
		struct synthetic s;
		struct judged j;

		synthetic_fill(&s, 6, 0, 0.02);
		assert_int_equal(judge(&j, &s, "goodput_gbps"), 0);
		v = find(&j, "goodput_gbps", 1);
		different += v->word == VERDICT_WORSE || v->word == VERDICT_BETTER;
		finish(&j, &s);
	}
	assert_true(different <= 10); // of 60 at 3 %: more has a chance of 1e-6
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_respect_the_direction),
	    cmocka_unit_test(exact_values_of_a_run_without_noise),
	    cmocka_unit_test(drift_within_blocks_cancels),
	    cmocka_unit_test(noise_is_undecided_and_says_how_many_more),
	    cmocka_unit_test(an_effect_at_the_threshold_is_not_worse),
	    cmocka_unit_test(beyond_the_gate_counts_only_with_the_whole_interval),
	    cmocka_unit_test(never_from_fewer_than_six_blocks),
	    cmocka_unit_test(repeated_blocks_count_by_their_last_whole_attempt),
	    cmocka_unit_test(contaminated_blocks_are_shown_apart),
	    cmocka_unit_test(all_contaminated_is_no_verdict),
	    cmocka_unit_test(a_failed_block_is_never_passed),
	    cmocka_unit_test(a_missing_side_is_never_passed),
	    cmocka_unit_test(stalled_trials_are_failed_ones),
	    cmocka_unit_test(limited_generators_are_left_out),
	    cmocka_unit_test(every_candidate_against_the_first),
	    cmocka_unit_test(a_gate_over_many_metrics_wants_more),
	    cmocka_unit_test(what_the_budget_was_for_is_a_question_of_its_own),
	    cmocka_unit_test(analyses_are_paid_for),
	    cmocka_unit_test(an_extended_run_pays_for_its_ends),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(a_regression_is_excluded_by_one_side),
	    cmocka_unit_test(a_failed_block_excludes_nothing),
	    cmocka_unit_test(a_regression_is_excluded_by_fewer_blocks),
	    cmocka_unit_test(a_tunnel_worse_by_the_threshold_seldom_passes),
	    cmocka_unit_test(a_control_is_no_comparison),
	    cmocka_unit_test(what_is_shown_agrees_with_the_effect),
	    cmocka_unit_test(equal_tunnels_are_seldom_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
