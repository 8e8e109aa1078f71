// Tables: aligned by characters, not bytes, and in three forms.
#include "harness/show/table.h"
#include "tests/support/capture.h"

#include <pty.h>
#include <stdbool.h>
#include <stdlib.h>
#include <termios.h>

static void fill(struct table *t)
{
	static const struct table_column columns[] = {
	    {"name", TABLE_LEFT}, {"value", TABLE_RIGHT}, {"why", TABLE_LEFT}};

	table_init(t, columns, 3);
	table_add(t, TABLE_PLAIN, "a\xc2\xb5z");
	table_add(t, TABLE_RED, "%d", 5);
	table_add(t, TABLE_PLAIN, "x|y <z>");
	table_add(t, TABLE_PLAIN, "longer");
	table_add(t, TABLE_PLAIN, "%.2f", 1234.5);
	table_add(t, TABLE_DIM, "%s", "");
}

static char *render(void (*how)(const struct table *, FILE *))
{
	struct table t;
	char *text;
	size_t bytes;
	FILE *to = tmpfile();

	fill(&t);
	how(&t, to);
	table_free(&t);
	bytes = ftell(to);
	rewind(to);
	text = calloc(1, bytes + 1);
	assert_int_equal(fread(text, 1, bytes, to), bytes);
	fclose(to);
	return text;
}

static void columns_are_aligned(void **state)
{
	char *text = render(table_print);

	(void)state;
	assert_string_equal(text, "name      value  why\n"
	                          "a\xc2\xb5z           5  x|y <z>\n"
	                          "longer  1234.50  \n");
	free(text);
}

static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

// What a terminal is sent, NO_COLOR being as given.
static void print_to_terminal(const char *no_colour, char *text, size_t bytes)
{
	struct termios raw;
	struct table t;
	int master, slave;
	size_t got = 0;
	FILE *to;

	assert_return_code(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	to = fdopen(slave, "w");
	set("NO_COLOR", no_colour);
	fill(&t);
	table_print(&t, to);
	table_free(&t);
	fclose(to);
	for (ssize_t n; (n = read(master, text + got, bytes - 1 - got)) > 0;)
		got += n;
	text[got] = 0;
	close(master);
}

static void colours_only_on_a_terminal_that_wants_them(void **state)
{
	char text[1024], *plain;

	(void)state;
	set("TERM", "xterm");
	print_to_terminal(NULL, text, sizeof(text));
	assert_non_null(strstr(text, "\033[31m5\033[0m  x|y <z>\n"));
	plain = render(table_print); // to a file
	assert_null(strchr(plain, '\033'));
	print_to_terminal("", text, sizeof(text)); // as if it weren't there
	assert_non_null(strstr(text, "\033[31m5\033[0m"));
	print_to_terminal("1", text, sizeof(text));
	assert_string_equal(text, plain);
	free(plain);
}

// Of the settings that say whether there are colours, each row's; then on a terminal, and piped.
static void colours_follow_the_environment(void **state)
{
	static const struct {
		const char *term, *no, *click, *force;
		bool terminal, pipe;
	} rows[] = {
	    {"xterm", NULL, NULL, NULL, true, false}, {"dumb", NULL, NULL, NULL, false, false},
	    {"", NULL, NULL, NULL, false, false},     {NULL, NULL, NULL, NULL, false, false},
	    {"xterm", NULL, "0", NULL, false, false}, {"xterm", NULL, "1", NULL, true, false},
	    {"dumb", NULL, "1", NULL, false, false},  {"xterm", "1", "1", "1", false, false},
	    {"dumb", NULL, "0", "1", true, true},     {"xterm", NULL, NULL, "0", true, false},
	};
	char text[1024], *piped;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		set("TERM", rows[i].term);
		set("CLICOLOR", rows[i].click);
		set("CLICOLOR_FORCE", rows[i].force);
		print_to_terminal(rows[i].no, text, sizeof(text));
		assert_int_equal(!!strchr(text, '\033'), rows[i].terminal);
		piped = render(table_print);
		assert_int_equal(!!strchr(piped, '\033'), rows[i].pipe);
		free(piped);
	}
	set("TERM", "xterm");
	set("CLICOLOR", NULL);
	set("CLICOLOR_FORCE", NULL);
	set("NO_COLOR", NULL);
}

// Cells and headings are somebody's texts.
static void what_is_hidden_is_written_out(void **state)
{
	const struct table_column columns[] = {{"a\033[2J", TABLE_LEFT}, {"b", TABLE_LEFT}};
	char *text, wanted[] = "a\\x1b[2J    b\nx\\ny\\rz     <i>\n\\u{202e}|`  last\n";
	struct table t;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	(void)state;
	table_init(&t, columns, 2);
	table_add(&t, TABLE_PLAIN, "x\ny\rz");
	table_add(&t, TABLE_PLAIN, "<i>");
	table_add(&t, TABLE_PLAIN, "\xe2\x80\xae|`");
	table_add(&t, TABLE_PLAIN, "last");
	table_print(&t, to);
	table_print_markdown(&t, to);
	table_print_html(&t, to);
	fclose(to);
	assert_memory_equal(text, wanted, strlen(wanted));
	assert_non_null(strstr(text, "| a\\\\x1b[2J | b |\n"));
	assert_non_null(
	    strstr(text, "\n| x\\\\ny\\\\rz | &lt;i> |\n| \\\\u{202e}\\|\\` | last |\n"));
	assert_non_null(strstr(text, "<td class=\"left plain\">&lt;i&gt;</td>"));
	table_free(&t);
	free(text);
}

static void markdown_escapes_bars(void **state)
{
	char *text = render(table_print_markdown);

	(void)state;
	assert_string_equal(text, "| name | value | why |\n| --- | ---: | --- |\n"
	                          "| a\xc2\xb5z | 5 | x\\|y &lt;z> |\n| longer | 1234.50 |  |\n");
	free(text);
}

static void print_html(const struct table *t, FILE *to)
{
	table_print_html(t, to);
}

static void html_has_classes(void **state)
{
	char *text = render(print_html);

	(void)state;
	assert_non_null(strstr(text, "<td class=\"right red\">5</td>"));
	assert_non_null(strstr(text, "<th class=\"right\">value</th>"));
	assert_non_null(strstr(text, "<td class=\"left dim\"></td></tr>\n</table>"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_are_aligned),
	    cmocka_unit_test(colours_only_on_a_terminal_that_wants_them),
	    cmocka_unit_test(colours_follow_the_environment),
	    cmocka_unit_test(what_is_hidden_is_written_out),
	    cmocka_unit_test(markdown_escapes_bars),
	    cmocka_unit_test(html_has_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
