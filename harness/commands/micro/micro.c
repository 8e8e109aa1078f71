// `wgbench micro`: the variants of each slot against one another, without the tunnel around them.
#include "base/argv.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/process.h"
#include "base/quote.h"
#include "base/stamp.h"
#include "base/text.h"
#include "harness/command.h"
#include "harness/commands/micro/print.h"
#include "harness/commands/micro/programs.h"
#include "harness/machine/counters.h"
#include "harness/machine/environment.h"
#include "harness/options.h"
#include "harness/spec/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FULL_BLOCKS 6
#define FULL_TIME_S 0.02
#define QUICK_BLOCKS 1
#define QUICK_TIME_S 0.002

struct micro_options {
	const char *filter, *counters, *out, *from;
	unsigned long long repetitions, seed;
	double min_time_s;
	bool quick, list, json;
};

// ---- what is kept

static char **name_counters(const char *list, size_t *n)
{
	struct counters_set set = {0};
	struct text fault = {0};
	char **names;

	if (list && counters_parse(&set, list, &fault))
		set.n = 0;
	text_free(&fault);
	names = memory_new(set.n, sizeof(*names));
	for (*n = 0; *n < set.n; ++*n)
		names[*n] = text_format("%s", set.event[*n].name);
	return names;
}

static void describe_run(struct micro_raw *raw, const struct micro_options *o,
                         const struct micro_plan *p, const char *id)
{
	char created[STAMP_BYTES];
	char *filter = o->filter ? output_clean(o->filter) : NULL;
	struct argv a = {0};

	stamp_record(created, time(NULL));
	argv_add_all(&a, "wgbench", "micro", NULL);
	if (filter)
		argv_add(&a, filter);
	free(filter);
	argv_add_format(&a, "--repetitions=%u", p->blocks);
	argv_add_format(&a, "--min-time=%.9g", p->min_time_s);
	argv_add_format(&a, "--seed=%llu", (unsigned long long)p->seed);
	if (p->counters)
		argv_add_format(&a, "--counters=%s", p->counters);
	*raw = (struct micro_raw){.id = text_format("%s", id),
	                          .created = text_format("%s", created),
	                          .words = a.n,
	                          .command = a.word,
	                          .seed = p->seed,
	                          .repetitions = p->blocks,
	                          .min_time_s = p->min_time_s,
	                          .environment = environment_collect()};
	raw->counter = name_counters(p->counters, &raw->counters);
}

static int save_raw(const struct micro_raw *raw, void *dir)
{
	char *path = path_join(dir, "micro.json");
	json_t *document = micro_raw_write(raw);
	int ret = output_json(path, document, JSON_INDENT(1) | JSON_COMPACT);

	json_decref(document);
	free(path);
	return ret;
}

// Where the raw runs are, which may have been gzipped since, or would be.
static char *find_raw(const char *dir)
{
	char *path = path_join(dir, "micro.json"), *gzipped = text_format("%s.gz", path);
	bool plain = path_exists(path) || !path_exists(gzipped);

	free(plain ? gzipped : path);
	return plain ? path : gzipped;
}

static int make_folder(const char *dir)
{
	char *path = find_raw(dir);
	int ret = 0;

	if (path_exists(path)) {
		ret = -EEXIST;
		fprintf(stderr, "wgbench micro: %s is there already: choose another --out\n", path);
	} else if (mkdir(dir, 0755) && errno != EEXIST) {
		ret = -errno;
		fprintf(stderr, "wgbench micro: %s: %s\n", dir, strerror(-ret));
	}
	free(path);
	return ret;
}

// ---- the command

static int list_entries(const struct micro_plan *p, bool json)
{
	json_t *name;
	size_t i;

	if (json) {
		output_print_json(json_incref(p->entries));
		return 0;
	}
	json_array_foreach(p->entries, i, name)
	{
		printf("%s\n", json_string_value(name));
	}
	return 0;
}

static int show_results(const struct micro_options *o, const struct micro_raw *raw,
                        const char *root, const char *dir)
{
	int failed = (o->json ? micro_show_json : micro_show_text)(raw, stdout);

	fflush(stdout);
	if (failed > 0)
		fprintf(stderr, "wgbench micro: %d entries failed\n", failed);
	if (failed < 0 || micro_show_report(raw, root, dir))
		return EXIT_ERROR;
	fprintf(stderr, "report: %s/report.md\n", dir);
	return failed ? EXIT_ERROR : EXIT_NO_REGRESSION;
}

static int measure_in(const struct micro_options *o, const struct micro_plan *p, const char *id,
                      char *dir)
{
	if (make_folder(dir))
		return EXIT_ERROR;
	struct micro_raw raw;
	int code = EXIT_ERROR;

	describe_run(&raw, o, p, id);
	int ret = micro_run(p, &raw, save_raw, dir);
	if (ret == -EINTR) {
		fprintf(stderr, "wgbench micro: stopped; what is finished is in %s\n", dir);
		code = EXIT_BY_SIGNAL + process_signal();
	} else if (!ret) {
		code = show_results(o, &raw, p->catalog->root, dir);
	}
	micro_raw_free(&raw);
	return code;
}

static int measure_entries(const struct micro_options *o, const struct micro_plan *p)
{
	char stamp[STAMP_BYTES];

	stamp_name(stamp, time(NULL));
	char *id = text_format("%s-%d", stamp, getpid());
	char *dir = o->out ? text_format("%s", o->out) : spec_results(p->catalog->root, id);
	int code = measure_in(o, p, id, dir);
	free(dir);
	free(id);
	return code;
}

static int show_again(const struct micro_options *o, const char *root)
{
	char *path = find_raw(o->from);
	struct micro_raw raw = {0};
	struct text fault = {0};
	int code = EXIT_ERROR;

	if (micro_raw_load(&raw, path, &fault))
		quote_printf(stderr, "wgbench micro: %s:%s\n", path, text_string(&fault));
	else
		code = show_results(o, &raw, root, o->from);
	text_free(&fault);
	micro_raw_free(&raw);
	free(path);
	return code;
}

static int parse_options(struct micro_options *o, int argc, char **argv)
{
	struct options_words words;
	struct counters_set set;
	struct text fault = {0};
	const struct option_row rows[] = {
	    {"counters", OPTION_STRING, &o->counters, "NAME,...",
	     .help = "also count these per iteration, by libpfm's names: instructions,cycles"},
	    {"repetitions", OPTION_UNSIGNED, &o->repetitions, "N",
	     .help = "blocks, each of two runs of every variant", .min = 1, .max = 100,
	     .otherwise = OPTION_TEXT(FULL_BLOCKS)},
	    {"min-time", OPTION_DOUBLE, &o->min_time_s, "SECONDS",
	     .help = "the least time that a run measures each entry", .min = 1e-6, .max = 60,
	     .otherwise = OPTION_TEXT(FULL_TIME_S)},
	    {"quick", OPTION_FLAG, &o->quick,
	     .help = "one block of " OPTION_TEXT(
	         QUICK_TIME_S) " s: to see that it works, not a result"},
	    {"seed", OPTION_UNSIGNED, &o->seed, "N", .help = "seed of the order within blocks",
	     .min = 0, .max = 0x1p53, .fallback = "1"},
	    {"out", OPTION_STRING, &o->out, "DIR", .help = "where micro.json and the report go",
	     .otherwise = "results/TIME-PID in the source tree"},
	    {"from", OPTION_STRING, &o->from, "DIR",
	     .help = "show what an earlier run left in DIR, even an interrupted one"},
	    {"list", OPTION_FLAG, &o->list, .help = "only show the entries"},
	    {"json", OPTION_FLAG, &o->json, .help = "print results (or the list) as JSON"},
	};
	struct options options = {
	    .command = &micro_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};

	*o = (struct micro_options){0};
	int ret = options_parse(&options, argc, argv, &words, 0, 1);
	if (ret)
		return ret;
	o->filter = words.n ? words.word[0] : NULL;
	if (o->counters && counters_parse(&set, o->counters, &fault)) {
		fprintf(stderr, "wgbench micro: %s\n", text_string(&fault));
		text_free(&fault);
		return -EINVAL;
	}
	return 0;
}

static int plan_and_measure(const struct micro_options *o, const struct spec_catalog *catalog)
{
	struct micro_plan *p = memory_new(1, sizeof(*p));
	int code = EXIT_ERROR;

	int ret = micro_plan_make(p, catalog, o->filter);
	if (!ret) {
		p->blocks = o->repetitions ? o->repetitions : o->quick ? QUICK_BLOCKS : FULL_BLOCKS;
		p->min_time_s = o->min_time_s > 0 ? o->min_time_s
		                : o->quick        ? QUICK_TIME_S
		                                  : FULL_TIME_S;
		p->counters = o->counters;
		p->seed = o->seed;
		code = o->list ? list_entries(p, o->json) : measure_entries(o, p);
		micro_plan_free(p);
	} else if (process_signal()) {
		code = EXIT_BY_SIGNAL + process_signal();
	}
	free(p);
	return code;
}

static int micro_main(int argc, char **argv)
{
	struct spec_catalog *catalog = memory_new(1, sizeof(*catalog));
	struct micro_options o;
	int code = EXIT_ERROR, ret = parse_options(&o, argc, argv);
	if (ret == OPTIONS_HELPED)
		code = EXIT_NO_REGRESSION;
	else if (!ret && !process_guard_signals() && !spec_catalog_load(catalog))
		code = o.from ? show_again(&o, catalog->root) : plan_and_measure(&o, catalog);
	spec_catalog_free(catalog);
	free(catalog);
	return code;
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "done"},
    {EXIT_ERROR, "something couldn't be run, or an entry failed"},
    {EXIT_BY_SIGNAL, "stopped by signal N; what is finished is kept"},
    {0, NULL},
};

static const struct command_example examples[] = {
    {"wgbench micro 'allowedips/.*/lookup_v4'", "lookups in every table of allowed IPs"},
    {"wgbench micro aead --counters=instructions,cycles", "ciphers, with counters"},
    {0},
};

const struct command micro_command = {
    .name = "micro",
    .main = micro_main,
    .arguments = "[FILTER]",
    .summary = "Measure the variants of each slot by themselves, against one another",
    .help =
        "FILTER is an extended regular expression that is matched against SLOT/VARIANT/ENTRY; "
        "without one, everything runs. Each variant is a program of its own, "
        "build/PROFILE/micro/SLOT/VARIANT, linked from the object that tunnels are linked from.\n"
        "In every block each variant runs twice, in balanced order (ABBA, BAAB). Its ratio to the "
        "slot's variant in the preset `default` comes with a 95 % interval over the blocks, or "
        "with their range where there are fewer than six. `noop` measures the loop, `baseline` "
        "the loop with an empty call.\n"
        "The raw runs are kept in micro.json, with tables and plots beside it. A counter that this "
        "machine doesn't have is shown as unavailable, never as 0.",
    .exits = exits,
    .examples = examples,
};
