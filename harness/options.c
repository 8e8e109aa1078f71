#include "harness/options.h"

#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What doesn't fit on the left has a line of its own.
static void print_option(const char *left, const char *help, const char *more)
{
	enum { WIDTH = 24 };

	if (strlen(left) <= WIDTH)
		printf("  %-*s %s%s\n", WIDTH, left, help, more);
	else
		printf("  %s\n  %-*s %s%s\n", left, WIDTH, "", help, more);
}

static void print_help(const struct command *c, const struct option_row *rows, size_t n)
{
	printf("usage: wgbench %s%s%s%s\n\n%s.\n\n", c->name, " [OPTION]...",
	       *c->arguments ? " " : "", c->arguments, c->summary);
	for (size_t i = 0; i < n; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
		         rows[i].type == OPTION_FLAG ? "" : " ",
		         rows[i].type == OPTION_FLAG ? "" : rows[i].value);
		print_option(left, rows[i].help,
		             rows[i].type == OPTION_STRINGS ? "; may be given again" : "");
	}
	print_option("-h, --help", "this text", "");
	if (c->help)
		printf("\n%s\n", c->help);
}

static int refuse_unknown(const struct command *c, const struct option_row *rows, size_t n,
                          const char *given)
{
	fprintf(stderr, "wgbench %s: unknown option '%s': one of", c->name, given);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " --%s", rows[i].name);
	fprintf(stderr, " --help\n");
	return -EINVAL;
}

static int take_number(const struct command *c, const struct option_row *row, const char *text)
{
	static const char *const kinds[] = {[OPTION_UNSIGNED] = "a whole number",
	                                    [OPTION_DOUBLE] = "a number",
	                                    [OPTION_TIME] = "a time (90s, 10m, 1.5h)"};
	bool whole = row->type == OPTION_UNSIGNED;
	unsigned long long u = 0;
	double d;
	char *end;

	errno = 0;
	if (whole)
		d = u = strtoull(text, &end, 10);
	else
		d = strtod(text, &end);
	if (row->type == OPTION_TIME && !text_parse_seconds(text, &d))
		end = "";
	// strtoull() takes a sign and wraps it; strtod() takes "inf" and "nan".
	if (errno || end == text || *end || isspace((unsigned char)*text) ||
	    (whole && (*text == '-' || *text == '+')) || !isfinite(d)) {
		fprintf(stderr, "wgbench %s: --%s takes %s, not '%s'\n", c->name, row->name,
		        kinds[row->type], text);
		return -EINVAL;
	}
	if (d < row->min || d > row->max) {
		fprintf(stderr, "wgbench %s: --%s %s is out of range: %.15g to %.15g\n", c->name,
		        row->name, text, row->min, row->max);
		return -EINVAL;
	}
	if (whole)
		*(unsigned long long *)row->target = u;
	else
		*(double *)row->target = d;
	return 0;
}

static int take_word(const struct command *c, struct options_words *words, const char *word)
{
	if (words->n == OPTIONS_WORDS_MAX) {
		fprintf(stderr, "wgbench %s: '%s' is one too many: at most %d\n", c->name, word,
		        OPTIONS_WORDS_MAX);
		return -EINVAL;
	}
	words->word[words->n++] = word;
	return 0;
}

static int take_value(const struct command *c, const struct option_row *row, const char *text)
{
	if (row->type != OPTION_FLAG && !*text) {
		fprintf(stderr, "wgbench %s: --%s needs a value: --%s %s\n", c->name, row->name,
		        row->name, row->value);
		return -EINVAL;
	}
	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)row->target = true;
		return 0;
	case OPTION_STRING:
		*(const char **)row->target = text;
		return 0;
	case OPTION_UNSIGNED:
	case OPTION_DOUBLE:
	case OPTION_TIME:
		return take_number(c, row, text);
	case OPTION_STRINGS:
		return take_word(c, row->target, text);
	}
	return -EINVAL;
}

// Takes the option at argv[*i], and its value behind it.
static int take_option(const struct command *c, const struct option_row *rows, size_t n, int argc,
                       char **argv, int *i)
{
	const char *given = argv[*i], *equals = strchr(given, '=');
	size_t length = equals ? (size_t)(equals - given) : strlen(given);
	const struct option_row *row = NULL;

	for (size_t r = 0; r < n && !row; r++)
		if (length == strlen(rows[r].name) + 2 && !strncmp(given, "--", 2) &&
		    !strncmp(given + 2, rows[r].name, length - 2))
			row = &rows[r];
	if (!row)
		return refuse_unknown(c, rows, n, given);
	if (row->type == OPTION_FLAG) {
		if (!equals)
			return take_value(c, row, "");
		fprintf(stderr, "wgbench %s: --%s takes no value, not '%s'\n", c->name, row->name,
		        equals + 1);
		return -EINVAL;
	}
	if (equals)
		return take_value(c, row, equals + 1);
	return take_value(c, row, *i + 1 < argc ? argv[++*i] : "");
}

static int check_words(const struct command *c, const struct options_words *words, size_t min,
                       size_t max)
{
	if (words->n > max) {
		fprintf(stderr, "wgbench %s: unexpected word '%s'; see wgbench %s --help\n",
		        c->name, words->word[max], c->name);
		return -EINVAL;
	}
	if (words->n < min) {
		fprintf(stderr, "wgbench %s: missing: %s; see wgbench %s --help\n", c->name,
		        c->arguments, c->name);
		return -EINVAL;
	}
	return 0;
}

int options_parse(const struct command *c, const struct option_row *rows, size_t n, int argc,
                  char **argv, struct options_words *words, size_t words_min, size_t words_max)
{
	bool options = true;

	words->n = 0;
	for (int i = 1; i < argc; i++) {
		int ret;

		if (options && (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))) {
			print_help(c, rows, n);
			return OPTIONS_HELPED;
		}
		if (options && !strcmp(argv[i], "--")) {
			options = false;
			continue;
		}
		if (options && argv[i][0] == '-' && argv[i][1])
			ret = take_option(c, rows, n, argc, argv, &i);
		else
			ret = take_word(c, words, argv[i]);
		if (ret)
			return ret;
	}
	return check_words(c, words, words_min, words_max);
}
