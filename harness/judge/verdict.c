#include "harness/judge/verdict.h"
#include "base/memory.h"
#include "base/text.h"
#include "harness/plan/interim_plan.h"
#include "harness/stats/multiple.h"
#include "harness/stats/power.h"
#include "harness/stats/signed_rank.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Fewer show no spread.
enum { SPREAD_BLOCKS = 4 };

// The chance at which a run is called long enough to decide.
#define LIKELY 0.8

const char *const verdict_names[] = {
    [VERDICT_WORSE] = "worse",
    [VERDICT_SAME] = "same",
    [VERDICT_BETTER] = "better",
    [VERDICT_UNDECIDED] = "undecided",
};

double verdict_block_effect(const struct series_block *b, unsigned candidate, unsigned baseline)
{
	return b->tunnel[candidate].mean_log - b->tunnel[baseline].mean_log;
}

static double percent(double log_ratio)
{
	return stats_same(log_ratio, 0) ? 0 : 100 * expm1(log_ratio);
}

static double log_ratio_of(double percent)
{
	return log1p(percent / 100);
}

// The interval agrees with the test at each value that a verdict compares it with. Gate 0: at zero
// only.
static struct verdict_effect estimate(const double *ratio, size_t n, double error, double gate)
{
	struct stats_interval interval = stats_walsh_interval(ratio, n, 1 - error);

	if (gate > 0) {
		stats_signed_rank_settle(&interval, ratio, n, 1 - error, log_ratio_of(gate));
		stats_signed_rank_settle(&interval, ratio, n, 1 - error, log_ratio_of(-gate));
	}
	stats_signed_rank_settle(&interval, ratio, n, 1 - error, 0);
	return (struct verdict_effect){
	    .blocks = n,
	    .effect = percent(
	        n ? fmin(fmax(stats_hodges_lehmann(ratio, n), interval.low), interval.high) : NAN),
	    .low = interval.coverage > 0 ? percent(interval.low) : -INFINITY,
	    .high = interval.coverage > 0 ? percent(interval.high) : INFINITY,
	    .p = stats_signed_rank_p(ratio, n, 0),
	};
}

static enum verdict_word decide(const struct verdict_effect *e, double gate, bool higher_is_better)
{
	if (stats_above(e->low, gate))
		return higher_is_better ? VERDICT_BETTER : VERDICT_WORSE;
	if (stats_above(-gate, e->high))
		return higher_is_better ? VERDICT_WORSE : VERDICT_BETTER;
	if (!stats_above(-gate, e->low) && !stats_above(e->high, gate))
		return VERDICT_SAME;
	return VERDICT_UNDECIDED;
}

// Non-inferiority: nothing in the interval is worse than the threshold. A run passes only if that
// holds for every judged metric, each tested at its full level: that a run passes although one of
// them is worse by the threshold or more is as rare as it is for that one (an intersection-union
// test; Berger, 1982), so no correction for their number is due.
static bool excludes_worse(const struct verdict_effect *e, double gate, bool higher_is_better)
{
	return higher_is_better ? !stats_above(-gate, e->low) : !stats_above(e->high, gate);
}

// What the interval is made with; also where it isn't the time to judge, it can be shown.
static double shown_error(const struct series *s)
{
	return s->error > 0 ? s->error : INTERIM_ERROR;
}

// How many more blocks would decide with that chance, or allow a verdict at all where there are too
// few to tell; 0: none would, or hardly.
static size_t blocks_more(const double *ratio, size_t n, struct stats_aim aim, double chance)
{
	size_t fewest = stats_signed_rank_blocks(1 - aim.level);

	if (n < SPREAD_BLOCKS)
		return fewest > n ? fewest - n : 0;
	aim.chance = chance;
	size_t all = stats_blocks_to_decide(ratio, n, &aim, STATS_BLOCKS_MAX);
	return all ? all - n : 0;
}

static void explain_noise(struct verdict *v, size_t even, size_t likely)
{
	int length;

	if (!even) {
		snprintf(v->reason, sizeof(v->reason),
		         "too noisy or too close to the threshold: %d blocks would hardly decide",
		         STATS_BLOCKS_MAX);
		return;
	}
	length = snprintf(v->reason, sizeof(v->reason), "about %zu more block%s would decide", even,
	                  text_plural(even));
	if (likely > even)
		snprintf(v->reason + length, sizeof(v->reason) - length,
		         " at an even chance, %zu at 80 %%", likely);
	else if (!likely)
		snprintf(v->reason + length, sizeof(v->reason) - length, " at an even chance");
}

// What the run, extended, would tell: the word, and whether a regression is shown or excluded, for
// which the better side has no end.
static void estimate_more(struct verdict *v, const double *ratio, size_t n, double gate)
{
	struct stats_aim aim = {.low = log_ratio_of(-gate),
	                        .high = log_ratio_of(gate),
	                        .level = 1 - v->series->error_later};

	if (!(v->series->error_later > 0)) {
		if (v->word == VERDICT_UNDECIDED && !*v->reason)
			snprintf(v->reason, sizeof(v->reason),
			         "no error is left for more blocks: begin a new, longer run");
		return;
	}
	if (v->word == VERDICT_UNDECIDED) {
		v->blocks_to_decide = blocks_more(ratio, n, aim, LIKELY);
		if (!*v->reason)
			explain_noise(v, blocks_more(ratio, n, aim, 0.5), v->blocks_to_decide);
	}
	if (v->word == VERDICT_WORSE || v->regression_excluded)
		return;
	*(v->series->higher_is_better ? &aim.high : &aim.low) =
	    v->series->higher_is_better ? INFINITY : -INFINITY;
	v->blocks_to_exclude = blocks_more(ratio, n, aim, LIKELY);
}

// Why fewer blocks count than there are.
static void explain_losses(struct verdict *v, const char *why_failed, const char *why_limited)
{
	size_t needed = stats_signed_rank_blocks(shown_error(v->series));

	if (v->failed)
		snprintf(v->reason, sizeof(v->reason), "%zu block%s failed: %.120s", v->failed,
		         text_plural(v->failed), why_failed);
	else if (v->limited)
		snprintf(v->reason, sizeof(v->reason), "%zu block%s left out: %.120s", v->limited,
		         text_plural(v->limited), why_limited);
	else if (v->clean.blocks < needed)
		snprintf(v->reason, sizeof(v->reason), "%zu clean block%s: at least %zu are needed",
		         v->clean.blocks, text_plural(v->clean.blocks), needed);
	else if (v->series->error == 0 && (!v->series->ends || v->series->goes_on))
		snprintf(
		    v->reason, sizeof(v->reason),
		    "between two interim analyses of a run that goes on: not to be judged now");
}

// The ratio counts only where both sides have a value.
static const struct series_value *worse_side(const struct series_block *b, unsigned candidate,
                                             unsigned baseline)
{
	return b->tunnel[candidate].state > b->tunnel[baseline].state ? &b->tunnel[candidate]
	                                                              : &b->tunnel[baseline];
}

// Leaves the clean blocks' ratios in `clean`, as many as v->clean.blocks says.
static void measure(struct verdict *v, const struct series *s, unsigned candidate,
                    unsigned baseline, double gate, double clean[STATS_BLOCKS_MAX])
{
	double all[STATS_BLOCKS_MAX];
	const char *why_failed = "", *why_limited = "";
	size_t n = 0, with = 0;

	*v = (struct verdict){.series = s, .candidate = candidate, .baseline = baseline};
	for (size_t i = 0; i < s->blocks; i++) {
		const struct series_block *b = &s->block[i];
		const struct series_value *side = worse_side(b, candidate, baseline);
		double ratio = verdict_block_effect(b, candidate, baseline);

		if (side->state == SERIES_LIMITED) {
			v->limited++;
			why_limited = side->reason;
		} else if (side->state == SERIES_FAILED || isnan(ratio)) {
			v->failed++;
			why_failed = side->reason ? side->reason : "a value of zero has no ratio";
		} else {
			all[with++] = ratio;
			v->contaminated += b->contaminated;
			if (!b->contaminated)
				clean[n++] = ratio;
		}
	}
	v->clean = estimate(clean, n, shown_error(s), gate);
	v->all = estimate(all, with, shown_error(s), gate);
	v->baseline_median = series_median(s, baseline, !n);
	v->candidate_median = series_median(s, candidate, !n);
	v->candidate_value = v->baseline_median * (1 + (n ? v->clean : v->all).effect / 100);
	explain_losses(v, why_failed, why_limited);
}

void verdict_measure(struct verdict *v, const struct series *s, unsigned candidate,
                     unsigned baseline)
{
	double clean[STATS_BLOCKS_MAX];

	measure(v, s, candidate, baseline, 0, clean);
	v->word = VERDICT_UNDECIDED;
}

// One-sided: how likely blocks speak so clearly for *worse* if the effect is at the threshold.
static double p_at_floor(const double *ratio, size_t n, double gate, bool higher_is_better)
{
	double floor = log_ratio_of(higher_is_better ? -gate : gate);
	struct stats_tails tails = stats_signed_rank_tails(ratio, n, floor);
	double p = fmin(0.5, fmin(tails.below, tails.above));

	return (tails.below < tails.above) == higher_is_better ? p : 1 - p;
}

// An extended run's earlier tests could attain other levels than those that were counted, where
// values tie or blocks of this pair are missing: then nothing is left for a further test.
static bool is_spent(const struct verdict *v, const double *ratio)
{
	if (!v->series->ends)
		return false;
	for (size_t i = 0; i < v->clean.blocks; i++)
		for (size_t j = 0; j < i; j++)
			if (stats_same(ratio[i], ratio[j]))
				return true;
	return v->limited || v->failed;
}

static void judge(struct verdict *v, const struct series *s, const struct verdict_pair *pair,
                  double gate)
{
	double clean[STATS_BLOCKS_MAX];

	measure(v, s, pair->candidate, pair->baseline, gate, clean);
	v->control = pair->control;
	v->word = decide(&v->clean, gate, s->higher_is_better);
	bool open = s->error == 0 || is_spent(v, clean);
	// A tunnel that failed is never passed.
	if ((v->failed && v->word != VERDICT_WORSE) || open)
		v->word = VERDICT_UNDECIDED;
	if (open && s->ends && !*v->reason)
		snprintf(v->reason, sizeof(v->reason),
		         "its earlier ends have spent the error that a further test needs: begin a "
		         "new run");
	v->regression_excluded =
	    !v->failed && !open && excludes_worse(&v->clean, gate, s->higher_is_better);
	v->p_gate = p_at_floor(clean, v->clean.blocks, gate, s->higher_is_better);
	estimate_more(v, clean, v->clean.blocks, gate);
}

// Holm (1979) among the comparisons of one family: that any of them is called worse by chance is
// as rare as for one alone. Looks have different shares of the error, so a p value counts by how
// far it is below its own share.
static void correct_family(struct verdict_set *set, bool decides)
{
	double *p = memory_new(set->n, sizeof(*p));
	size_t n = 0, k = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct verdict *v = &set->verdict[i];

		if (v->series->decides == decides && !v->control)
			p[n++] = fmin(1, v->p_gate * INTERIM_ERROR / shown_error(v->series));
	}
	stats_adjust_holm(p, n, p);
	for (size_t i = 0; i < set->n; i++) {
		struct verdict *v = &set->verdict[i];

		if (v->series->decides != decides || v->control)
			continue;
		v->p_gate = p[k++];
		v->regression =
		    v->word == VERDICT_WORSE && stats_within(v->p_gate, INTERIM_ERROR / 2);
		if (v->word == VERDICT_WORSE && !v->regression && !*v->reason)
			snprintf(v->reason, sizeof(v->reason),
			         "by itself; not as one of %zu comparisons (Holm's p %.2g, limit "
			         "%g)",
			         n, v->p_gate, INTERIM_ERROR / 2);
	}
	free(p);
}

// A run asks of every metric at once whether it has become worse. What its budget was for is a
// question of its own, whose answer the other metrics don't blur; they are one more. For the
// reader's eye, over all of them, Benjamini and Hochberg (1995).
static void correct(struct verdict_set *set)
{
	double *p = memory_new(set->n, sizeof(*p));
	size_t n = 0, k = 0;

	correct_family(set, true);
	correct_family(set, false);
	for (size_t i = 0; i < set->n; i++)
		if (!set->verdict[i].control)
			p[n++] = set->verdict[i].clean.blocks ? set->verdict[i].clean.p : 1;
	stats_adjust_false_discovery(p, n, p);
	for (size_t i = 0; i < set->n; i++)
		set->verdict[i].q = set->verdict[i].control ? NAN : p[k++];
	free(p);
}

static void list_metrics(struct text *to, const struct series_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		bool listed = false;

		for (size_t j = 0; j < i; j++)
			listed |= !strcmp(set->series[i].metric, set->series[j].metric);
		if (!listed)
			text_add(to, " %s", set->series[i].metric);
	}
}

int verdict_judge(struct verdict_set *out, const struct series_set *set,
                  const struct verdict_pair *pair, size_t pairs, double gate_percent,
                  const char *metric, struct text *fault)
{
	*out = (struct verdict_set){.gate_percent = gate_percent};
	if (!pairs) {
		text_set(fault, "holds one tunnel only: nothing to compare it with");
		return -EINVAL;
	}
	out->verdict = memory_new(set->n * pairs, sizeof(*out->verdict));
	for (size_t i = 0; i < set->n; i++) {
		const struct series *s = &set->series[i];

		if (metric ? strcmp(metric, s->metric) : !s->judged)
			continue;
		for (size_t p = 0; p < pairs; p++)
			judge(&out->verdict[out->n++], s, &pair[p], gate_percent);
	}
	correct(out);
	if (out->n)
		return 0;
	if (metric)
		text_set(fault, "no metric '%s': one of", metric);
	else
		text_set(fault, "no metric to judge among");
	list_metrics(fault, set);
	verdict_free(out);
	return -EINVAL;
}

void verdict_free(struct verdict_set *set)
{
	free(set->verdict);
	set->verdict = NULL;
	set->n = 0;
}
