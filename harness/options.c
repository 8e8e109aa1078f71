#include "harness/options.h"
#include "base/text.h"
#include "harness/help.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How many letters must change: Levenshtein's distance, of short words.
static size_t distance(const char *a, const char *b)
{
	enum { LONGEST = 64 };
	size_t row[LONGEST + 1], n = strlen(b);

	if (n > LONGEST)
		return n;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0]++;

		for (size_t j = 1; j <= n; j++) {
			size_t least = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			least = row[j] + 1 < least ? row[j] + 1 : least;
			row[j] = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
		}
	}
	return row[n];
}

static const char *find_nearest(const struct options *o, const char *name)
{
	const char *nearest = NULL;
	size_t least = 3; // from this many letters on it's another word

	for (size_t r = 0; r < o->n; r++) {
		size_t d = distance(name, o->rows[r].name);

		if (d < least && d < strlen(name)) {
			least = d;
			nearest = o->rows[r].name;
		}
	}
	return nearest;
}

static int refuse_unknown(const struct options *o, const char *given, size_t length)
{
	char *name = text_format("%.*s", (int)length, given);
	const char *nearest = find_nearest(o, name + strspn(name, "-"));

	fprintf(stderr, "wgbench %s: unknown option '%s': ", o->command->name, name);
	if (nearest)
		fprintf(stderr, "did you mean --%s? ", nearest);
	fprintf(stderr, "one of");
	for (size_t i = 0; i < o->n; i++)
		fprintf(stderr, " --%s", o->rows[i].name);
	fprintf(stderr, " --help\n");
	free(name);
	return -EINVAL;
}

static void add_seconds(struct text *to, double seconds)
{
	if (seconds >= 3600 && fmod(seconds, 3600) == 0)
		text_add(to, "%gh", seconds / 3600);
	else if (seconds >= 60 && fmod(seconds, 60) == 0)
		text_add(to, "%gm", seconds / 60);
	else
		text_add(to, "%gs", seconds);
}

void option_add_values(struct text *to, const struct option_row *row)
{
	for (size_t i = 0; row->words && row->words[i]; i++)
		text_add(to, "%s%s", i ? ", " : "", row->words[i]);
	if (row->type == OPTION_UNSIGNED && row->max >= 0x1p53) {
		text_add(to, "%.15g or more", row->min);
	} else if (row->type == OPTION_UNSIGNED || row->type == OPTION_DOUBLE) {
		text_add(to, "%.15g to %.15g", row->min, row->max);
	} else if (row->type == OPTION_TIME) {
		add_seconds(to, row->min);
		text_add(to, " to ");
		add_seconds(to, row->max);
	}
}

static int refuse_value(const struct command *c, const struct option_row *row, const char *text)
{
	static const char *const kinds[] = {
	    [OPTION_FLAG] = "no value",     [OPTION_STRING] = "one of ",
	    [OPTION_STRINGS] = "one of ",   [OPTION_UNSIGNED] = "a whole number, ",
	    [OPTION_DOUBLE] = "a number, ", [OPTION_TIME] = "a time (90s, 10m, 1.5h), "};
	struct text values = {0};

	option_add_values(&values, row);
	fprintf(stderr, "wgbench %s: --%s '%s': expected %s%s\n", c->name, row->name, text,
	        kinds[row->type], text_string(&values));
	text_free(&values);
	return -EINVAL;
}

static bool parse_number(const struct option_row *row, const char *text, double *d,
                         unsigned long long *whole)
{
	char *end;

	if (row->type == OPTION_TIME)
		return !text_parse_seconds(text, d);
	// Both take blanks first; strtoull() takes a sign and wraps it; strtod() "inf" and "nan".
	if (isspace((unsigned char)*text) ||
	    (row->type == OPTION_UNSIGNED && (*text == '-' || *text == '+')))
		return false;
	errno = 0;
	if (row->type == OPTION_UNSIGNED)
		*d = *whole = strtoull(text, &end, 10);
	else
		*d = strtod(text, &end);
	return !errno && end != text && !*end && isfinite(*d);
}

static int take_number(const struct command *c, const struct option_row *row, const char *text)
{
	unsigned long long whole = 0;
	double d;

	if (!parse_number(row, text, &d, &whole) || d < row->min || d > row->max)
		return refuse_value(c, row, text);
	if (row->type == OPTION_UNSIGNED)
		*(unsigned long long *)row->target = whole;
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

static bool is_allowed(const struct option_row *row, const char *text)
{
	for (size_t i = 0; row->words && row->words[i]; i++)
		if (!strcmp(row->words[i], text))
			return true;
	return !row->words;
}

static int take_value(const struct command *c, const struct option_row *row, const char *text)
{
	if (row->type != OPTION_FLAG && !*text) {
		fprintf(stderr, "wgbench %s: --%s needs a value: --%s %s\n", c->name, row->name,
		        row->name, row->value);
		return -EINVAL;
	}
	if (!is_allowed(row, text))
		return refuse_value(c, row, text);
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

static const struct option_row *find_row(const struct options *o, const char *given, size_t length)
{
	for (size_t r = 0; r < o->n; r++)
		if (length == strlen(o->rows[r].name) + 2 && !strncmp(given, "--", 2) &&
		    !strncmp(given + 2, o->rows[r].name, length - 2))
			return &o->rows[r];
	return NULL;
}

// Takes the option at argv[*i], and its value behind it.
static int take_option(struct options *o, int argc, char **argv, int *i)
{
	const char *given = argv[*i], *equals = strchr(given, '=');
	size_t length = equals ? (size_t)(equals - given) : strlen(given);
	const struct option_row *row = find_row(o, given, length);

	if (!row)
		return refuse_unknown(o, given, length);
	o->given |= 1ULL << (row - o->rows);
	if (row->type == OPTION_FLAG && equals)
		return refuse_value(o->command, row, equals + 1);
	if (row->type == OPTION_FLAG)
		return take_value(o->command, row, "");
	if (equals)
		return take_value(o->command, row, equals + 1);
	return take_value(o->command, row, *i + 1 < argc ? argv[++*i] : "");
}

static int check_required(const struct options *o)
{
	for (size_t r = 0; r < o->n; r++)
		if (o->rows[r].required && !(o->given >> r & 1)) {
			fprintf(stderr, "wgbench %s: missing: --%s %s; see wgbench help %s\n",
			        o->command->name, o->rows[r].name, o->rows[r].value,
			        o->command->name);
			return -EINVAL;
		}
	return 0;
}

static int check_words(const struct command *c, const struct options_words *words, size_t min,
                       size_t max)
{
	if (words->n > max) {
		fprintf(stderr, "wgbench %s: unexpected word '%s'; see wgbench help %s\n", c->name,
		        words->word[max], c->name);
		return -EINVAL;
	}
	if (words->n < min) {
		fprintf(stderr, "wgbench %s: missing: %s; see wgbench help %s\n", c->name,
		        c->arguments, c->name);
		return -EINVAL;
	}
	return 0;
}

// Whether it asks for help, and in which form.
static const char *asks_for_help(const char *word)
{
	static const char help[] = "--help=";

	if (!strcmp(word, "-h") || !strcmp(word, "--help"))
		return "";
	return strncmp(word, help, sizeof(help) - 1) ? NULL : word + sizeof(help) - 1;
}

static int set_defaults(const struct options *o)
{
	int ret = 0;

	for (size_t r = 0; r < o->n && !ret; r++)
		if (o->rows[r].fallback)
			ret = take_value(o->command, &o->rows[r], o->rows[r].fallback);
	return ret;
}

int options_parse(struct options *o, int argc, char **argv, struct options_words *words,
                  size_t words_min, size_t words_max)
{
	bool options = true;
	int ret = set_defaults(o);

	words->n = 0;
	o->given = 0;
	for (int i = 1; i < argc && !ret; i++) {
		const char *form = options ? asks_for_help(argv[i]) : NULL;

		if (form && help_show(o, form))
			return OPTIONS_HELPED;
		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1])
			ret = take_option(o, argc, argv, &i);
		else
			ret = take_word(o->command, words, argv[i]);
	}
	if (!ret)
		ret = check_words(o->command, words, words_min, words_max);
	return ret ? ret : check_required(o);
}

const char *options_beyond(const struct options *o, const char *const *allowed)
{
	for (size_t r = 0; r < o->n; r++) {
		size_t i = 0;

		while (allowed[i] && strcmp(allowed[i], o->rows[r].name))
			i++;
		if (o->given >> r & 1 && !allowed[i])
			return o->rows[r].name;
	}
	return NULL;
}
