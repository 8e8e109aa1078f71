// The verdict table of a run.
#include "harness/command.h"
#include "harness/record/environment_compare.h"
#include "harness/options.h"
#include "harness/judge/outcome.h"
#include "base/file.h"
#include "base/quote.h"
#include "base/text.h"
#include "harness/show/environment_table.h"
#include "harness/show/selfcheck_note.h"
#include "harness/show/verdict_json.h"
#include "harness/show/verdict_text.h"
#include "harness/show/verdict/brief.h"
#include "base/terminal.h"
#include "harness/spec/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print(const struct outcome *o, bool details)
{
	char *root = spec_find_root();
	char *path = root ? spec_results(root, "selfcheck.json") : text_format("%s", "");

	free(root);
	if (details) {
		verdict_text_print(o, path);
	} else {
		brief_print(o, terminal_columns(stdout), stdout);
		if (o->verdicts.n)
			selfcheck_print_note(o, path, stdout);
	}
	free(path);
}

struct compare_options {
	struct outcome_how how;
	const char *fail_on;
	bool json, details, environment;
};

// What a caller asked to pass is no failure.
static int exit_code(const struct outcome *o, const char *fail_on)
{
	enum outcome_answer answer = outcome_answer(o);

	if (answer == OUTCOME_UNDECIDED && !strcmp(fail_on, "worse"))
		return EXIT_NO_REGRESSION;
	return (int)answer;
}

static int compare(const char *dir, const struct compare_options *c)
{
	struct outcome o;
	int code;

	if (outcome_load(&o, dir, &c->how))
		return EXIT_ERROR;
	if (c->json)
		output_print_json(outcome_json(&o));
	else
		print(&o, c->details);
	code = exit_code(&o, c->fail_on);
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
	static const char *const fail_on[] = {"undecided", "worse", NULL};
	struct compare_options c = {.fail_on = "undecided"};
	const struct option_row rows[] = {
	    {"gate", OPTION_DOUBLE, &c.how.gate_percent, "PERCENT",
	     .help = "the threshold: the smallest effect that matters", .min = RUN_GATE_MIN,
	     .max = RUN_GATE_MAX,
	     .otherwise = "the run's own, else " OPTION_TEXT(RUN_GATE_DEFAULT)},
	    {"metric", OPTION_STRING, &c.how.metric, "METRIC", .help = "judge only this metric"},
	    {"baseline", OPTION_STRING, &c.how.baseline, "SPEC",
	     .help = "the tunnel of the run to compare with", .otherwise = "the first one"},
	    {"fail-on", OPTION_STRING, &c.fail_on, "WORD",
	     .help = "worse: pass what is undecided too", .words = fail_on,
	     .otherwise = "undecided"},
	    {"details", OPTION_FLAG, &c.details, .help = "show the statistics of each verdict"},
	    {"environment", OPTION_FLAG, &c.environment,
	     .help = "show how the machine and the programs of RUN and OTHER differ"},
	    {"json", OPTION_FLAG, &c.json, .help = "print it as JSON, as verdict.json has it"},
	};
	struct options options = {
	    .command = &compare_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};
	int ret = options_parse(&options, argc, argv, &words, 1, 2);

	if (ret)
		return ret < 0 ? EXIT_ERROR : EXIT_NO_REGRESSION;
	if (c.environment != (words.n == 2) ||
	    (c.environment && (c.how.gate_percent > 0 || c.how.metric || c.how.baseline))) {
		fprintf(stderr, "wgbench compare: give one RUN to judge, or --environment with "
		                "two to compare their machines\n");
		return EXIT_ERROR;
	}
	if (c.environment)
		return compare_environments(words.word[0], words.word[1], c.json);
	return compare(words.word[0], &c);
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "no regression: nothing is worse by more than the threshold; with "
                         "--environment: the same"},
    {EXIT_REGRESSION, "a metric is worse by more than the threshold; with --environment: "
                      "different, also where only one run recorded something"},
    {EXIT_ERROR, "the run can't be judged"},
    {EXIT_INCONCLUSIVE, "undecided: a regression is neither shown nor excluded"},
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
