#include "harness/judge/outcome.h"
#include "base/quote.h"

#include "harness/record/environment_compare.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double default_gate_percent = RUN_GATE_DEFAULT;

static void add_remark(struct outcome *o, const char *text)
{
	size_t length = strlen(o->remark);

	snprintf(o->remark + length, sizeof(o->remark) - length, "%s%s.", length ? " " : "", text);
}

// Why a run with a budget has as many blocks of a workload as it has.
static void remark_ends(struct outcome *o, json_t *ended)
{
	const char *workload = NULL;
	char line[256];

	for (size_t i = 0; i < o->series.n && json_object_get(o->store.run, "budget"); i++) {
		const struct series *s = &o->series.series[i];
		const char *why = json_string_value(json_object_get(ended, s->workload));

		if (!why || (workload && !strcmp(workload, s->workload)))
			continue;
		workload = s->workload;
		snprintf(line, sizeof(line), "%s: %zu block%s, %s", workload, s->blocks,
		         s->blocks == 1 ? "" : "s",
		         !strcmp(why, "decided")  ? "then it was decided"
		         : !strcmp(why, "budget") ? "then the budget was spent"
		         : !strcmp(why, "failed") ? "then one failed at every attempt"
		                                  : "as many as were asked for");
		add_remark(o, line);
	}
}

// Compares what was planned with what there is.
static void look_for_gaps(struct outcome *o)
{
	json_t *ended = json_object_get(o->store.run, "ended");
	json_t *planned = json_object_get(o->store.run, "workloads"), *name;
	json_int_t blocks = json_integer_value(json_object_get(o->store.run, "blocks"));
	size_t i, fewest = SIZE_MAX;
	char line[256];

	o->missing = o->series.unmeasured;
	json_array_foreach(planned, i, name)
	{
		bool found = false;

		for (size_t s = 0; s < o->series.n; s++)
			found |= !strcmp(o->series.series[s].workload, json_string_value(name));
		if (!found && !o->missing)
			o->missing = json_string_value(name);
	}
	for (size_t s = 0; s < o->series.n; s++)
		if (o->series.series[s].blocks < fewest &&
		    !json_object_get(ended, o->series.series[s].workload))
			fewest = o->series.series[s].blocks;
	if (o->missing) {
		snprintf(line, sizeof(line), "Workload %s was planned but has no result",
		         o->missing);
		add_remark(o, line);
	}
	if (store_lost(&o->store)) {
		snprintf(line, sizeof(line),
		         "Cut: %zu trials that run.json speaks of aren't there; wgbench run "
		         "--resume %.100s measures them again",
		         store_lost(&o->store), o->store.dir);
		add_remark(o, line);
	}
	o->unfinished = fewest < (size_t)blocks || store_lost(&o->store);
	if (fewest < (size_t)blocks && json_object_get(o->store.run, "budget"))
		snprintf(line, sizeof(line),
		         "Unfinished: neither decided nor out of its budget; wgbench run --resume "
		         "%.100s goes on",
		         o->store.dir);
	else if (fewest < (size_t)blocks)
		snprintf(line, sizeof(line),
		         "Unfinished: %zu of %lld blocks are whole; wgbench run --resume %.100s "
		         "goes on",
		         fewest, (long long)blocks, o->store.dir);
	if (fewest < (size_t)blocks)
		add_remark(o, line);
	remark_ends(o, ended);
}

// A run that went on elsewhere: each block is of one place, but their medians aren't.
static void look_for_moves(struct outcome *o)
{
	const json_t *entry, *differs;
	char line[1024], what[800];
	size_t i;

	json_array_foreach(json_object_get(o->store.run, "resumed"), i, entry)
	{
		differs = json_object_get(entry, "differs");
		if (!json_array_size(differs))
			continue;
		snprintf(line, sizeof(line),
		         "Trials from number %lld on were measured in another environment: %s",
		         1 + (long long)json_integer_value(json_object_get(entry, "trials")),
		         environment_differences_line(differs, what, sizeof(what)));
		add_remark(o, line);
	}
}

static int find_tunnel(const struct outcome *o, const char *spec, unsigned *tunnel)
{
	for (*tunnel = 0; *tunnel < o->store.tunnels; ++*tunnel)
		if (!strcmp(o->store.tunnel[*tunnel].spec, spec))
			return 0;
	return -EINVAL;
}

static int find_baseline(const struct outcome *o, const char *spec, unsigned *baseline, char *fault,
                         size_t bytes)
{
	size_t length;

	*baseline = 0;
	if (!spec || !find_tunnel(o, spec, baseline))
		return 0;
	length = snprintf(fault, bytes, "no tunnel '%.100s': one of", spec);
	for (size_t i = 0; i < o->store.tunnels && length < bytes; i++)
		length += snprintf(fault + length, bytes - length, " %s", o->store.tunnel[i].spec);
	return -EINVAL;
}

static int load_goals(struct outcome *o, char *fault, size_t bytes)
{
	json_t *goals = json_object_get(o->store.run, "goals"), *row;
	size_t i;

	o->goal = calloc(json_array_size(goals) + 1, sizeof(*o->goal));
	if (!o->goal)
		abort();
	json_array_foreach(goals, i, row)
	{
		struct outcome_goal *g = &o->goal[o->goals++];

		if (goal_from_json(&g->goal, row) ||
		    find_tunnel(o, g->goal.candidate, &g->candidate) ||
		    find_tunnel(o, g->goal.baseline, &g->baseline)) {
			snprintf(fault, bytes, "run.json: goal %zu can't be read", i);
			return -EINVAL;
		}
		goal_judge(&g->result, &g->goal, &o->series, g->candidate, g->baseline);
	}
	return 0;
}

int outcome_load(struct outcome *o, const char *dir, const struct outcome_how *how)
{
	double gate_percent = how->gate_percent;
	char fault[1024] = "";
	unsigned baseline;
	int ret;

	memset(o, 0, sizeof(*o));
	ret = store_open(&o->store, dir, false);
	if (ret)
		return ret;
	if (gate_percent == 0)
		gate_percent = json_number_value(json_object_get(o->store.run, "gate_percent"));
	if (gate_percent == 0)
		gate_percent = default_gate_percent;
	ret = find_baseline(o, how->baseline, &baseline, fault, sizeof(fault));
	if (!ret)
		ret = series_gather(&o->series, &o->store, fault, sizeof(fault));
	if (!ret && !(how->alone && o->store.tunnels == 1))
		ret = verdict_judge(&o->verdicts, &o->series, baseline, gate_percent, how->metric,
		                    fault, sizeof(fault));
	if (!ret)
		ret = load_goals(o, fault, sizeof(fault));
	if (ret) {
		quote_printf(stderr, "wgbench: %s: %s\n", dir, fault);
		outcome_free(o);
		return ret;
	}
	look_for_gaps(o);
	look_for_moves(o);
	return 0;
}

enum outcome_answer outcome_answer(const struct outcome *o)
{
	enum outcome_answer answer =
	    o->missing || o->unfinished ? OUTCOME_INCONCLUSIVE : OUTCOME_NO_REGRESSION;

	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];

		if (v->regression)
			return OUTCOME_REGRESSION;
		if (v->word == VERDICT_INCONCLUSIVE || v->word == VERDICT_SLOWER)
			answer = OUTCOME_INCONCLUSIVE;
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
	verdict_free(&o->verdicts);
	series_free(&o->series);
	store_close(&o->store);
}
