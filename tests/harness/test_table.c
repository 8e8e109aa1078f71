// Tables: aligned by characters, not bytes, and in three forms.
#include "harness/table.h"
#include "tests/harness/capture.h"

#include <pty.h>
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

static void put_text(FILE *to, const char *text)
{
	fprintf(to, "<<%s>>", text);
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
	if (no_colour)
		setenv("NO_COLOR", no_colour, 1);
	else
		unsetenv("NO_COLOR");
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

static void markdown_escapes_bars(void **state)
{
	char *text = render(table_print_markdown);

	(void)state;
	assert_string_equal(text, "| name | value | why |\n| --- | ---: | --- |\n"
	                          "| a\xc2\xb5z | 5 | x\\|y <z> |\n| longer | 1234.50 |  |\n");
	free(text);
}

static void print_html(const struct table *t, FILE *to)
{
	table_print_html(t, to, put_text);
}

static void html_has_classes(void **state)
{
	char *text = render(print_html);

	(void)state;
	assert_non_null(strstr(text, "<td class=\"right red\"><<5>></td>"));
	assert_non_null(strstr(text, "<th class=\"right\"><<value>></th>"));
	assert_non_null(strstr(text, "<td class=\"left dim\"><<>></td></tr>\n</table>"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_are_aligned),
	    cmocka_unit_test(colours_only_on_a_terminal_that_wants_them),
	    cmocka_unit_test(markdown_escapes_bars),
	    cmocka_unit_test(html_has_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
