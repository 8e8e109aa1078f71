// A subcommand's options, as a table of typed rows with their ranges and defaults; parsed once,
// into the rows' targets. What isn't understood is named in one line with what is.
#ifndef WGBENCH_OPTIONS_H
#define WGBENCH_OPTIONS_H

#include "harness/command.h"

#include <stdbool.h>
#include <stddef.h>

enum { OPTIONS_WORDS_MAX = 32 };

struct options_words {
	size_t n;
	const char *word[OPTIONS_WORDS_MAX]; // borrowed from argv
};

enum option_type {
	OPTION_FLAG,     // bool *
	OPTION_STRING,   // const char **
	OPTION_UNSIGNED, // unsigned long long *, within min..max
	OPTION_DOUBLE,   // double *, within min..max
	OPTION_TIME,     // double *, seconds: 90, 90s, 10m, 1.5h; within min..max
	OPTION_STRINGS,  // struct options_words *; the option may be given again
};

struct option_row {
	const char *name; // without its dashes
	enum option_type type;
	void *target;
	const char *value; // what the help calls the value: "SPEC", "SECONDS"
	const char *help;
	double min, max; // of numbers and times: both ends are allowed

	// What the target is where the option isn't given, as it would be given; NULL: the target
	// stays as it is, and `otherwise` may say in words what that means.
	const char *fallback, *otherwise;
	const char *const *words; // of strings: the words that are allowed, up to NULL; NULL: any
	bool required;
};

// The values that it takes, as help and messages say them: "1 to 100", "red, green"; nothing where
// any will do.
struct text;
void option_add_values(struct text *, const struct option_row *);

struct options {
	const struct command *command;
	const struct option_row *rows;
	size_t n;
	unsigned long long given; // of rows, by the parser: a bit each
};

// A default that the code has as a number, as its row has it: "8".
#define OPTION_TEXT(number) OPTION_TEXT_(number)
#define OPTION_TEXT_(number) #number

enum { OPTIONS_HELPED = 1 };

// Sets the defaults and parses argv[1..] (`--x=y`, `--x y`, `--` ends the options). Words that
// aren't options go to `words`, which must come to words_min..words_max. 0; OPTIONS_HELPED after
// -h or --help was answered on stdout (exit 0); -EINVAL after one printed line (exit 2).
int options_parse(struct options *, int argc, char **argv, struct options_words *words,
                  size_t words_min, size_t words_max);

// The first option that was given but isn't among `allowed` (names, up to NULL), or NULL.
const char *options_beyond(const struct options *, const char *const *allowed);

#endif
