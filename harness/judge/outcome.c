#include "harness/plan/interim_plan.h"
#include "harness/judge/outcome.h"
#include "base/memory.h"
#include "base/quote.h"
#include "base/text.h"

#include "harness/record/environment_compare.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double default_gate_percent = RUN_GATE_DEFAULT;

// A sentence more.
static void add_remark(struct outcome *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_remark(struct outcome *o, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = text_format_list(format, arguments);
	va_end(arguments);
	text_add(&o->remark, "%s%s.", o->remark.length ? " " : "", text);
	free(text);
}

// Why a run with a budget has as many blocks of a workload as it has.
static void remark_ends(struct outcome *o)
{
	static const char *const why[] = {
	    [END_DECIDED] = "then it was decided",
	    [END_BUDGET] = "then the budget was spent",
	    [END_BLOCKS] = "as many as were asked for",
	    [END_FAILED] = "then one failed at every attempt",
	};
	const char *workload = NULL;

	for (size_t i = 0; i < o->series.n && o->store->run.budget_s > 0; i++) {
		const struct series *s = &o->series.series[i];
		enum end_reason end = run_end_of(&o->store->run, s->workload);

		if (end == END_NONE || (workload && !strcmp(workload, s->workload)))
			continue;
		workload = s->workload;
		add_remark(o, "%s: %zu block%s, %s", workload, s->blocks, text_plural(s->blocks),
		           why[end]);
	}
}

static void remark_extensions(struct outcome *o)
{
	const char *workload = NULL;

	for (size_t i = 0; i < o->series.n; i++) {
		const struct series *s = &o->series.series[i];

		if (!s->ends || (workload && !strcmp(workload, s->workload)))
			continue;
		workload = s->workload;
		add_remark(
		    o,
		    "%s: extended after %zu block%s, whose verdict had its share of the %g %% "
		    "of error; this one's is %.2g %%",
		    workload, s->end[s->ends - 1], text_plural(s->end[s->ends - 1]),
		    100 * INTERIM_ERROR, 100 * s->error);
	}
}

static bool has_series(const struct outcome *o, const char *workload)
{
	for (size_t i = 0; i < o->series.n; i++)
		if (!strcmp(o->series.series[i].workload, workload))
			return true;
	return false;
}

// Compares what was planned with what there is.
static void look_for_gaps(struct outcome *o)
{
	const struct run *run = &o->store->run;
	size_t fewest = SIZE_MAX;

	o->missing = o->series.unmeasured;
	for (size_t i = 0; i < run->workloads && !o->missing; i++)
		if (!has_series(o, run->workload[i]))
			o->missing = run->workload[i];
	for (size_t s = 0; s < o->series.n; s++)
		if (o->series.series[s].blocks < fewest &&
		    run_end_of(run, o->series.series[s].workload) == END_NONE)
			fewest = o->series.series[s].blocks;
	if (o->missing)
		add_remark(o, "Workload %s was planned but has no result", o->missing);
	if (store_lost(o->store))
		add_remark(o,
		           "Cut: %zu trials that run.json speaks of aren't there; wgbench run "
		           "--resume %s measures them again",
		           store_lost(o->store), o->store->dir);
	o->unfinished = fewest < run_blocks(run) || store_lost(o->store);
	if (fewest < run_blocks(run) && run->budget_s > 0)
		add_remark(
		    o,
		    "Unfinished: neither decided nor out of its budget; wgbench run --resume "
		    "%s goes on",
		    o->store->dir);
	else if (fewest < run_blocks(run))
		add_remark(
		    o, "Unfinished: %zu of %u blocks are whole; wgbench run --resume %s goes on",
		    fewest, run_blocks(run), o->store->dir);
	remark_ends(o);
	remark_extensions(o);
}

// A run that went on elsewhere: each block is of one place, but their medians aren't.
static void look_for_moves(struct outcome *o)
{
	char what[800];

	for (size_t i = 0; i < o->store->run.times_resumed; i++) {
		const struct run_resumed *r = &o->store->run.resumed[i];

		if (!json_array_size(r->differences))
			continue;
		add_remark(o, "Trials from number %zu on were measured in another environment: %s",
		           1 + r->trials,
		           environment_differences_line(r->differences, what, sizeof(what)));
	}
}

// What is judged is half of each tunnel.
static void remark_peer(struct outcome *o)
{
	const char *spec = o->store->run.peer.spec;

	if (spec)
		add_remark(o,
		           "The other end of every tunnel is %s: CPU cost and context switches are "
		           "of the judged end alone",
		           spec);
}

static int find_tunnel(const struct outcome *o, const char *spec, unsigned *tunnel)
{
	for (*tunnel = 0; *tunnel < o->store->run.tunnels; ++*tunnel)
		if (!strcmp(o->store->run.tunnel[*tunnel].spec, spec))
			return 0;
	return -EINVAL;
}

static int find_baseline(const struct outcome *o, const char *spec, unsigned *baseline,
                         struct text *fault)
{
	*baseline = 0;
	if (!spec || !find_tunnel(o, spec, baseline))
		return 0;
	text_set(fault, "no tunnel '%s': one of", spec);
	for (size_t i = 0; i < o->store->run.tunnels; i++)
		text_add(fault, " %s", o->store->run.tunnel[i].spec);
	return -EINVAL;
}

static int judge_goals(struct outcome *o, struct text *fault)
{
	const struct run *run = &o->store->run;

	o->goal = memory_new(run->goals, sizeof(*o->goal));
	for (size_t i = 0; i < run->goals; i++) {
		struct outcome_goal *g = &o->goal[o->goals++];

		g->goal = run->goal[i];
		if (find_tunnel(o, g->goal.candidate, &g->candidate) ||
		    find_tunnel(o, g->goal.baseline, &g->baseline)) {
			text_set(fault, "run.json: goal %zu can't be read", i);
			return -EINVAL;
		}
		goal_judge(&g->result, &g->goal, &o->series, g->candidate, g->baseline);
	}
	return 0;
}

static double choose_gate(const struct outcome *o, const struct outcome_how *how)
{
	if (how->gate_percent > 0)
		return how->gate_percent;
	return o->store->run.gate_percent > 0 ? o->store->run.gate_percent : default_gate_percent;
}

// Of each tunnel but the baseline, or what the run names; at most RUN_COMPARISONS_MAX.
static size_t choose_pairs(const struct outcome *o, const struct outcome_how *how,
                           unsigned baseline, struct verdict_pair *pair)
{
	const struct run *run = &o->store->run;
	size_t n = 0;

	if (!how->baseline)
		for (size_t i = 0; i < run->comparisons; i++)
			pair[n++] = (struct verdict_pair){run->comparison[i].candidate,
			                                  run->comparison[i].baseline, false};
	for (unsigned t = 0; t < run->tunnels; t++)
		if (run->tunnel[t].control ? baseline == 0
		                           : t != baseline && (how->baseline || !run->comparisons))
			pair[n++] = (struct verdict_pair){t, baseline, run->tunnel[t].control};
	return n;
}

static int judge(struct outcome *o, const struct outcome_how *how, struct text *fault)
{
	struct verdict_pair pair[RUN_COMPARISONS_MAX + RUN_TUNNELS_MAX];
	unsigned baseline;
	int ret = find_baseline(o, how->baseline, &baseline, fault);

	if (!ret)
		ret = series_gather(&o->series, o->store, fault);
	if (!ret && !(how->alone && o->store->run.tunnels == 1))
		ret = verdict_judge(&o->verdicts, &o->series, pair,
		                    choose_pairs(o, how, baseline, pair), choose_gate(o, how),
		                    how->metric, fault);
	return ret ? ret : judge_goals(o, fault);
}

// A difference that isn't there: what the run says of others is no surer.
static void look_for_bias(struct outcome *o)
{
	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];

		if (!v->control || (v->word != VERDICT_BETTER && v->word != VERDICT_WORSE))
			continue;
		o->biased = true;
		add_remark(
		    o,
		    "Biased: in %s of %s the control, %.80s once more, differs from itself by "
		    "%+.1f %%, beyond the threshold, so nothing here is a pass",
		    v->series->metric, v->series->workload, o->store->run.tunnel[v->baseline].spec,
		    v->clean.effect);
	}
}

int outcome_judge(struct outcome *o, const struct store *st, const struct outcome_how *how)
{
	struct text fault = {0};
	int ret;

	*o = (struct outcome){.store = st};
	ret = judge(o, how, &fault);
	if (ret)
		quote_printf(stderr, "wgbench: %s: %s\n", st->dir, text_string(&fault));
	text_free(&fault);
	if (ret) {
		outcome_free(o);
		return ret;
	}
	look_for_gaps(o);
	look_for_moves(o);
	remark_peer(o);
	look_for_bias(o);
	return 0;
}

int outcome_load(struct outcome *o, const char *dir, const struct outcome_how *how)
{
	struct store st;
	int ret = store_open(&st, dir, false);

	if (ret)
		return ret;
	ret = outcome_judge(o, &st, how);
	if (ret) {
		store_close(&st);
		return ret;
	}
	o->own = st;
	o->store = &o->own;
	return 0;
}

enum outcome_answer outcome_answer(const struct outcome *o)
{
	enum outcome_answer answer =
	    o->missing || o->unfinished || o->biased ? OUTCOME_UNDECIDED : OUTCOME_NO_REGRESSION;

	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];

		if (v->control)
			continue;
		if (v->regression)
			return OUTCOME_REGRESSION;
		if (v->word == VERDICT_WORSE || (v->series->decides && !v->regression_excluded))
			answer = OUTCOME_UNDECIDED;
	}
	return answer;
}

char outcome_letter(unsigned tunnel)
{
	return 'A' + tunnel;
}

void outcome_free(struct outcome *o)
{
	free(o->goal);
	text_free(&o->remark);
	verdict_free(&o->verdicts);
	series_free(&o->series);
	if (o->store == &o->own)
		store_close(&o->own);
}
