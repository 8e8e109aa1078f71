#include "harness/show/report/report.h"
#include "base/file.h"
#include "base/quote.h"
#include "base/text.h"
#include "harness/judge/layouts.h"
#include "harness/judge/workloads_used.h"
#include "harness/record/environment_compare.h"
#include "harness/show/document.h"
#include "harness/show/forest.h"
#include "harness/show/plot.h"
#include "harness/show/report/counters.h"
#include "harness/show/verdict_json.h"
#include "harness/show/verdict_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- tables

static void write_verdicts(struct document *d, const struct outcome *o)
{
	struct table t;

	document_heading(d, "Verdicts");
	if (o->verdicts.n) {
		outcome_verdicts(o, &t);
		document_table(d, &t);
		table_free(&t);
		document_paragraph(d, "Gate: %g %%. %s", o->verdicts.gate_percent, outcome_legend);
	} else {
		document_paragraph(d, "A run of one tunnel: nothing is compared.");
	}
	if (*o->remark)
		document_paragraph(d, "%s", o->remark);
}

static void write_goals(struct document *d, const struct outcome *o)
{
	struct table t;

	if (!o->goals)
		return;
	document_heading(d, "Goals");
	outcome_goals(o, &t);
	document_table(d, &t);
	table_free(&t);
	document_paragraph(d, "%s", outcome_goals_legend);
}

// Figures of a tunnel that wasn't the same all the time: said even where the blocks were repeated.
static void write_offload_changes(struct document *d, const struct outcome *o)
{
	const struct trial *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < o->store->trials; i++) {
		const struct trial *t = &o->store->trial[i];

		n += t->offload_change != NULL;
		if (t->offload_change && !first)
			first = t;
	}
	if (n)
		document_paragraph(d,
		                   "An offload of a tunnel changed in %zu trial%s, which count%s "
		                   "as contaminated; first in block %u of %s, tunnel %c: %s.",
		                   n, n > 1 ? "s" : "", n > 1 ? "" : "s", first->block + 1,
		                   first->workload, outcome_letter(first->tunnel),
		                   first->offload_change);
}

static void write_trials(struct document *d, const struct outcome *o)
{
	const unsigned *count = o->series.trials;

	document_heading(d, "Trials");
	document_paragraph(d,
	                   "%zu trials: %u ok, %u contaminated, %u generator-limited, %u failed. "
	                   "Blocks without a whole attempt: %zu.",
	                   o->store->trials, count[TRIAL_OK], count[TRIAL_CONTAMINATED],
	                   count[TRIAL_GENERATOR_LIMITED], count[TRIAL_FAILED],
	                   o->series.incomplete);
	write_offload_changes(d, o);
}

static void write_tunnels(struct document *d, const struct outcome *o)
{
	struct table t;

	document_heading(d, "Tunnels");
	outcome_tunnels(o, &t);
	document_table(d, &t);
	table_free(&t);
}

// With several layouts of each tunnel: what each of them shows, and how far builds, starts and
// blocks let the effect vary.
static void add_builds(struct table *t, const struct verdict *v)
{
	struct layouts l = layouts_of(v);

	for (size_t i = 0; i < l.n; i++) {
		table_add(t, TABLE_PLAIN, "%s", v->series->workload);
		table_add(t, TABLE_PLAIN, "%s", v->series->metric);
		table_add(t, TABLE_PLAIN, "%c", outcome_letter(v->candidate));
		table_add(t, TABLE_PLAIN, "%zu", i);
		table_add(t, TABLE_PLAIN, "%zu", l.layout[i].blocks);
		if (l.layout[i].blocks)
			table_add(t, TABLE_PLAIN, "%+.2f %%", l.layout[i].effect);
		else
			table_add(t, TABLE_DIM, "none");
		if (isfinite(l.low))
			table_add(t, TABLE_PLAIN, "[%+.2f, %+.2f]", l.low, l.high);
		else
			table_add(t, TABLE_DIM, "none");
	}
	layouts_free(&l);
}

static void write_builds(struct document *d, const struct outcome *o)
{
	static const struct table_column columns[] = {
	    {"workload", TABLE_LEFT}, {"metric", TABLE_LEFT},  {"candidate", TABLE_LEFT},
	    {"layout", TABLE_RIGHT},  {"blocks", TABLE_RIGHT}, {"effect", TABLE_RIGHT},
	    {"over all", TABLE_RIGHT}};
	struct table t;

	if (o->store->run.builds < 2)
		return;
	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < o->verdicts.n; i++)
		add_builds(&t, &o->verdicts.verdict[i]);
	document_heading(d, "Layouts");
	document_table(d, &t);
	document_paragraph(d, "Each tunnel was linked in several layouts, of which the starts took "
	                      "turns. Over all: a 95 %% bootstrap interval that draws layouts, "
	                      "within them starts, within them blocks. It is shown only; the "
	                      "verdicts are by the blocks.");
	table_free(&t);
}

// Medians of everything measured, also of what no verdict is made of.
static void write_values(struct document *d, const struct outcome *o)
{
	struct table_column columns[3 + RUN_TUNNELS_MAX] = {
	    {"workload", TABLE_LEFT}, {"metric", TABLE_LEFT}, {"unit", TABLE_LEFT}};
	char letter[RUN_TUNNELS_MAX][2];
	struct table t;

	for (size_t i = 0; i < o->store->run.tunnels; i++) {
		letter[i][0] = outcome_letter(i);
		letter[i][1] = 0;
		columns[3 + i] = (struct table_column){letter[i], TABLE_RIGHT};
	}
	document_heading(d, "Medians");
	table_init(&t, columns, 3 + o->store->run.tunnels);
	for (size_t s = 0; s < o->series.n; s++) {
		const struct series *series = &o->series.series[s];

		table_add(&t, TABLE_PLAIN, "%s", series->workload);
		table_add(&t, TABLE_PLAIN, "%s", series->metric);
		table_add(&t, TABLE_PLAIN, "%s", series->unit);
		for (size_t i = 0; i < o->store->run.tunnels; i++)
			outcome_add_value(&t, series_median(series, i, true));
	}
	document_table(d, &t);
	document_paragraph(d, "Over all whole blocks, contaminated ones too.");
	table_free(&t);
}

static void add_row(struct table *t, const char *workload, const char *name, const char *value,
                    const char *help)
{
	table_add(t, TABLE_PLAIN, "%s", workload);
	table_add(t, TABLE_PLAIN, "%s", name);
	table_add(t, TABLE_PLAIN, "%s", value);
	table_add(t, TABLE_PLAIN, "%s", help);
}

static void add_workload(struct table *t, const struct workload_used *w)
{
	const char *name;
	json_t *one;

	json_object_foreach((json_t *)w->parameters, name, one)
	{
		char *value = json_dumps(one, JSON_ENCODE_ANY);

		add_row(t, w->name, name, value, workload_used_help(w->name, name));
		free(value);
	}
	if (w->duration_s) {
		char *seconds = text_format("%u", w->duration_s);

		add_row(t, w->name, "duration", seconds, "s of traffic in a trial");
		free(seconds);
	}
	if (w->congestion.length)
		add_row(t, w->name, "TCP congestion control", text_string(&w->congestion),
		        "as its trials recorded it");
}

static void write_workloads(struct document *d, const struct outcome *o)
{
	static const struct table_column columns[] = {{"workload", TABLE_LEFT},
	                                              {"parameter", TABLE_LEFT},
	                                              {"value", TABLE_RIGHT},
	                                              {"", TABLE_LEFT}};
	struct workloads_used used;
	struct table t;

	workloads_used_gather(&used, o->store);
	document_heading(d, "Workloads");
	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < used.n; i++)
		add_workload(&t, &used.workload[i]);
	document_table(d, &t);
	table_free(&t);
	workloads_used_free(&used);
}

static void write_environment(struct document *d, const struct outcome *o)
{
	static const char system[] = "sysctls.net.ipv4.tcp_congestion_control";
	struct workloads_used used;
	struct text congestion = {0};

	static const struct table_column columns[] = {{"what", TABLE_LEFT}, {"is", TABLE_LEFT}};
	json_t *flat = environment_flatten(o->store->run.environment.all), *value;
	struct table t;
	const char *name;

	workloads_used_gather(&used, o->store);
	workloads_used_congestion(&congestion, &used);
	document_heading(d, "Environment");
	table_init(&t, columns, 2);
	json_object_foreach(flat, name, value)
	{
		table_add(&t, TABLE_PLAIN, "%s", name);
		if (!strcmp(name, system) && congestion.length)
			table_add(&t, TABLE_PLAIN, "%s: the system's default; the trials used %s",
			          json_string_value(value), text_string(&congestion));
		else
			table_add(&t, TABLE_PLAIN, "%s", json_string_value(value));
	}
	document_table(d, &t);
	table_free(&t);
	json_decref(flat);
	text_free(&congestion);
	workloads_used_free(&used);
}

// ---- how to run it again

static void write_command(struct document *d, const struct outcome *o)
{
	char *text;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		abort();
	for (size_t i = 0; i < o->store->run.words; i++) {
		if (i)
			fputc(' ', to);
		quote_shell(to, o->store->run.command[i]);
	}
	fclose(to);
	document_heading(d, "To run it again");
	document_command(d, text);
	free(text);
}

// ---- plots

static int write_plot(struct document *d, const struct series *s, const char *kind, int ret,
                      char *svg)
{
	char name[200];

	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s-%s-%s", s->workload, s->metric, kind);
	ret = document_plot(d, name, svg);
	free(svg);
	return ret;
}

// gnuplot fails where there is no point at all: every trial failed or was limited.
static bool has_values(const struct outcome *o, const struct series *s)
{
	for (size_t t = 0; t < o->store->run.tunnels; t++)
		if (isfinite(series_median(s, t, true)))
			return true;
	return false;
}

static int write_plots(struct document *d, const struct outcome *o, const char *root)
{
	int ret = 0;

	document_heading(d, "Plots");
	for (size_t i = 0; i < o->series.n && !ret; i++) {
		const struct series *s = &o->series.series[i];
		char *svg = NULL;

		if (!s->judged || !has_values(o, s))
			continue;
		ret = plot_values(root, o, s, &svg);
		ret = write_plot(d, s, "values", ret, svg);
		for (size_t v = 0; v < o->verdicts.n && !ret; v++) {
			const struct verdict *verdict = &o->verdicts.verdict[v];
			char kind[16];

			if (verdict->series != s)
				continue;
			snprintf(kind, sizeof(kind), "effects-%c",
			         outcome_letter(verdict->candidate));
			ret = plot_effects(root, o, verdict, &svg);
			ret = write_plot(d, s, kind, ret, svg);
		}
	}
	return ret;
}

static int write_forest(struct document *d, const struct outcome *o)
{
	char *svg = forest_draw(o);
	int ret = svg ? document_plot(d, "verdict", svg) : 0;

	free(svg);
	return ret;
}

static int write_report(const struct outcome *o, const char *root)
{
	const struct run *run = &o->store->run;
	struct document d;
	char title[300];
	int ret;

	snprintf(title, sizeof(title), "wgbench run %s", run->id);
	ret = document_begin(&d, o->store->dir, title);
	if (ret)
		return ret;
	document_paragraph(&d, "Made %s, plan %s.", run->created,
	                   run->plan && *run->plan ? run->plan : "none");
	ret = write_forest(&d, o);
	if (ret) {
		document_abandon(&d);
		return ret;
	}
	write_tunnels(&d, o);
	write_verdicts(&d, o);
	write_workloads(&d, o);
	write_goals(&d, o);
	write_builds(&d, o);
	write_trials(&d, o);
	report_inside(&d, o);
	ret = write_plots(&d, o, root);
	if (ret) {
		document_abandon(&d);
		return ret;
	}
	write_values(&d, o);
	write_environment(&d, o);
	write_command(&d, o);
	return document_end(&d);
}

static int write_verdict(const struct outcome *o)
{
	json_t *json = outcome_json(o);
	char path[sizeof(o->store->dir) + 32];

	snprintf(path, sizeof(path), "%s/verdict.json", o->store->dir);
	int ret = output_json(path, json, JSON_INDENT(2));
	json_decref(json);
	return ret;
}

int report_write(const struct outcome *o, const char *root)
{
	int ret = write_report(o, root);

	if (!ret && o->verdicts.n)
		ret = write_verdict(o);
	if (!ret)
		printf("report: %s/report.html\n", o->store->dir);
	return ret;
}
