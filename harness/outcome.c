#include "harness/outcome.h"

#include "harness/commands.h"
#include "harness/environment_diff.h"
#include "harness/output.h"
#include "harness/quote.h"
#include "harness/workload_used.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char outcome_legend[] =
    "Each line compares a candidate with the baseline by the blocks in which both were "
    "measured in turn. The effect is the Hodges-Lehmann estimate of the paired ratios; its 95 % "
    "interval and p are of the exact Wilcoxon signed-rank test, and q is p by Benjamini and "
    "Hochberg for all lines: of those with q below x, a share of x is expected to be chance. The "
    "verdict is 'faster' or "
    "'slower' (better or worse in that metric) if the whole interval lies beyond the gate, "
    "'same' if it lies within, else 'inconclusive'. Contaminated blocks, in which others used "
    "the machine, don't count for the verdict.";

const char outcome_goals_legend[] =
    "A goal is a ratio of the candidate to the baseline, estimated as the effect of a verdict is. "
    "It is reached if the whole 95 % interval lies on its good side. Medians are over clean "
    "blocks, each side by itself: their quotient isn't the paired ratio.";

static const double default_gate_percent = 2;

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

int outcome_exit_code(const struct outcome *o)
{
	int code = o->missing || o->unfinished ? EXIT_INCONCLUSIVE : EXIT_NO_REGRESSION;

	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];

		if (v->regression)
			return EXIT_REGRESSION;
		if (v->word == VERDICT_INCONCLUSIVE || v->word == VERDICT_SLOWER)
			code = EXIT_INCONCLUSIVE;
	}
	return code;
}

char outcome_letter(unsigned tunnel)
{
	return 'A' + tunnel;
}

// Its variants, or, of an external one, the first line of its version.
static void add_identity(struct table *t, const struct outcome *o, size_t i)
{
	json_t *tunnel = json_array_get(json_object_get(o->store.run, "tunnels"), i), *variant;
	const char *version = o->store.tunnel[i].version, *slot;
	char text[1024] = "";
	size_t n = 0;

	json_object_foreach(json_object_get(tunnel, "variants"), slot, variant)
	{
		if (n < sizeof(text))
			n += snprintf(text + n, sizeof(text) - n, "%s%s=%s", n ? "," : "", slot,
			              json_string_value(variant));
	}
	if (n)
		table_add(t, TABLE_PLAIN, "%s", text);
	else
		table_add(t, TABLE_PLAIN, "%.*s", (int)strcspn(version, "\n"), version);
}

void outcome_tunnels(const struct outcome *o, struct table *t)
{
	static const struct table_column columns[] = {
	    {"", TABLE_LEFT}, {"tunnel", TABLE_LEFT}, {"revision", TABLE_LEFT}, {"is", TABLE_LEFT}};

	table_init(t, columns, 4);
	for (size_t i = 0; i < o->store.tunnels; i++) {
		const struct store_tunnel *tunnel = &o->store.tunnel[i];

		table_add(t, TABLE_PLAIN, "%c", outcome_letter(i));
		table_add(t, TABLE_PLAIN, "%s", tunnel->spec);
		table_add(t, TABLE_PLAIN, "%.12s%s", tunnel->revision,
		          strstr(tunnel->revision, "-dirty") ? "-dirty" : "");
		add_identity(t, o, i);
	}
}

void outcome_add_value(struct table *t, double value)
{
	if (isnan(value))
		table_add(t, TABLE_DIM, "none");
	else
		table_add(t, TABLE_PLAIN, fabs(value) < 1000 ? "%.4g" : "%.0f", value);
}

static void add_effect(struct table *t, const struct verdict_effect *e)
{
	if (e->blocks)
		table_add(t, TABLE_PLAIN, "%+.2f %%", e->effect);
	else
		table_add(t, TABLE_DIM, "none");
	if (isfinite(e->low))
		table_add(t, TABLE_PLAIN, "[%+.2f, %+.2f]", e->low, e->high);
	else
		table_add(t, TABLE_DIM, "none");
	if (e->blocks)
		table_add(t, TABLE_PLAIN, "%.3g", e->p);
	else
		table_add(t, TABLE_DIM, "none");
}

static void describe_contaminated(const struct verdict *v, char *text, size_t bytes)
{
	const struct verdict_effect *e = &v->all;

	*text = 0;
	if (!v->contaminated)
		return;
	if (isfinite(e->low))
		snprintf(text, bytes, "with %zu contaminated: %+.2f %% [%+.2f, %+.2f]",
		         v->contaminated, e->effect, e->low, e->high);
	else
		snprintf(text, bytes, "with %zu contaminated: %+.2f %%", v->contaminated,
		         e->effect);
}

static void add_verdict(struct table *t, const struct verdict *v)
{
	static const enum table_colour colours[] = {
	    [VERDICT_SLOWER] = TABLE_RED,
	    [VERDICT_SAME] = TABLE_PLAIN,
	    [VERDICT_FASTER] = TABLE_GREEN,
	    [VERDICT_INCONCLUSIVE] = TABLE_YELLOW,
	};
	const struct series *s = v->series;
	char contaminated[128];

	describe_contaminated(v, contaminated, sizeof(contaminated));
	table_add(t, TABLE_PLAIN, "%s", s->workload);
	table_add(t, TABLE_PLAIN, "%s", s->metric);
	table_add(t, TABLE_PLAIN, "%s", s->unit);
	table_add(t, TABLE_PLAIN, "%s", s->higher_is_better ? "higher" : "lower");
	table_add(t, TABLE_PLAIN, "%c", outcome_letter(v->candidate));
	outcome_add_value(t, v->baseline_median);
	outcome_add_value(t, v->candidate_median);
	add_effect(t, &v->clean);
	if (v->clean.blocks)
		table_add(t, TABLE_PLAIN, "%.2g", v->q);
	else
		table_add(t, TABLE_DIM, "none");
	table_add(t, TABLE_PLAIN, "%zu", v->clean.blocks);
	table_add(t, colours[v->word], "%s", verdict_names[v->word]);
	table_add(t, TABLE_DIM, "%s%s%s", v->reason, *v->reason && *contaminated ? "; " : "",
	          contaminated);
}

#define LETTER(x)                                                                                  \
	{                                                                                          \
		x, "vs " x                                                                         \
	}
// As headings, which a table borrows.
static const struct {
	const char *letter, *against;
} headings[STORE_TUNNELS_MAX] = {
    LETTER("A"), LETTER("B"), LETTER("C"), LETTER("D"), LETTER("E"), LETTER("F"),
    LETTER("G"), LETTER("H"), LETTER("I"), LETTER("J"), LETTER("K"), LETTER("L"),
    LETTER("M"), LETTER("N"), LETTER("O"), LETTER("P"),
};
#undef LETTER

void outcome_verdicts(const struct outcome *o, struct table *t)
{
	const char *letter = headings[o->verdicts.baseline].letter;
	const char *against = headings[o->verdicts.baseline].against;
	const struct table_column columns[] = {
	    {"workload", TABLE_LEFT},   {"metric", TABLE_LEFT},  {"unit", TABLE_LEFT},
	    {"better", TABLE_LEFT},     {against, TABLE_LEFT},   {letter, TABLE_RIGHT},
	    {"candidate", TABLE_RIGHT}, {"effect", TABLE_RIGHT}, {"95 %", TABLE_RIGHT},
	    {"p", TABLE_RIGHT},         {"q", TABLE_RIGHT},      {"blocks", TABLE_RIGHT},
	    {"verdict", TABLE_LEFT},    {"why", TABLE_LEFT},
	};

	table_init(t, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < o->verdicts.n; i++)
		add_verdict(t, &o->verdicts.verdict[i]);
}

void outcome_print_verdicts(const struct outcome *o)
{
	void (*const tables[])(const struct outcome *, struct table *) = {outcome_tunnels,
	                                                                  outcome_verdicts};
	struct table t;

	for (int i = 0; i < 2; i++) {
		tables[i](o, &t);
		table_print(&t, stdout);
		printf("\n");
		table_free(&t);
	}
}

static void add_goal(struct table *t, const struct outcome_goal *g)
{
	static const enum table_colour colours[] = {
	    [GOAL_REACHED] = TABLE_GREEN,
	    [GOAL_REACHED_BARELY] = TABLE_YELLOW,
	    [GOAL_NOT_REACHED] = TABLE_RED,
	    [GOAL_UNDECIDED] = TABLE_YELLOW,
	};
	const struct goal_result *r = &g->result;

	table_add(t, TABLE_PLAIN, "%s", g->goal.workload);
	table_add(t, TABLE_PLAIN, "%s", g->goal.metric);
	table_add(t, TABLE_PLAIN, "%s", r->unit);
	table_add(t, TABLE_PLAIN, "%s", g->goal.candidate);
	outcome_add_value(t, r->candidate_median);
	table_add(t, TABLE_PLAIN, "%s", g->goal.baseline);
	outcome_add_value(t, r->baseline_median);
	if (isfinite(r->ratio))
		table_add(t, TABLE_PLAIN, "%.3f", r->ratio);
	else
		table_add(t, TABLE_DIM, "none");
	if (isfinite(r->low))
		table_add(t, TABLE_PLAIN, "[%.3f, %.3f]", r->low, r->high);
	else
		table_add(t, TABLE_DIM, "none");
	table_add(t, TABLE_PLAIN, "%zu", r->blocks);
	table_add(t, TABLE_PLAIN, "%s %g", goal_relation(&g->goal), g->goal.ratio);
	table_add(t, colours[r->word], "%s", goal_word_name(&g->goal, r->word));
	table_add(t, TABLE_DIM, "%s", r->reason);
}

void outcome_goals(const struct outcome *o, struct table *t)
{
	static const struct table_column columns[] = {
	    {"workload", TABLE_LEFT},  {"metric", TABLE_LEFT},  {"unit", TABLE_LEFT},
	    {"candidate", TABLE_LEFT}, {"median", TABLE_RIGHT}, {"baseline", TABLE_LEFT},
	    {"median", TABLE_RIGHT},   {"ratio", TABLE_RIGHT},  {"95 %", TABLE_RIGHT},
	    {"blocks", TABLE_RIGHT},   {"goal", TABLE_RIGHT},   {"", TABLE_LEFT},
	    {"why", TABLE_LEFT},
	};

	table_init(t, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < o->goals; i++)
		add_goal(t, &o->goal[i]);
}

static json_t *verdict_json(const struct outcome *o, const struct verdict *v)
{
	const struct series *s = v->series;
	json_t *row = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:o}",
	    "workload", s->workload, "metric", s->metric, "unit", s->unit, "better",
	    s->higher_is_better ? "higher" : "lower", "baseline", o->store.tunnel[v->baseline].spec,
	    "candidate", o->store.tunnel[v->candidate].spec, "baseline_median",
	    output_number(v->baseline_median), "candidate_median",
	    output_number(v->candidate_median), "effect", output_number(v->clean.effect), "ci_low",
	    output_number(v->clean.low), "ci_high", output_number(v->clean.high), "p",
	    output_number(v->clean.p), "blocks", (json_int_t)v->clean.blocks, "verdict",
	    verdict_names[v->word], "reason", output_string(v->reason));
	json_t *rest = json_pack(
	    "{s:o, s:o, s:b, s:f, s:i, s:i, s:I, s:I, s:I, s:{s:I, s:o, s:o, s:o, s:o}}", "q",
	    output_number(v->q), "p_gate", output_number(v->p_gate), "regression", v->regression,
	    "error", s->error, "candidate_tunnel", (int)v->candidate, "baseline_tunnel",
	    (int)v->baseline, "contaminated_blocks", (json_int_t)v->contaminated, "limited_blocks",
	    (json_int_t)v->limited, "failed_blocks", (json_int_t)v->failed, "with_contaminated",
	    "blocks", (json_int_t)v->all.blocks, "effect", output_number(v->all.effect), "ci_low",
	    output_number(v->all.low), "ci_high", output_number(v->all.high), "p",
	    output_number(v->all.p));

	json_object_update(row, rest);
	json_decref(rest);
	return row;
}

// goal_to_json()'s fields, whose ratio is the goal's own, and what came of it.
static json_t *goal_json(const struct outcome_goal *g)
{
	const struct goal_result *r = &g->result;
	json_t *row = goal_to_json(&g->goal);
	json_t *rest =
	    json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:s, s:o}", "unit", r->unit,
	              "candidate_median", output_number(r->candidate_median), "baseline_median",
	              output_number(r->baseline_median), "measured_ratio", output_number(r->ratio),
	              "ci_low", output_number(r->low), "ci_high", output_number(r->high), "blocks",
	              (json_int_t)r->blocks, "reached", r->word == GOAL_REACHED, "word",
	              goal_word_name(&g->goal, r->word), "reason", output_string(r->reason));

	json_object_update(row, rest);
	json_decref(rest);
	return row;
}

json_t *outcome_json(const struct outcome *o)
{
	json_t *rows = json_array(), *goals = json_array();

	for (size_t i = 0; i < o->verdicts.n; i++)
		json_array_append_new(rows, verdict_json(o, &o->verdicts.verdict[i]));
	for (size_t i = 0; i < o->goals; i++)
		json_array_append_new(goals, goal_json(&o->goal[i]));
	return json_pack("{s:i, s:s, s:f, s:s, s:i, s:o, s:o, s:o, s:o}", "schema", STORE_SCHEMA,
	                 "run", o->store.id, "gate_percent", o->verdicts.gate_percent,
	                 "effect_unit", "percent", "exit_code", outcome_exit_code(o), "remark",
	                 output_string(o->remark), "verdicts", rows, "goals", goals, "workloads",
	                 workload_used(&o->store));
}

void outcome_free(struct outcome *o)
{
	free(o->goal);
	verdict_free(&o->verdicts);
	series_free(&o->series);
	store_close(&o->store);
}
