// Each output's quoting against texts that would be more than text there.
#include "base/quote.h"
#include "tests/support/support.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

// Every byte and the characters that matter, each between letters.
static const char *const hostile[] = {
    "",
    "plain words",
    "end\n!touch PWNED\n",
    "`touch PWNED`",
    "$(touch PWNED)",
    "x'; system('touch PWNED'); y='",
    "'\n!touch PWNED\n'",
    "\"; touch PWNED; \"",
    "\\",
    "\\'",
    "'\\",
    "a|touch PWNED",
    "| a | b |",
    "]]>",
    "</svg><script>alert(1)</script>",
    "\" onload=\"alert(1)",
    "' onload='alert(1)",
    "&lt;b&gt;",
    "<!-- a",
    "[a](javascript:alert(1)) ![b](c)",
    "\033]0;title\007\r\033[2K",
    "\xc2\x9b[2J \xc2\x85",
    "\x7f\b\v\f\t",
    "\xe2\x80\xae"
    "desrever",
    "\xe2\x80\xa8\xe2\x80\xa9\xe2\x81\xa6\xef\xbb\xbf\xe2\x80\x8b",
    "\xf3\xa0\x80\xa1 tag",
    "\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82",
    "\xc2",
    "a\xc2\xa0"
    "b \xe3\x80\x80 c",
    "\xc2\xb5s \xe2\x82\xac \xf0\x9f\x98\x80 \xe6\xbc\xa2",
    "@macro #comment % %s %n",
    "=cmd|'/c calc'!A1",
    "-rf",
    "../../etc/passwd",
};
enum { HOSTILE = sizeof(hostile) / sizeof(*hostile) };

static char *quoted(void (*quote)(FILE *, const char *), const char *text)
{
	char *out;
	size_t bytes;
	FILE *to = open_memstream(&out, &bytes);

	assert_non_null(to);
	quote(to, text);
	fclose(to);
	assert_int_equal(strlen(out), bytes);
	return out;
}

static void assert_quoted(void (*quote)(FILE *, const char *), const char *text, const char *wanted)
{
	char *out = quoted(quote, text);

	assert_string_equal(out, wanted);
	free(out);
}

// No control, C1 or direction character, and UTF-8 throughout; `kept` may be there.
static void assert_harmless(const char *text, const char *kept)
{
	static const char *const never[] = {"\xe2\x80\xae",    "\xe2\x80\xa8", "\xe2\x81\xa6",
	                                    "\xef\xbb\xbf",    "\xe2\x80\x8b", "\xc2\x9b",
	                                    "\xf3\xa0\x80\xa1"};

	for (const char *c = text; *c; c++)
		assert_true(((unsigned char)*c >= ' ' && *c != 0x7f) || strchr(kept, *c));
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		assert_null(strstr(text, never[i]));
	assert_true(mbstowcs(NULL, text, 0) != (size_t)-1);
}

static void nothing_hidden_gets_through(void **state)
{
	static const struct {
		void (*quote)(FILE *, const char *);
		const char *kept;
	} outputs[] = {
	    {quote_text, ""},  {quote_html, ""},  {quote_markdown, ""}, {quote_gnuplot, ""},
	    {quote_shell, ""}, {quote_csv, "\n"}, {quote_label, ""},
	};

	(void)state;
	for (size_t o = 0; o < sizeof(outputs) / sizeof(*outputs); o++)
		for (size_t i = 0; i < HOSTILE; i++) {
			char *out = quoted(outputs[o].quote, hostile[i]);

			assert_harmless(out, outputs[o].kept);
			free(out);
		}
}

// Every short sequence of bytes, not only those that somebody thought of.
static void any_bytes_become_utf_8(void **state)
{
	struct support_random random;

	(void)state;
	support_random_init(&random, support_seed());
	for (unsigned i = 0; i < 200000; i++) {
		char text[9] = "", *out;

		for (unsigned n = 0; n < i % 8; n++)
			text[n] = support_random_next(&random) % 3 ? support_random_next(&random)
			                                           : 0xe2 + n;
		out = quoted(quote_text, text);
		assert_harmless(out, "");
		assert_true(quote_width(text) <= strlen(out));
		free(out);
	}
}

static void texts_are_written_out(void **state)
{
	(void)state;
	assert_quoted(quote_text, "a\tb\nc\r\033[0m\x7f", "a\\tb\\nc\\r\\x1b[0m\\x7f");
	assert_quoted(quote_text, "\xc2\x9b\xe2\x80\xae\xff", "\\u{9b}\\u{202e}\\xff");
	assert_quoted(quote_text, "\xc2\xb5s | <b> \\ 'x'", "\xc2\xb5s | <b> \\ 'x'");
	assert_int_equal(quote_width("\xc2\xb5s\n\xff"), 2 + 2 + 4);
}

static void lines_keep_their_newlines(void **state)
{
	char *lines = quote_lines("a;\033b 1\nc 2\n"), *out;
	size_t bytes;
	FILE *to = open_memstream(&out, &bytes);

	(void)state;
	assert_string_equal(lines, "a;\\x1bb 1\nc 2\n");
	free(lines);
	quote_printf(to, "\n%s of %d %%: %s\n\n", "a\nb", 7, "c\r");
	quote_printf(to, "%s", "no\n");
	fclose(to);
	assert_string_equal(out, "\na\\nb of 7 %: c\\r\n\nno\\n");
	free(out);
}

static void html_has_no_markup(void **state)
{
	(void)state;
	assert_quoted(quote_html, "<a href=\"x\" b='&amp;'>",
	              "&lt;a href=&quot;x&quot; b=&#39;&amp;amp;&#39;&gt;");
	for (size_t i = 0; i < HOSTILE; i++) {
		char *out = quoted(quote_html, hostile[i]);

		assert_null(strpbrk(out, "<>\"'"));
		free(out);
	}
}

static void markdown_has_no_markup(void **state)
{
	(void)state;
	assert_quoted(quote_markdown, "a|b\n<i> `c` **d** \\|",
	              "a\\|b\\\\n&lt;i> \\`c\\` \\*\\*d\\*\\* \\\\\\|");
	assert_quoted(quote_markdown, "[+1.0, +2.0] [a](b) [c][d]",
	              "[+1.0, +2.0] [a\\](b) [c\\][d]");
}

static void fields_and_labels(void **state)
{
	(void)state;
	assert_quoted(quote_csv, "a b", "a b");
	assert_quoted(quote_csv, "a,\"b\"\nc\033", "\"a,\"\"b\"\"\nc\\x1b\"");
	assert_quoted(quote_label, "a\"b\\c\nd\033", "\"a\\\"b\\\\c\\nd\\\\x1b\"");
}

static char *word_of(const char *text)
{
	char *out;
	size_t bytes;
	FILE *to = open_memstream(&out, &bytes);

	assert_non_null(to);
	quote_word(to, text, "/ ");
	fclose(to);
	return out;
}

static void words_stay_different(void **state)
{
	static const char *const alike[] = {"exec:/opt/a b",
	                                    "exec:/opt/a\xc2\xa0"
	                                    "b",
	                                    "exec:/opt/a_b",
	                                    "exec:_opt/a b",
	                                    "exec:/opt/a%20b",
	                                    "exec:/opt/a\nb",
	                                    "exec:/opt/a\\nb",
	                                    "exec:%2Fopt/a b",
	                                    "exec:/opt/a\xff"
	                                    "b"};
	enum { ALIKE = sizeof(alike) / sizeof(*alike) };
	char *word[ALIKE];

	(void)state;
	for (size_t i = 0; i < ALIKE; i++) {
		word[i] = word_of(alike[i]);
		assert_null(strpbrk(word[i], "/ \n"));
		assert_harmless(word[i], "");
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(word[i], word[j]);
	}
	assert_string_equal(word[0], "exec:%2Fopt%2Fa%20b");
	assert_string_equal(word[1], "exec:%2Fopt%2Fa%C2%A0b");
	for (size_t i = 0; i < ALIKE; i++)
		free(word[i]);
}

static void file_names_stay_in_their_folder(void **state)
{
	char name[16];

	(void)state;
	quote_file_name(name, sizeof(name), "../tcp:a=1\n");
	assert_string_equal(name, "-.-tcp-a-1-");
	quote_file_name(name, sizeof(name), "a long name of a file");
	assert_string_equal(name, "a-long-name-of-");
}

// Runs a command and returns what it prints.
static void run(const char *command, char *out, size_t bytes)
{
	FILE *from = popen(command, "r");

	assert_non_null(from);
	out[fread(out, 1, bytes - 1, from)] = 0;
	assert_int_equal(pclose(from), 0);
}

// The word comes back as it was.
static void a_shell_takes_it_as_one_word(void **state)
{
	char out[256], *command;

	(void)state;
	for (size_t i = 0; i < HOSTILE; i++) {
		char *word = quoted(quote_shell, hostile[i]), *script;

		assert_true(asprintf(&script, "printf %%s %s", word) > 0);
		setenv("SCRIPT", script, 1);
		assert_true(asprintf(&command, "bash -c \"$SCRIPT\"") > 0);
		// An option of its own to printf, whose words end before.
		if (*hostile[i] != '-') {
			run(command, out, sizeof(out));
			assert_string_equal(out, hostile[i]);
		}
		free(command);
		free(script);
		free(word);
	}
}

// gnuplot prints each text, in one script, and does nothing else.
static void gnuplot_takes_it_as_one_text(void **state)
{
	char path[] = "/tmp/wgbench-test-XXXXXX", command[128], out[8192], *wanted;
	int fd = mkstemp(path);
	size_t bytes;
	FILE *script, *to = open_memstream(&wanted, &bytes);

	(void)state;
	assert_return_code(fd, 0);
	if (system("command -v gnuplot >/dev/null")) {
		print_message("no gnuplot here\n");
		skip();
	}
	script = fdopen(fd, "w");
	for (size_t i = 0; i < HOSTILE; i++) {
		fputs("print ", script);
		quote_gnuplot(script, hostile[i]);
		fputc('\n', script);
		quote_text(to, hostile[i]);
		fputc('\n', to);
	}
	fclose(script);
	fclose(to);
	snprintf(command, sizeof(command), "cd /tmp && gnuplot -d %s 2>&1", path);
	run(command, out, sizeof(out));
	unlink(path);
	assert_string_equal(out, wanted);
	free(wanted);
}

static int in_utf_8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_hidden_gets_through),
	    cmocka_unit_test(any_bytes_become_utf_8),
	    cmocka_unit_test(texts_are_written_out),
	    cmocka_unit_test(lines_keep_their_newlines),
	    cmocka_unit_test(html_has_no_markup),
	    cmocka_unit_test(markdown_has_no_markup),
	    cmocka_unit_test(fields_and_labels),
	    cmocka_unit_test(words_stay_different),
	    cmocka_unit_test(file_names_stay_in_their_folder),
	    cmocka_unit_test(a_shell_takes_it_as_one_word),
	    cmocka_unit_test(gnuplot_takes_it_as_one_text),
	};

	return cmocka_run_group_tests(tests, in_utf_8, NULL);
}
