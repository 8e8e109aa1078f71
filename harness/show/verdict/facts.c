#include "harness/show/verdict/facts.h"
#include "base/quote.h"
#include "harness/judge/figures.h"
#include "harness/judge/summary.h"
#include "harness/judge/workloads_used.h"

#include "harness/show/verdict/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t facts_blocks(const struct outcome *o)
{
	size_t most = 0;

	for (size_t i = 0; i < o->series.n; i++)
		most = o->series.series[i].blocks > most ? o->series.series[i].blocks : most;
	return most;
}

void facts_meanings(struct text *t, const struct outcome *o)
{
	for (size_t i = 0; i < o->store->run.tunnels; i++) {
		const struct run_tunnel *tunnel = &o->store->run.tunnel[i];

		if (tunnel->meaning && !tunnel->control)
			text_add(t, "%s%s: %s.", t->length ? " " : "", tunnel->spec,
			         tunnel->meaning);
	}
}

static bool shares_congestion(struct text *t, const struct outcome *o)
{
	struct workloads_used used;

	workloads_used_gather(&used, o->store);
	workloads_used_congestion(t, &used);
	workloads_used_free(&used);
	return t->length > 0;
}

size_t facts_of(struct text facts[FACTS_MAX], const struct outcome *o)
{
	const struct run *run = &o->store->run;
	const struct run_environment *e = &run->environment;
	struct text congestion = {0};
	size_t n = 0, blocks = facts_blocks(o);

	text_add(&facts[n++], "%zu %sblock%s", blocks, run->tunnels > 1 ? "paired " : "",
	         text_plural(blocks));
	text_add(&facts[n++], "%u of %zu trials clean", o->series.trials[TRIAL_OK],
	         o->store->trials);
	text_add(&facts[n++], "95 %% intervals, exact Wilcoxon");
	if (o->verdicts.n)
		text_add(&facts[n++], "threshold %g %%", o->verdicts.gate_percent);
	if (e->cpu_model)
		text_add(&facts[n++], e->cpus ? "%s, %u CPUs" : "%s", e->cpu_model, e->cpus);
	if (e->kernel)
		text_add(&facts[n++], "Linux %s", e->kernel);
	if (shares_congestion(&congestion, o))
		text_add(&facts[n++], "TCP %s", text_string(&congestion));
	if (e->harness_revision)
		text_add(&facts[n++], "wgbench %.12s", e->harness_revision);
	text_add(&facts[n++], "%.10s", run->created);
	text_free(&congestion);
	return n;
}

static bool add_loss(struct text *t, const struct verdict *v, const struct verdict *before)
{
	if ((!v->failed && !v->limited && isfinite(v->clean.low)) ||
	    (before && before->series->workload == v->series->workload &&
	     !strcmp(before->reason, v->reason)))
		return false;
	words_workload(t, v->series->workload);
	text_add(t, ", %s: %s.", words_metric(v->series->metric), v->reason);
	return true;
}

static bool add_modes(struct text *t, const struct outcome *o, const struct verdict *v)
{
	const unsigned tunnels[] = {v->baseline, v->candidate};
	size_t before = t->length;
	struct stats_modes m;

	for (int i = 0; i < 2; i++) {
		if (!figure_modes(&m, v->series, tunnels[i]))
			continue;
		if (t->length > before)
			text_add(t, " ");
		words_workload(t, v->series->workload);
		text_add(t, ", %s: %s has two modes, ", words_metric(v->series->metric),
		         o->store->run.tunnel[tunnels[i]].spec);
		words_value(t, m.low);
		text_add(t, " %s (%zu blocks) and ", v->series->unit, m.n_low);
		words_value(t, m.high);
		text_add(t, " %s (%zu blocks).", v->series->unit, m.n_high);
	}
	return t->length > before;
}

bool facts_note(struct text *t, const struct outcome *o, const struct verdict *v,
                const struct verdict *before)
{
	bool lost = add_loss(t, v, before);

	if (lost)
		text_add(t, " ");
	return add_modes(t, o, v) || lost;
}

void facts_figure(struct text *t, const struct series *s, unsigned tunnel)
{
	struct figure f = figure_of(s, tunnel);

	words_workload(t, s->workload);
	text_add(t, ", %s: ", words_metric(s->metric));
	words_value(t, f.value);
	text_add(t, " %s", s->unit);
	if (isfinite(f.low))
		text_add(t, " [%.4g, %.4g]", f.low, f.high);
}

bool facts_remedy(struct text *t, const struct outcome *o)
{
	size_t n, more = 0;
	struct summary *s = summaries_of(o, &n);

	for (size_t i = 0; i < n; i++)
		more = s[i].blocks_more > more ? s[i].blocks_more : more;
	free(s);
	if (!more) {
		text_add(t,
		         "Too noisy here, or too close to the threshold: more blocks of this run "
		         "would hardly decide.");
		return false;
	}
	text_add(t, "wgbench run --resume %s --blocks %zu", o->store->dir, more);
	return true;
}

void facts_goal(struct text *t, const struct outcome_goal *g)
{
	words_workload(t, g->goal.workload);
	text_add(t, ", %s, %s / %s: ", words_metric(g->goal.metric), g->goal.candidate,
	         g->goal.baseline);
	if (isfinite(g->result.ratio))
		text_add(t, "%.3f", g->result.ratio);
	else
		text_add(t, "none");
	if (isfinite(g->result.low))
		text_add(t, " [%.3f, %.3f]", g->result.low, g->result.high);
	text_add(t, ", %s %g: %s", goal_relation(&g->goal), g->goal.ratio,
	         goal_word_name(&g->goal, g->result.word));
}

void facts_command(struct text *t, const struct outcome *o)
{
	struct text words = {0};
	FILE *to = text_open(&words);

	for (size_t i = 0; i < o->store->run.words; i++) {
		if (i)
			fputc(' ', to);
		quote_shell(to, o->store->run.command[i]);
	}
	fclose(to);
	text_add(t, "%s", text_string(&words));
	text_free(&words);
}
