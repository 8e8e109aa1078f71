#include "harness/show/report/report.h"
#include "base/file.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/text.h"
#include "harness/judge/layouts.h"
#include "harness/judge/workloads_used.h"
#include "harness/record/environment_compare.h"
#include "harness/show/page.h"
#include "harness/show/plot_files.h"
#include "harness/show/report/comment.h"
#include "harness/show/report/counters.h"
#include "harness/show/report/first.h"
#include "harness/show/report/plots.h"
#include "harness/show/verdict_json.h"
#include "harness/show/verdict_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- tables

static void write_statistics(struct page *p, const struct outcome *o)
{
	struct table t;

	page_open_section(p, "statistics", "Statistics", "every verdict with its test");
	outcome_tunnels(o, &t);
	page_table(p, &t);
	table_free(&t);
	if (o->verdicts.n) {
		outcome_verdicts(o, &t);
		page_table(p, &t);
		table_free(&t);
		page_paragraph(p, "Threshold: %g %%. %s", o->verdicts.gate_percent, outcome_legend);
	}
	page_close_section(p);
}

static void write_goals(struct page *p, const struct outcome *o)
{
	struct table t;

	if (!o->goals)
		return;
	page_open_section(p, "goals", "Goals", "ratios that the plan names");
	outcome_goals(o, &t);
	page_table(p, &t);
	table_free(&t);
	page_paragraph(p, "%s", outcome_goals_legend);
	page_close_section(p);
}

// Figures of a tunnel that wasn't the same all the time: said even where the blocks were repeated.
static void write_offload_changes(struct page *p, const struct outcome *o)
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
		page_paragraph(p,
		               "An offload of a tunnel changed in %zu trial%s, which count%s "
		               "as contaminated; first in block %u of %s, tunnel %c: %s.",
		               n, n > 1 ? "s" : "", n > 1 ? "" : "s", first->block + 1,
		               first->workload, outcome_letter(first->tunnel),
		               first->offload_change);
}

// Trials that don't count, and why; of very many, the first.
static void write_spoilt(struct page *p, const struct outcome *o)
{
	enum { MOST = 100 };
	static const struct table_column columns[] = {
	    {"workload", TABLE_LEFT}, {"block", TABLE_RIGHT}, {"attempt", TABLE_RIGHT},
	    {"tunnel", TABLE_LEFT},   {"status", TABLE_LEFT}, {"reason", TABLE_LEFT}};
	struct table t;
	size_t n = 0;

	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < o->store->trials && n < MOST; i++) {
		const struct trial *trial = &o->store->trial[i];

		if (trial->status == TRIAL_OK)
			continue;
		n++;
		table_add(&t, TABLE_PLAIN, "%s", trial->workload);
		table_add(&t, TABLE_PLAIN, "%u", trial->block + 1);
		table_add(&t, TABLE_PLAIN, "%u", trial->attempt + 1);
		table_add(&t, TABLE_PLAIN, "%c", outcome_letter(trial->tunnel));
		table_add(&t, TABLE_YELLOW, "%s", trial_status_names[trial->status]);
		table_add(&t, TABLE_PLAIN, "%s", trial->reason);
	}
	if (n)
		page_table(p, &t);
	if (n == MOST)
		page_paragraph(p, "The first %d of them.", MOST);
	table_free(&t);
}

static void write_trials(struct page *p, const struct outcome *o)
{
	const unsigned *count = o->series.trials;

	page_open_section(p, "trials", "Trials", "contaminated, limited and failed ones");
	page_paragraph(p,
	               "%zu trials: %u ok, %u contaminated, %u generator-limited, %u failed. "
	               "Blocks without a whole attempt: %zu.",
	               o->store->trials, count[TRIAL_OK], count[TRIAL_CONTAMINATED],
	               count[TRIAL_GENERATOR_LIMITED], count[TRIAL_FAILED], o->series.incomplete);
	write_offload_changes(p, o);
	write_spoilt(p, o);
	page_close_section(p);
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

static void write_builds(struct page *p, const struct outcome *o)
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
	page_open_section(p, "layouts", "Layouts", "each tunnel linked in several orders");
	page_table(p, &t);
	page_paragraph(p, "Each tunnel was linked in several layouts, of which the starts took "
	                  "turns. Over all: a 95 %% bootstrap interval that draws layouts, "
	                  "within them starts, within them blocks. It is shown only; the "
	                  "verdicts are by the blocks.");
	page_close_section(p);
	table_free(&t);
}

// Medians of everything measured, also of what no verdict is made of.
static void write_values(struct page *p, const struct outcome *o)
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
	page_open_section(p, "medians", "Medians", "of everything that was measured");
	table_init(&t, columns, 3 + o->store->run.tunnels);
	for (size_t s = 0; s < o->series.n; s++) {
		const struct series *series = &o->series.series[s];

		table_add(&t, TABLE_PLAIN, "%s", series->workload);
		table_add(&t, TABLE_PLAIN, "%s", series->metric);
		table_add(&t, TABLE_PLAIN, "%s", series->unit);
		for (size_t i = 0; i < o->store->run.tunnels; i++)
			outcome_add_value(&t, series_median(series, i, true));
	}
	page_table(p, &t);
	page_paragraph(p, "Over all whole blocks, contaminated ones too.");
	page_close_section(p);
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

static void write_workloads(struct page *p, const struct outcome *o)
{
	static const struct table_column columns[] = {{"workload", TABLE_LEFT},
	                                              {"parameter", TABLE_LEFT},
	                                              {"value", TABLE_RIGHT},
	                                              {"", TABLE_LEFT}};
	struct workloads_used used;
	struct table t;

	workloads_used_gather(&used, o->store);
	page_open_section(p, "workloads", "Workloads", "with every parameter");
	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < used.n; i++)
		add_workload(&t, &used.workload[i]);
	page_table(p, &t);
	page_close_section(p);
	table_free(&t);
	workloads_used_free(&used);
}

static void write_environment(struct page *p, const struct outcome *o)
{
	static const char system[] = "sysctls.net.ipv4.tcp_congestion_control";
	struct workloads_used used;
	struct text congestion = {0};

	static const struct table_column columns[] = {{"what", TABLE_LEFT}, {"value", TABLE_LEFT}};
	json_t *flat = environment_flatten(o->store->run.environment.all), *value;
	struct table t;
	const char *name;

	workloads_used_gather(&used, o->store);
	workloads_used_congestion(&congestion, &used);
	page_open_section(p, "environment", "Environment", "machine, kernel, settings, programs");
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
	page_table(p, &t);
	page_close_section(p);
	table_free(&t);
	json_decref(flat);
	text_free(&congestion);
	workloads_used_free(&used);
}

static void put_contents(struct page *p, const struct outcome *o)
{
	fputs("<nav aria-label=\"Contents\">", p->to);
	fputs("<a href=\"#statistics\">Statistics</a> ", p->to);
	if (o->goals)
		fputs("<a href=\"#goals\">Goals</a> ", p->to);
	fputs("<a href=\"#blocks\">Block by block</a> <a href=\"#inside\">Inside a trial</a> ",
	      p->to);
	if (o->store->run.builds > 1)
		fputs("<a href=\"#layouts\">Layouts</a> ", p->to);
	fputs("<a href=\"#counters\">Counters</a> <a href=\"#medians\">Medians</a> "
	      "<a href=\"#workloads\">Workloads</a> <a href=\"#trials\">Trials</a> "
	      "<a href=\"#environment\">Environment</a></nav>\n",
	      p->to);
}

static int write_sections(struct page *p, struct plot_files *files, const struct outcome *o,
                          const char *root)
{
	put_contents(p, o);
	write_statistics(p, o);
	write_goals(p, o);
	int ret = plots_write_blocks(p, files, o, root);
	if (!ret)
		ret = plots_write_inside(p, files, o, root);
	if (ret)
		return ret;
	write_builds(p, o);
	page_open_section(p, "counters", "Counters", "offloads in effect, system calls per packet");
	report_counters(p, o);
	page_close_section(p);
	write_values(p, o);
	write_workloads(p, o);
	write_trials(p, o);
	write_environment(p, o);
	fputs("</main>\n", p->to);
	return 0;
}

static int write_page(const struct outcome *o, struct plot_files *files, const char *root)
{
	const struct run *run = &o->store->run;
	char *title = text_format("wgbench run %s", run->id);
	char *path = path_join(o->store->dir, "report.html");
	struct page p;

	page_begin(&p, title);
	first_write(&p, o);
	int ret = write_sections(&p, files, o, root);
	if (ret)
		page_abandon(&p);
	else
		ret = page_end(&p, path);
	free(path);
	free(title);
	return ret;
}

static int write_report(const struct outcome *o, const char *root)
{
	struct plot_files files;
	int ret = plot_files_begin(&files, o->store->dir);

	if (ret)
		return ret;
	ret = plots_write_forest(&files, o);
	if (!ret)
		ret = write_page(o, &files, root);
	if (!ret)
		ret = comment_write(o);
	plot_files_end(&files);
	return ret;
}

static int write_verdict(const struct outcome *o)
{
	json_t *json = outcome_json(o);
	char *path = path_join(o->store->dir, "verdict.json");
	int ret = output_json(path, json, JSON_INDENT(2));

	free(path);
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
