// `wgbench report`.
#include "harness/command.h"
#include "harness/options.h"
#include "harness/show/report/report.h"
#include "harness/spec/root.h"

#include <stdlib.h>

static int report(const char *dir, double gate_percent)
{
	const struct outcome_how how = {.gate_percent = gate_percent, .alone = true};
	struct outcome o;
	char *root;
	int code;

	if (outcome_load(&o, dir, &how))
		return EXIT_ERROR;
	root = spec_find_root();
	code = !root || report_write(&o, root) ? EXIT_ERROR : EXIT_NO_REGRESSION;
	free(root);
	outcome_free(&o);
	return code;
}

static int report_main(int argc, char **argv)
{
	struct options_words words;
	double gate_percent = 0;
	const struct option_row rows[] = {
	    {"gate", OPTION_DOUBLE, &gate_percent, "PERCENT",
	     .help = "the threshold: the smallest effect that matters", .min = RUN_GATE_MIN,
	     .max = RUN_GATE_MAX,
	     .otherwise = "the run's own, else " OPTION_TEXT(RUN_GATE_DEFAULT)},
	};
	struct options options = {.command = &report_command, .rows = rows, .n = 1};
	int ret = options_parse(&options, argc, argv, &words, 1, 1);

	if (ret)
		return ret < 0 ? EXIT_ERROR : EXIT_NO_REGRESSION;
	return report(words.word[0], gate_percent);
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "written"}, {EXIT_ERROR, "not written"}, {0, NULL}};

const struct command report_command = {
    .name = "report",
    .main = report_main,
    .arguments = "RUN",
    .summary = "Write a run's report.md, report.html, plots/*.svg and verdict.json",
    .help = "RUN is a folder that `wgbench run` wrote; the report goes there. report.html needs no "
            "other file; verdict.json is what `wgbench compare --json` prints.",
    .exits = exits,
};
