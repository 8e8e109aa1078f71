// `wgbench history`: how metrics went over stored runs.
#include "base/text.h"
#include "harness/commands/history/history.h"
#include "harness/commands/history/json.h"

#include "harness/command.h"
#include "harness/record/environment_compare.h"
#include "harness/commands/history/changes.h"
#include "harness/options.h"
#include "base/file.h"
#include "harness/commands/history/plot.h"
#include "base/quote.h"
#include "harness/spec/parse.h"
#include "harness/show/table.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- text

// What is mitigated and what is left open, by name.
static void add_mitigations(struct table *t, const struct history_environment *e)
{
	static const char *const begins[] = {"Mitigation", "Vulnerable"};
	char text[2][1024] = {"", ""};
	size_t n[2] = {0};
	const char *name;
	json_t *state;

	json_object_foreach(e->mitigations, name, state)
	{
		for (int i = 0; i < 2; i++)
			if (json_is_string(state) &&
			    !strncmp(json_string_value(state), begins[i], strlen(begins[i])) &&
			    n[i] < sizeof(text[i]))
				n[i] += snprintf(text[i] + n[i], sizeof(text[i]) - n[i], "%s%s",
				                 n[i] ? " " : "", name);
	}
	for (int i = 0; i < 2; i++)
		table_add(t, *text[i] ? TABLE_PLAIN : TABLE_DIM, "%s", *text[i] ? text[i] : "none");
}

static bool is_shared(const struct history *h, const char *name, const json_t *value)
{
	for (size_t i = 0; i < h->environments; i++) {
		json_t *flat = environment_flatten(h->environment[i].conditions);
		bool same = json_equal(json_object_get(flat, name), value);

		json_decref(flat);
		if (!same)
			return false;
	}
	return true;
}

// The conditions in which the environments that are shown are not alike.
static void add_conditions(struct table *t, const struct history *h,
                           const struct history_environment *e)
{
	enum { SHOWN = 4 };
	json_t *flat = environment_flatten(e->conditions), *value;
	char text[1024] = "", more[64] = "";
	size_t differ = 0, n = 0;
	const char *name;

	json_object_foreach(flat, name, value)
	{
		if (is_shared(h, name, value) || differ++ >= SHOWN || n >= sizeof(text))
			continue;
		n += snprintf(text + n, sizeof(text) - n, "%s%s %s", n ? "; " : "", name,
		              json_string_value(value));
	}
	if (differ > SHOWN)
		snprintf(more, sizeof(more), "; %zu more: --json", differ - SHOWN);
	table_add(t, n ? TABLE_PLAIN : TABLE_DIM, "%s%s",
	          n                        ? text
	          : json_object_size(flat) ? "none"
	                                   : "not recorded",
	          more);
	json_decref(flat);
}

static void print_environments(const struct history *h)
{
	static const struct table_column columns[] = {
	    {"environment", TABLE_RIGHT}, {"CPU", TABLE_LEFT},       {"CPUs", TABLE_RIGHT},
	    {"kernel", TABLE_LEFT},       {"mitigated", TABLE_LEFT}, {"vulnerable", TABLE_LEFT},
	    {"not shared", TABLE_LEFT},
	};
	struct table t;

	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < h->environments; i++) {
		const struct history_environment *e = &h->environment[i];

		table_add(&t, TABLE_PLAIN, "%u", e->number);
		table_add(&t, TABLE_PLAIN, "%s", e->cpu_model);
		table_add(&t, TABLE_PLAIN, "%u", e->cpus);
		table_add(&t, TABLE_PLAIN, "%s", e->kernel);
		add_mitigations(&t, e);
		add_conditions(&t, h, e);
	}
	table_print(&t, stdout);
	table_free(&t);
}

static void add_number(struct table *t, double value)
{
	table_add(t, TABLE_PLAIN, fabs(value) < 1000 ? "%.4g" : "%.0f", value);
}

static const struct history_change *change_at(const struct history_series *s, size_t point)
{
	for (size_t i = 0; i < s->changes; i++)
		if (s->change[i].at == point)
			return &s->change[i];
	return NULL;
}

static void add_change(struct table *t, const struct history_series *s,
                       const struct history_change *c)
{
	enum table_colour colour;
	char by[64] = "";

	if (!c) {
		table_add(t, TABLE_PLAIN, "%s", "");
		table_add(t, TABLE_PLAIN, "%s", "");
		return;
	}
	colour = *c->acknowledged                 ? TABLE_DIM
	         : history_change_is_better(s, c) ? TABLE_GREEN
	                                          : TABLE_RED;
	table_add(t, colour, "%+.1f %% %s%s", history_change_percent(c),
	          history_change_is_better(s, c) ? "better" : "worse",
	          *c->acknowledged ? ", known" : "");
	if (!isnan(c->p))
		snprintf(by, sizeof(by), "E-divisive p %.3g%s", c->p, c->grouped ? ", " : "");
	table_add(t, TABLE_DIM, "%s%s%s%s", by, c->grouped ? "groups" : "",
	          *c->acknowledged ? "; " : "", c->acknowledged);
}

static void add_point(struct table *t, const struct history_point *p)
{
	table_add(t, TABLE_PLAIN, "%s", p->created);
	table_add(t, TABLE_PLAIN, "%s", p->run);
	table_add(t, TABLE_PLAIN, "%.12s%s", p->revision,
	          strstr(p->revision, "-dirty") ? "-dirty" : "");
	add_number(t, p->median);
	if (isfinite(p->low))
		table_add(t, TABLE_PLAIN, "[%.4g, %.4g]", p->low, p->high);
	else
		table_add(t, TABLE_DIM, "none");
	table_add(t, TABLE_PLAIN, "%zu", p->blocks);
}

static void print_series(const struct history_series *s)
{
	static const struct table_column columns[] = {
	    {"made", TABLE_LEFT},    {"run", TABLE_LEFT},   {"revision", TABLE_LEFT},
	    {"median", TABLE_RIGHT}, {"95 %", TABLE_RIGHT}, {"blocks", TABLE_RIGHT},
	    {"change", TABLE_LEFT},  {"by", TABLE_LEFT},
	};
	struct table t;

	quote_printf(
	    stdout,
	    "\n%s %s of %s (%s, %s is better), %u s a trial, environment %u, measured by %s\n",
	    s->workload, s->metric, s->tunnel, s->unit, s->higher_is_better ? "higher" : "lower",
	    s->duration_s, s->environment, s->measuring);
	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < s->n; i++) {
		add_point(&t, &s->point[i]);
		add_change(&t, s, change_at(s, i));
	}
	table_print(&t, stdout);
	table_free(&t);
}

static void print_text(const struct history *h)
{
	print_environments(h);
	for (size_t i = 0; i < h->n; i++)
		print_series(&h->series[i]);
}

// ---- the command

static int write_plot(const struct history *h, const char *root, const char *path)
{
	const struct history_series *first = &h->series[0];
	char *svg;
	int ret;

	for (size_t i = 1; i < h->n; i++)
		if (strcmp(h->series[i].workload, first->workload) ||
		    strcmp(h->series[i].metric, first->metric)) {
			fprintf(stderr, "wgbench history: --plot draws one metric of one workload: "
			                "give --metric and --workload\n");
			return -EINVAL;
		}
	ret = plot_history(root, h, &svg);
	if (ret)
		return ret;
	ret = output_text(path, svg, strlen(svg));
	free(svg);
	return ret;
}

static int refuse_nothing(const struct history_filter *f)
{
	fprintf(stderr, "wgbench history: no stored value");
	if (f->workload)
		fprintf(stderr, " of workload '%s'", f->workload);
	if (f->metric)
		fprintf(stderr, " of metric '%s'", f->metric);
	if (f->tunnel)
		fprintf(stderr, " of tunnel '%s'", f->tunnel);
	fprintf(stderr, ": wgbench history --json says what there is\n");
	return EXIT_ERROR;
}

static int show(const struct history *h, const struct history_filter *f, const char *root,
                const char *plot, bool json)
{
	if (!h->n)
		return refuse_nothing(f);
	if (plot && write_plot(h, root, plot))
		return EXIT_ERROR;
	if (json)
		output_print_json(history_to_json(h));
	else
		print_text(h);
	return 0;
}

static int history_main(int argc, char **argv)
{
	struct history_filter filter = {NULL, NULL, NULL};
	const char *path = NULL, *plot = NULL, *acknowledged = NULL;
	char *root, *file, *known, *usual[2];
	bool rebuild = false, json = false;
	struct options_words words;
	struct history h;
	size_t unreadable;
	const struct option_row rows[] = {
	    {"metric", OPTION_STRING, &filter.metric, "METRIC", .help = "only this metric",
	     .otherwise = "those that are judged"},
	    {"workload", OPTION_STRING, &filter.workload, "WORKLOAD",
	     .help = "only this workload, as runs name it: tcp:flows=8", .otherwise = "all"},
	    {"tunnel", OPTION_STRING, &filter.tunnel, "SPEC", .help = "only this tunnel",
	     .otherwise = "all"},
	    {"db", OPTION_STRING, &path, "FILE", .help = "the database",
	     .otherwise = "results/history.db in the source tree"},
	    {"rebuild", OPTION_FLAG, &rebuild, .help = "make the database anew"},
	    {"acknowledged", OPTION_STRING, &acknowledged, "FILE",
	     .help = "the list of known changes",
	     .otherwise = "results/acknowledged in the source tree"},
	    {"plot", OPTION_STRING, &plot, "FILE.svg",
	     .help = "also draw the series of one metric"},
	    {"json", OPTION_FLAG, &json, .help = "print it as JSON"},
	};
	struct options options = {
	    .command = &history_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};
	int code, ret = options_parse(&options, argc, argv, &words, 0, OPTIONS_WORDS_MAX);

	if (ret)
		return ret < 0 ? EXIT_ERROR : EXIT_NO_REGRESSION;
	root = spec_find_root();
	if (!root)
		return EXIT_ERROR;
	usual[0] = spec_results(root, NULL);
	usual[1] = spec_results(root, "reference");
	file = spec_results(root, "history.db");
	known = spec_results(root, "acknowledged");
	code =
	    history_load(&h, path ? path : file, words.n ? words.word : (const char *const *)usual,
	                 words.n ? words.n : 2, rebuild, &filter, &unreadable)
	        ? EXIT_ERROR
	        : EXIT_NO_REGRESSION;
	if (!code) {
		code = history_find_changes(&h, acknowledged ? acknowledged : known)
		           ? EXIT_ERROR
		           : show(&h, &filter, root, plot, json);
		history_free(&h);
		code = unreadable ? EXIT_ERROR : code;
	}
	free(usual[0]);
	free(usual[1]);
	free(file);
	free(known);
	free(root);
	return code;
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "shown"},
    {EXIT_ERROR, "there is nothing to show, or a folder can't be read"},
    {0, NULL},
};

static const struct command_example examples[] = {
    {"wgbench history --workload tcp --metric cpu_s_per_gbit --plot cpu.svg",
     "one metric over all stored runs"},
    {0},
};

const struct command history_command = {
    .name = "history",
    .main = history_main,
    .arguments = "[DIR]...",
    .summary = "Show how metrics changed over stored runs",
    .help =
        "DIR is a run's folder or a folder of runs; without one, results/ and results/reference/ "
        "of the source tree are read. A series holds what can be compared over time: the same "
        "workload, duration, metric, tunnel and environment, measured by the same code. The "
        "environment is CPU, kernel, number of CPUs, mitigations and whatever else changes "
        "results: allowed CPUs, quotas, priorities, frequency and idle settings, sysctls, "
        "compiler, libraries (--json shows all of it). A point is the median over a run's clean "
        "blocks, with the exact 95 % interval of the sign test.\n"
        "Changes are found by E-divisive (999 permutations, at p of 0.05) and by the grouping with "
        "the shortest message (jumpavg), with at least three points on either side. A line RUN "
        "WORKLOAD METRIC TUNNEL REASON in results/acknowledged acknowledges a change that is "
        "known: RUN is the first one after it, and the other words may be patterns.\n"
        "The database is derived from the folders and may be deleted.",
    .exits = exits,
    .examples = examples,
};
