// wgbench: a table of subcommands.
#include "harness/help.h"
#include "base/process.h"

#include "base/standard.h"

#include <stdio.h>
#include <string.h>

extern const char wgbench_revision[], wgbench_profile[];

static const struct command *const commands[] = {
    &list_command,    &doctor_command, &run_command,   &compare_command,   &report_command,
    &profile_command, &micro_command,  &count_command, &selfcheck_command, &bisect_command,
    &history_command, &export_command, NULL,
};

static int refuse_command(const char *name)
{
	if (name)
		fprintf(stderr, "wgbench: unknown command '%s': one of", name);
	else
		fprintf(stderr, "wgbench: a command is missing: one of");
	for (size_t i = 0; commands[i]; i++)
		fprintf(stderr, " %s", commands[i]->name);
	fprintf(stderr, "; see wgbench --help\n");
	return EXIT_ERROR;
}

static int dispatch_command(int argc, char **argv)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(argv[0], commands[i]->name))
			return commands[i]->main(argc, argv);
	return refuse_command(argv[0]);
}

// `wgbench help COMMAND` is `wgbench COMMAND --help`.
static int show_help(int argc, char **argv)
{
	if (argc == 3)
		return dispatch_command(2, (char *[]){argv[2], "--help", NULL});
	return help_show_all(commands, "") ? EXIT_NO_REGRESSION : EXIT_ERROR;
}

static int dispatch(int argc, char **argv)
{
	static const char help[] = "--help=";

	process_complete_path();
	if (argc < 2)
		return refuse_command(NULL);
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
		return show_help(argc, argv);
	if (!strncmp(argv[1], help, strlen(help)) &&
	    help_show_all(commands, argv[1] + strlen(help)))
		return EXIT_NO_REGRESSION;
	if (!strcmp(argv[1], "--version")) {
		printf("wgbench %s (%s)\n", wgbench_revision, wgbench_profile);
		return EXIT_NO_REGRESSION;
	}
	return dispatch_command(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	standard_open();
	return standard_close("wgbench", dispatch(argc, argv));
}
