// wgbench: a table of subcommands.
#include "harness/command.h"
#include "base/process.h"

#include "base/standard.h"

#include <stdio.h>
#include <string.h>

extern const char wgbench_revision[], wgbench_profile[];

static const struct command *const commands[] = {
    &list_command,      &doctor_command,  &run_command,     &compare_command,
    &report_command,    &profile_command, &micro_command,   &count_command,
    &selfcheck_command, &bisect_command,  &history_command, &export_command,
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_usage(FILE *to)
{
	fprintf(to, "usage: wgbench COMMAND [OPTION]... [ARGUMENT]...\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "\nwgbench COMMAND --help tells more; wgbench --version which one this is.\n"
	            "Exit codes: 0 done, and of those that judge no regression; 1 regression; "
	            "2 error, also\nwhere output could not be written; 3 inconclusive; 128 + N "
	            "stopped by signal N.\n");
}

static int dispatch(int argc, char **argv)
{
	process_complete_path();
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_ERROR;
	}
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
		print_usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("wgbench %s (%s)\n", wgbench_revision, wgbench_profile);
		return 0;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i]->name))
			return commands[i]->main(argc - 1, argv + 1);
	fprintf(stderr, "wgbench: unknown command '%s': one of", argv[1]);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(stderr, " %s", commands[i]->name);
	fprintf(stderr, "; see wgbench --help\n");
	return EXIT_ERROR;
}

int main(int argc, char **argv)
{
	standard_open();
	return standard_close("wgbench", dispatch(argc, argv));
}
