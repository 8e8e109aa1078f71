// The subcommands of wgbench. Each file that holds one exports its row, from which main.c makes the
// table, and help.c the help, the man page and what a shell completes; adding a subcommand is
// adding a row there and a file here.
#ifndef WGBENCH_COMMAND_H
#define WGBENCH_COMMAND_H

enum {
	EXIT_NO_REGRESSION = 0,
	EXIT_REGRESSION = 1,
	EXIT_DIFFERENT = 1, // of what is looked up, not judged
	EXIT_ERROR = 2,     // usage or environment; a line on stderr says what and the remedy
	EXIT_INCONCLUSIVE = 3,
	EXIT_BY_SIGNAL = 128, // plus the signal's number
};

struct command_exit {
	int code;
	const char *meaning;
};

struct command_example {
	const char *words, *purpose;
};

struct command {
	const char *name;
	int (*main)(int argc, char **argv); // argv[0] is the subcommand; returns an exit code
	const char *arguments; // what follows the options in the usage line, e.g. "RUN"
	const char *summary;   // one line, no full stop

	// Paragraphs, one a line, or NULL; "TERM\tWHAT" makes a list.
	const char *help;
	const struct command_exit *exits;       // up to one without a meaning
	const struct command_example *examples; // up to one without words, or NULL
};

extern const struct command list_command, doctor_command, run_command, compare_command,
    report_command, profile_command, micro_command, count_command, selfcheck_command,
    export_command, history_command, bisect_command;

#endif
