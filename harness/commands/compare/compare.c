// The verdict table of a run.
#include "harness/command.h"
#include "harness/record/environment_compare.h"
#include "harness/options.h"
#include "harness/judge/outcome.h"
#include "base/file.h"
#include "base/quote.h"
#include "base/text.h"
#include "harness/show/environment_table.h"
#include "harness/show/verdict_json.h"
#include "harness/show/verdict_text.h"
#include "harness/spec/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_verdicts(const struct outcome *o)
{
	char root[PATH_MAX], *path;

	path = spec_find_root(root) ? text_format("%s", "") : spec_results(root, "selfcheck.json");
	verdict_text_print(o, path);
	free(path);
}

static int compare(const char *dir, const struct outcome_how *how, bool json)
{
	struct outcome o;
	int code;

	if (outcome_load(&o, dir, how))
		return EXIT_ERROR;
	if (json)
		output_print_json(outcome_json(&o));
	else
		print_verdicts(&o);
	code = (int)outcome_answer(&o);
	outcome_free(&o);
	return code;
}

// ---- two folders

static bool says_moved(const struct store *st)
{
	bool moved = environment_latest(&st->run) != st->run.environment.all;

	if (moved)
		quote_printf(stderr,
		             "wgbench: %s was itself resumed in another environment: see "
		             "wgbench compare %s\n",
		             st->dir, st->dir);
	return moved;
}

static int print_environments(const struct store *first, const struct store *second, bool json)
{
	json_t *differences = environment_differences_of_runs(&first->run, &second->run);
	bool first_moved = says_moved(first), second_moved = says_moved(second);
	size_t n = json_array_size(differences);
	struct table t;

	if (!differences) {
		quote_printf(stderr, "wgbench: %s/run.json: no 'environment' to compare\n",
		             json_object_size(first->run.environment.all) ? second->dir
		                                                          : first->dir);
		return EXIT_ERROR;
	}
	environment_table(differences, first->run.id, second->run.id, &t);
	if (json)
		output_print_json(json_incref(differences));
	else if (n)
		table_print(&t, stdout);
	else
		printf("the same environment\n");
	table_free(&t);
	json_decref(differences);
	return n || first_moved || second_moved ? EXIT_DIFFERENT : EXIT_NO_REGRESSION;
}

static int compare_environments(const char *first, const char *second, bool json)
{
	struct store a, b;
	int code = EXIT_ERROR;

	if (store_open(&a, first, false))
		return code;
	if (!store_open(&b, second, false)) {
		code = print_environments(&a, &b, json);
		store_close(&b);
	}
	store_close(&a);
	return code;
}

// ---- the command

static int compare_main(int argc, char **argv)
{
	struct options_words words;
	struct outcome_how how = {0};
	bool json = false, environment = false;
	const struct option_row rows[] = {
	    {"gate", OPTION_DOUBLE, &how.gate_percent, "PERCENT",
	     .help = "the threshold: the smallest effect that matters", .min = RUN_GATE_MIN,
	     .max = RUN_GATE_MAX,
	     .otherwise = "the run's own, else " OPTION_TEXT(RUN_GATE_DEFAULT)},
	    {"metric", OPTION_STRING, &how.metric, "METRIC", .help = "judge only this metric"},
	    {"baseline", OPTION_STRING, &how.baseline, "SPEC",
	     .help = "the tunnel of the run to compare with", .otherwise = "the first one"},
	    {"environment", OPTION_FLAG, &environment,
	     .help = "show how the machine and the programs of RUN and OTHER differ"},
	    {"json", OPTION_FLAG, &json, .help = "print it as JSON, as verdict.json has it"},
	};
	struct options options = {
	    .command = &compare_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};
	int ret = options_parse(&options, argc, argv, &words, 1, 2);

	if (ret)
		return ret < 0 ? EXIT_ERROR : EXIT_NO_REGRESSION;
	if (environment != (words.n == 2) ||
	    (environment && (how.gate_percent > 0 || how.metric || how.baseline))) {
		fprintf(stderr, "wgbench compare: give one RUN to judge, or --environment with "
		                "two to compare their machines\n");
		return EXIT_ERROR;
	}
	if (environment)
		return compare_environments(words.word[0], words.word[1], json);
	return compare(words.word[0], &how, json);
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "no regression; with --environment: the same"},
    {EXIT_REGRESSION, "a metric is worse by more than the threshold; with --environment: "
                      "different, also where only one run recorded something"},
    {EXIT_ERROR, "the run can't be judged"},
    {EXIT_INCONCLUSIVE, "inconclusive"},
    {0, NULL},
};

static const struct command_example examples[] = {
    {"wgbench compare results/RUN --gate 5", "judge a stored run by another threshold"},
    {"wgbench compare --environment results/RUN results/OTHER", "how two machines differ"},
    {0},
};

const struct command compare_command = {
    .name = "compare",
    .main = compare_main,
    .arguments = "RUN [OTHER]",
    .summary = "Judge a run: which metrics are better, worse or the same, and how sure that is",
    .help = "RUN is a folder that `wgbench run` wrote; it is only read. Goals of the plan are "
            "judged beside the verdicts and don't change the exit code.",
    .exits = exits,
    .examples = examples,
};
