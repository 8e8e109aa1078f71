#include "harness/help.h"
#include "base/quote.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char wgbench_revision[];

enum { WIDTH = 80, LEFT = 26 };

// ---- what a row says

// "the smallest effect that matters (0.01 to 50; default: 2)"
static char *describe_option(const struct option_row *row)
{
	const char *without = row->fallback ? row->fallback : row->otherwise;
	struct text more = {0}, all = {0};

	option_add_values(&more, row);
	if (without)
		text_add(&more, "%sdefault: %s", more.length ? "; " : "", without);
	if (row->required)
		text_add(&more, "%srequired", more.length ? "; " : "");
	if (row->type == OPTION_STRINGS)
		text_add(&more, "%smay be given again", more.length ? "; " : "");
	text_add(&all, "%s", row->help);
	if (more.length)
		text_add(&all, " (%s)", text_string(&more));
	text_free(&more);
	return text_take(&all);
}

static char *name_option(const struct option_row *row)
{
	return row->type == OPTION_FLAG ? text_format("--%s", row->name)
	                                : text_format("--%s %s", row->name, row->value);
}

// ---- a terminal

// From column `used` on; lines begin `indent` columns in.
static void print_wrapped(const char *text, size_t used, size_t indent)
{
	char *copy = text_format("%s", text), *rest = copy, *word;
	bool first = true;

	while ((word = strsep(&rest, " "))) {
		size_t width = quote_width(word);

		if (!first && used + 1 + width > WIDTH) {
			printf("\n%*s", (int)indent, "");
			used = indent;
		} else if (!first) {
			putchar(' ');
			used++;
		}
		fputs(word, stdout);
		used += width;
		first = false;
	}
	putchar('\n');
	free(copy);
}

// What doesn't fit on the left has a line of its own.
static void print_item(const char *left, const char *text)
{
	if (strlen(left) + 4 <= LEFT)
		printf("  %-*s", LEFT - 2, left);
	else
		printf("  %s\n%*s", left, LEFT, "");
	print_wrapped(text, LEFT, LEFT);
}

static void print_option(const struct option_row *row)
{
	char *left = name_option(row), *text = describe_option(row);

	print_item(left, text);
	free(left);
	free(text);
}

static void print_paragraphs(const char *help)
{
	char *copy = text_format("%s", help), *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *tab = strchr(line, '\t');

		if (tab) {
			*tab = 0;
			print_item(line, tab + 1);
		} else {
			putchar('\n');
			print_wrapped(line, 0, 0);
		}
	}
	free(copy);
}

static char *name_exit(const struct command_exit *e)
{
	return text_format(e->code == EXIT_BY_SIGNAL ? "%d+N" : "%d", e->code);
}

static void print_exits(const struct command_exit *exits)
{
	printf("\nExit codes:\n");
	for (size_t i = 0; exits[i].meaning; i++) {
		char *code = name_exit(&exits[i]);

		printf("  %-7s", code);
		print_wrapped(exits[i].meaning, 9, 9);
		free(code);
	}
}

static void print_examples(const struct command_example *examples)
{
	printf("\nExamples:\n");
	for (size_t i = 0; examples[i].words; i++)
		printf("  %s\n      %s\n", examples[i].words, examples[i].purpose);
}

static void print_text(const struct options *o)
{
	const struct command *c = o->command;

	printf("usage: wgbench %s [OPTION]...%s%s\n\n%s.\n\n", c->name, *c->arguments ? " " : "",
	       c->arguments, c->summary);
	for (size_t i = 0; i < o->n; i++)
		print_option(&o->rows[i]);
	print_item("-h, --help", "this text");
	if (c->help)
		print_paragraphs(c->help);
	if (c->exits)
		print_exits(c->exits);
	if (c->examples)
		print_examples(c->examples);
}

// ---- man(7)

// A line of its own may not begin with a control character, and '-' is to stay one.
static void put_roff(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
	}
	putchar('\n');
}

static void put_roff_item(const char *term, const char *text)
{
	fputs(".TP\n.B ", stdout);
	put_roff(term);
	put_roff(text);
}

static void put_roff_paragraphs(const char *help)
{
	char *copy = text_format("%s", help), *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *tab = strchr(line, '\t');

		if (tab) {
			*tab = 0;
			put_roff_item(line, tab + 1);
		} else {
			puts(".PP");
			put_roff(line);
		}
	}
	free(copy);
}

static void put_roff_options(const struct options *o)
{
	puts(".SH OPTIONS");
	for (size_t i = 0; i < o->n; i++) {
		char *left = name_option(&o->rows[i]), *text = describe_option(&o->rows[i]);

		put_roff_item(left, text);
		free(left);
		free(text);
	}
	put_roff_item("-h, --help", "show this text");
}

static void print_man(const struct options *o)
{
	const struct command *c = o->command;

	printf(".TH WGBENCH-");
	for (const char *letter = c->name; *letter; letter++)
		putchar(*letter - 'a' + 'A');
	printf(" 1 \"\" \"wgbench %.12s\" \"wgbench\"\n.SH NAME\nwgbench\\-%s \\- ",
	       wgbench_revision, c->name);
	put_roff(c->summary);
	printf(".SH SYNOPSIS\n.B wgbench %s\n", c->name);
	put_roff("[OPTION]...");
	if (*c->arguments)
		put_roff(c->arguments);
	if (c->help) {
		puts(".SH DESCRIPTION");
		put_roff_paragraphs(c->help);
	}
	put_roff_options(o);
	if (c->exits)
		puts(".SH EXIT STATUS");
	for (size_t i = 0; c->exits && c->exits[i].meaning; i++) {
		char *code = name_exit(&c->exits[i]);

		put_roff_item(code, c->exits[i].meaning);
		free(code);
	}
	if (c->examples)
		puts(".SH EXAMPLES");
	for (size_t i = 0; c->examples && c->examples[i].words; i++)
		put_roff_item(c->examples[i].words, c->examples[i].purpose);
	puts(".SH SEE ALSO\n.BR wgbench (1)");
}

// ---- shells

static void print_words(const struct options *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct option_row *row = &o->rows[i];
		struct text value = {0};

		for (size_t w = 0; row->words && row->words[w]; w++)
			text_add(&value, "%s%s", w ? "|" : "", row->words[w]);
		if (!row->words && row->type != OPTION_FLAG)
			text_add(&value, "%s", row->value);
		printf("--%s\t%s\t%s\n", row->name, text_string(&value), row->help);
		text_free(&value);
	}
	printf("--help\t\tthis text\n");
	if (*o->command->arguments)
		printf("\t%s\n", o->command->arguments);
}

bool help_show(const struct options *o, const char *form)
{
	static const struct {
		const char *form;
		void (*print)(const struct options *);
	} forms[] = {{"", print_text}, {"man", print_man}, {"words", print_words}};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (!strcmp(forms[i].form, form)) {
			forms[i].print(o);
			return true;
		}
	return false;
}

// ---- wgbench itself

static const char about[] = "wgbench measures WireGuard tunnels against one another.";

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "done; of commands that judge: no regression"},
    {EXIT_REGRESSION, "a regression; of commands that look something up: a difference"},
    {EXIT_ERROR, "an error, which a line on standard error names; also output that could not be "
                 "written"},
    {EXIT_INCONCLUSIVE, "undecided"},
    {EXIT_BY_SIGNAL, "stopped by signal N; what is finished is kept"},
    {0, NULL},
};

static void print_text_of_all(const struct command *const *commands)
{
	printf("usage: wgbench COMMAND [OPTION]... [ARGUMENT]...\n\n");
	for (size_t i = 0; commands[i]; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	printf("\n`wgbench help COMMAND` describes its options, `wgbench --version` names this "
	       "build.\n");
	print_exits(exits);
}

static void print_man_of_all(const struct command *const *commands)
{
	printf(".TH WGBENCH 1 \"\" \"wgbench %.12s\" \"wgbench\"\n.SH NAME\nwgbench \\- ",
	       wgbench_revision);
	put_roff("measure WireGuard tunnels against one another");
	printf(".SH SYNOPSIS\n.B wgbench\n.I COMMAND\n");
	put_roff("[OPTION]... [ARGUMENT]...");
	puts(".SH DESCRIPTION");
	put_roff(about);
	put_roff("Each command has a page of its own.");
	puts(".SH COMMANDS");
	for (size_t i = 0; commands[i]; i++) {
		printf(".TP\n.BR wgbench\\-%s (1)\n", commands[i]->name);
		put_roff(commands[i]->summary);
	}
	puts(".SH EXIT STATUS");
	for (size_t i = 0; exits[i].meaning; i++) {
		char *code = name_exit(&exits[i]);

		put_roff_item(code, exits[i].meaning);
		free(code);
	}
	puts(".SH ENVIRONMENT");
	put_roff_item("WGBENCH_ROOT", "the source tree, where it is neither above the program nor "
	                              "above the current folder");
	put_roff_item("NO_COLOR, CLICOLOR, CLICOLOR_FORCE", "whether tables are coloured");
}

static void print_words_of_all(const struct command *const *commands)
{
	for (size_t i = 0; commands[i]; i++)
		printf("%s\t\t%s\n", commands[i]->name, commands[i]->summary);
}

bool help_show_all(const struct command *const *commands, const char *form)
{
	static const struct {
		const char *form;
		void (*print)(const struct command *const *);
	} forms[] = {
	    {"", print_text_of_all}, {"man", print_man_of_all}, {"words", print_words_of_all}};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (!strcmp(forms[i].form, form)) {
			forms[i].print(commands);
			return true;
		}
	return false;
}
