#include "harness/judge/goal_judge.h"
#include "harness/stats/basic.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *goal_word_name(const struct goal *g, enum goal_word word)
{
	static const char *const names[] = {
	    [GOAL_REACHED] = "reached",
	    [GOAL_REACHED_BARELY] = "reached, interval reaches below",
	    [GOAL_NOT_REACHED] = "not reached",
	    [GOAL_UNDECIDED] = "undecided",
	};

	if (word == GOAL_REACHED_BARELY && !g->at_least)
		return "reached, interval reaches above";
	return names[word];
}

static double ratio_of(double percent)
{
	return 1 + percent / 100;
}

static bool reaches(const struct goal *g, double ratio)
{
	return g->at_least ? !stats_above(g->ratio, ratio) : !stats_above(ratio, g->ratio);
}

static void decide(struct goal_result *r, const struct goal *g)
{
	double worst = g->at_least ? r->low : r->high, best = g->at_least ? r->high : r->low;

	if (reaches(g, worst))
		r->word = GOAL_REACHED;
	else if (reaches(g, r->ratio))
		r->word = GOAL_REACHED_BARELY;
	else
		r->word = GOAL_NOT_REACHED;
	if (r->word == GOAL_NOT_REACHED && !*r->reason && reaches(g, best))
		snprintf(r->reason, sizeof(r->reason), "the interval holds the goal");
}

void goal_judge(struct goal_result *r, const struct goal *g, const struct series_set *set,
                unsigned candidate, unsigned baseline)
{
	const struct series *s = NULL;
	struct verdict v;

	*r = (struct goal_result){.unit = "",
	                          .candidate_median = NAN,
	                          .baseline_median = NAN,
	                          .ratio = NAN,
	                          .low = -INFINITY,
	                          .high = INFINITY,
	                          .word = GOAL_UNDECIDED,
	                          .reason = "not measured"};
	for (size_t i = 0; i < set->n && !s; i++)
		if (!strcmp(set->series[i].workload, g->workload) &&
		    !strcmp(set->series[i].metric, g->metric))
			s = &set->series[i];
	if (!s)
		return;
	verdict_measure(&v, s, candidate, baseline);
	r->unit = s->unit;
	r->candidate_median = v.candidate_median;
	r->baseline_median = v.baseline_median;
	r->blocks = v.clean.blocks;
	r->ratio = ratio_of(v.clean.effect);
	snprintf(r->reason, sizeof(r->reason), "%s", v.reason);
	if (!isfinite(v.clean.low))
		return;
	r->low = ratio_of(v.clean.low);
	r->high = ratio_of(v.clean.high);
	if (!v.failed)
		decide(r, g);
}
