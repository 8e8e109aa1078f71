#include "harness/show/verdict_table.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char outcome_legend[] =
    "Each line compares a candidate with the baseline by the blocks in which both were "
    "measured in turn. The effect is the Hodges-Lehmann estimate of the paired ratios; its 95 % "
    "interval and p are of the exact Wilcoxon signed-rank test, and q is p by Benjamini and "
    "Hochberg for all lines: of those with q below x, a share of x is expected to be chance. The "
    "verdict is 'better' or 'worse' if the whole interval lies beyond the threshold on that "
    "side, 'same' if it lies within, else 'undecided'. A regression is excluded where the interval "
    "holds nothing worse than the threshold. Contaminated blocks, in which others used the "
    "machine, don't count for the verdict.";

const char outcome_goals_legend[] =
    "A goal is a ratio of the candidate to the baseline, estimated as the effect of a verdict is. "
    "It is reached if the whole 95 % interval lies on its good side. Medians are over clean "
    "blocks, each side by itself: their quotient isn't the paired ratio.";

// Its variants, or, of an external one, the first line of its version.
static void add_identity(struct table *t, const struct run_tunnel *tunnel)
{
	struct text variants = {0};

	for (size_t v = 0; v < tunnel->variants; v++)
		text_add(&variants, "%s%s=%s", v ? "," : "", tunnel->variant[v].slot,
		         tunnel->variant[v].variant);
	if (tunnel->variants)
		table_add(t, TABLE_PLAIN, "%s", text_string(&variants));
	else
		table_add(t, TABLE_PLAIN, "%.*s", (int)strcspn(tunnel->version, "\n"),
		          tunnel->version);
	text_free(&variants);
}

static void add_tunnel(struct table *t, const struct run_tunnel *tunnel, const char *role)
{
	table_add(t, TABLE_PLAIN, "%s%s", tunnel->spec, role);
	table_add(t, TABLE_PLAIN, "%.12s%s", tunnel->revision,
	          strstr(tunnel->revision, "-dirty") ? "-dirty" : "");
	add_identity(t, tunnel);
}

void outcome_tunnels(const struct outcome *o, struct table *t)
{
	const struct run *run = &o->store->run;
	static const struct table_column columns[] = {{"", TABLE_LEFT},
	                                              {"tunnel", TABLE_LEFT},
	                                              {"revision", TABLE_LEFT},
	                                              {"configuration", TABLE_LEFT}};

	table_init(t, columns, 4);
	for (size_t i = 0; i < run->tunnels; i++) {
		table_add(t, TABLE_PLAIN, "%c", outcome_letter(i));
		add_tunnel(t, &run->tunnel[i], run->tunnel[i].control ? " (control)" : "");
	}
	if (run->peer.spec) {
		table_add(t, TABLE_PLAIN, "%s", "");
		add_tunnel(t, &run->peer, " (peer of each)");
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
	    [VERDICT_WORSE] = TABLE_RED,
	    [VERDICT_SAME] = TABLE_PLAIN,
	    [VERDICT_BETTER] = TABLE_GREEN,
	    [VERDICT_UNDECIDED] = TABLE_YELLOW,
	};
	const struct series *s = v->series;
	char contaminated[128];

	describe_contaminated(v, contaminated, sizeof(contaminated));
	table_add(t, TABLE_PLAIN, "%s", s->workload);
	table_add(t, TABLE_PLAIN, "%s", s->metric);
	table_add(t, TABLE_PLAIN, "%s", s->unit);
	table_add(t, TABLE_PLAIN, "%s", s->higher_is_better ? "higher" : "lower");
	table_add(t, TABLE_PLAIN, "%c vs %c%s", outcome_letter(v->candidate),
	          outcome_letter(v->baseline), v->control ? " (control)" : "");
	outcome_add_value(t, v->baseline_median);
	outcome_add_value(t, v->candidate_value);
	add_effect(t, &v->clean);
	if (v->clean.blocks && !v->control)
		table_add(t, TABLE_PLAIN, "%.2g", v->q);
	else
		table_add(t, TABLE_DIM, "none");
	table_add(t, TABLE_PLAIN, "%zu", v->clean.blocks);
	table_add(t, colours[v->word], "%s", verdict_names[v->word]);
	table_add(t, TABLE_DIM, "%s%s%s", v->reason, *v->reason && *contaminated ? "; " : "",
	          contaminated);
}

void outcome_verdicts(const struct outcome *o, struct table *t)
{
	static const struct table_column columns[] = {
	    {"workload", TABLE_LEFT},   {"metric", TABLE_LEFT},  {"unit", TABLE_LEFT},
	    {"better", TABLE_LEFT},     {"", TABLE_LEFT},        {"baseline", TABLE_RIGHT},
	    {"candidate", TABLE_RIGHT}, {"effect", TABLE_RIGHT}, {"95 %", TABLE_RIGHT},
	    {"p", TABLE_RIGHT},         {"q", TABLE_RIGHT},      {"blocks", TABLE_RIGHT},
	    {"verdict", TABLE_LEFT},    {"note", TABLE_LEFT},
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
	    {"note", TABLE_LEFT},
	};

	table_init(t, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < o->goals; i++)
		add_goal(t, &o->goal[i]);
}
