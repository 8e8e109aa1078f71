// `wgbench export`: a table of formats.
#include "harness/commands/export/export.h"

#include "harness/command.h"
#include "harness/options.h"
#include "base/file.h"
#include "base/quote.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	void (*write)(FILE *, const struct store *);
} formats[] = {
    {"gbench", export_gbench},
    {"benchstat", export_benchstat},
    {"csv", export_csv},
    {"openmetrics", export_openmetrics},
};
enum { EXPORT_SPEC_BYTES = RUN_SPEC_BYTES + 1 + 16 };
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

// What the earlier tunnels and all specs are called is taken.
static bool is_taken(const struct store *st, const char *name, unsigned tunnel,
                     char (*earlier)[EXPORT_SPEC_BYTES])
{
	for (unsigned t = 0; t < st->run.tunnels; t++)
		if ((t < tunnel && !strcmp(earlier[t], name)) ||
		    (t != tunnel && !strcmp(st->run.tunnel[t].spec, name)))
			return true;
	return false;
}

// The first tunnel of a spec has its name as it is.
static void number_tunnels(const struct store *st, unsigned last, char (*name)[EXPORT_SPEC_BYTES])
{
	for (unsigned t = 0; t <= last; t++) {
		const char *spec = st->run.tunnel[t].spec;
		unsigned number = 1;

		for (unsigned before = 0; before < t; before++)
			number += !strcmp(st->run.tunnel[before].spec, spec);
		snprintf(name[t], EXPORT_SPEC_BYTES, "%s", spec);
		while (number > 1) {
			snprintf(name[t], EXPORT_SPEC_BYTES, "%s#%u", spec, number);
			if (!is_taken(st, name[t], t, name))
				break;
			number++;
		}
	}
}

const char *export_tunnel_name(const struct store *st, unsigned tunnel, const char *also,
                               char name[EXPORT_NAME_BYTES])
{
	char numbered[RUN_TUNNELS_MAX][EXPORT_SPEC_BYTES];
	FILE *to = fmemopen(name, EXPORT_NAME_BYTES, "w");

	if (!to)
		abort();
	number_tunnels(st, tunnel, numbered);
	quote_word(to, numbered[tunnel], also);
	fclose(to);
	return name;
}

const char *export_known(const char *text)
{
	return text ? text : "";
}

unsigned export_cpus(const struct store *st)
{
	return st->run.environment.cpus ? st->run.environment.cpus : 1;
}

bool export_first_of_workload(const struct store *st, size_t trial)
{
	for (size_t i = 0; i < trial; i++)
		if (!strcmp(st->trial[i].workload, st->trial[trial].workload))
			return false;
	return true;
}

static int write_file(const struct store *st, size_t format, const char *path)
{
	struct output o;
	int ret = output_begin(&o, path);

	if (ret)
		return ret;
	formats[format].write(o.file, st);
	return output_end(&o);
}

static int export_run(const char *dir, size_t format, const char *path)
{
	struct store st;
	int ret;

	if (store_open(&st, dir, false))
		return EXIT_ERROR;
	if (!st.trials) {
		fprintf(stderr, "wgbench: %s: holds no trials\n", dir);
		store_close(&st);
		return EXIT_ERROR;
	}
	ret = 0;
	if (path)
		ret = write_file(&st, format, path);
	else
		formats[format].write(stdout, &st);
	store_close(&st);
	return ret ? EXIT_ERROR : EXIT_NO_REGRESSION;
}

static size_t find_format(const char *name)
{
	size_t i = 0;

	while (strcmp(formats[i].name, name))
		i++;
	return i;
}

static int export_main(int argc, char **argv)
{
	struct options_words words;
	const char *name = NULL, *path = NULL, *names[FORMATS + 1] = {NULL};
	const struct option_row rows[] = {
	    {"format", OPTION_STRING, &name, "FORMAT", .help = "what to write", .words = names,
	     .required = true},
	    {"out", OPTION_STRING, &path, "FILE", .help = "where to write it",
	     .otherwise = "standard output"},
	};
	struct options options = {
	    .command = &export_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};

	for (size_t i = 0; i < FORMATS; i++)
		names[i] = formats[i].name;
	int ret = options_parse(&options, argc, argv, &words, 1, 1);

	if (ret)
		return ret < 0 ? EXIT_ERROR : EXIT_NO_REGRESSION;
	return export_run(words.word[0], find_format(name), path);
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "written"}, {EXIT_ERROR, "not written"}, {0, NULL}};

static const struct command_example examples[] = {
    {"wgbench export results/RUN --format csv --out run.csv", "for a spreadsheet, or R"},
    {"wgbench export results/RUN --format benchstat | benchstat -col /tunnel -", "for benchstat"},
    {0},
};

const struct command export_command = {
    .name = "export",
    .main = export_main,
    .arguments = "RUN",
    .summary = "Print a run's trials as other programs read them",
    .help =
        "Every trial is written, also those that are contaminated, limited or failed. The "
        "formats:\n"
        "gbench\tGoogle Benchmark's JSON, for its compare.py. real_time is the time of a gigabit "
        "or "
        "a packet, or the delay (the first judged metric), and cpu_time the CPU's for the same. "
        "Every metric is a counter. Failed trials have no time; context.failed_trials lists them.\n"
        "benchstat\tGo's benchmark format, with a unit for each metric\n"
        "csv\tRFC 4180, one line for each trial and metric\n"
        "openmetrics\tgauges in base units, with the trials' times",
    .exits = exits,
    .examples = examples,
};
