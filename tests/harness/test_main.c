// The program itself, run as a user runs it: its commands, help and exit codes.
#include "base/process.h"
#include "tests/support/support.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char program[PATH_MAX + 16];

static int run(struct process_text *text, const char *a, const char *b)
{
	const char *const argv[] = {program, a, b, NULL};

	return process_run(argv, PROCESS_HERE, NULL, 60000, text);
}

static void assert_run(const char *a, const char *b, int code, const char *out, const char *err)
{
	struct process_text text;
	int got = run(&text, a, b);

	if (got != code || !strstr(text.out, out) || !strstr(text.err, err))
		fail_msg("%s %s: %d\n%s%s", a ? a : "", b ? b : "", got, text.out, text.err);
	process_text_free(&text);
}

static void usage(void **state)
{
	(void)state;
	assert_run(NULL, NULL, 2, "", "a command is missing: one of list doctor");
	assert_run("--help=man", NULL, 0, ".TH WGBENCH 1", "");
	assert_run("--help=words", NULL, 0, "\nrun\t\tMeasure", "");
	assert_run("--help=html", NULL, 2, "", "unknown command '--help=html'");
	assert_run("--help", NULL, 0, "usage: wgbench COMMAND", "");
	assert_run("-h", NULL, 0, "usage: wgbench COMMAND", "");
	assert_run("help", NULL, 0, "usage: wgbench COMMAND", "");
	assert_run("help", "run", 0, "usage: wgbench run", "");
	assert_run("help", "measure", 2, "", "unknown command 'measure'");
	assert_run("--version", NULL, 0, "wgbench ", "");
	assert_run("measure", NULL, 2, "",
	           "unknown command 'measure': one of list doctor run compare report profile micro "
	           "count selfcheck bisect history export");
}

static void every_command_has_help(void **state)
{
	static const char *const commands[] = {"list",      "doctor",  "run",     "compare",
	                                       "report",    "profile", "micro",   "count",
	                                       "selfcheck", "bisect",  "history", "export"};

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char first[64];

		snprintf(first, sizeof(first), "usage: wgbench %s", commands[i]);
		assert_run(commands[i], "--help", 0, first, "");
		assert_run(commands[i], "-h", 0, "--help", "");
		assert_run(commands[i], "--help=man", 0, ".SH EXIT STATUS", "");
		assert_run(commands[i], "--nonsense", 2, "", "unknown option '--nonsense'");
	}
}

static void list_shows_what_is_there(void **state)
{
	(void)state;
	assert_run("list", NULL, 0, "gsoc-before", "");
	assert_run("list", "--json", 0, "\"presets\"", "");
	assert_run("list", "ring", 2, "", "unexpected word 'ring'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(usage),
	    cmocka_unit_test(every_command_has_help),
	    cmocka_unit_test(list_shows_what_is_there),
	};
	ssize_t n = readlink("/proc/self/exe", program, PATH_MAX);

	// build/PROFILE/tests/harness/test_main: the program lies beside tests/.
	for (int up = 0; n > 0 && up < 3; up++)
		*strrchr(program, '/') = 0;
	strcat(program, "/wgbench");
	if (access(program, X_OK)) {
		fprintf(stderr, "test_main: no %s: run `make harness` first\n", program);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
