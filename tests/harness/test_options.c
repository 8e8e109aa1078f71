// Option tables: every type both ways, and every mistake named.
#include "harness/options.h"
#include "tests/support/capture.h"

#include <errno.h>

static bool flag;
static const char *text;
static unsigned long long count;
static double share, seconds;
static struct options_words several, words;

static const struct option_row rows[] = {
    {"flag", OPTION_FLAG, &flag, NULL, "a flag", 0, 0},
    {"text", OPTION_STRING, &text, "TEXT", "a text", 0, 0},
    {"count", OPTION_UNSIGNED, &count, "N", "a count", 1, 100},
    {"share", OPTION_DOUBLE, &share, "X", "a share", -0.5, 0.5},
    {"several", OPTION_STRINGS, &several, "S[:KEY=VALUE,...]", "many", 0, 0},
    {"time", OPTION_TIME, &seconds, "TIME", "a time", 1, 7200},
};

static const struct command command = {.name = "try", .arguments = "RUN", .summary = "Try"};

static int parse(struct capture *c, char *const *argv)
{
	int argc = 0, ret;

	flag = false;
	text = NULL;
	count = 7;
	share = 0.25;
	several.n = 0;
	while (argv[argc])
		argc++;
	capture_begin(c, 2);
	ret = options_parse(&command, rows, 6, argc, (char **)argv, &words, 1, 2);
	capture_end(c);
	return ret;
}

#define ARGV(...) ((char *const[]){"try", __VA_ARGS__, NULL})

static void both_ways_and_defaults(void **state)
{
	struct capture c;

	(void)state;
	assert_int_equal(parse(&c, ARGV("run")), 0);
	assert_true(!flag && !text && count == 7 && share == 0.25 && !several.n);
	assert_string_equal(words.word[0], "run");
	assert_int_equal(
	    parse(&c, ARGV("--flag", "--text=a=b", "--count", "100", "run", "--share=-.5",
	                   "--several", "x", "--several=y", "--", "--flag")),
	    0);
	assert_true(flag && count == 100 && share == -0.5);
	assert_string_equal(text, "a=b");
	assert_int_equal(several.n, 2);
	assert_string_equal(several.word[1], "y");
	assert_int_equal(words.n, 2);
	assert_string_equal(words.word[1], "--flag");
	assert_string_equal(c.text, "");
}

static void times_have_units(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} cases[] = {{"90", 90}, {"90s", 90}, {"1.5m", 90}, {"2h", 7200}, {"1", 1}};
	struct capture c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(parse(&c, ARGV("run", "--time", (char *)cases[i].text)), 0);
		assert_true(seconds == cases[i].seconds);
	}
}

static void names_every_mistake(void **state)
{
	static const struct {
		const char *first, *second, *says;
	} cases[] = {
	    {"--flaq", "run", "unknown option '--flaq': one of --flag --text --count"},
	    {"-x", "run", "unknown option '-x'"},
	    {"--fla", "run", "unknown option '--fla'"},
	    {"--flag=yes", "run", "--flag takes no value, not 'yes'"},
	    {"--text=", "run", "--text needs a value: --text TEXT"},
	    {"run", "--text", "--text needs a value"},
	    {"--count=0", "run", "--count 0 is out of range: 1 to 100"},
	    {"--count=101", "run", "--count 101 is out of range"},
	    {"--count=5x", "run", "--count takes a whole number, not '5x'"},
	    {"--count=-5", "run", "takes a whole number, not '-5'"},
	    {"--count= 5", "run", "takes a whole number, not ' 5'"},
	    {"--count=1.5", "run", "takes a whole number, not '1.5'"},
	    {"--count=99999999999999999999", "run", "takes a whole number"},
	    {"--time=5x", "run", "--time takes a time (90s, 10m, 1.5h), not '5x'"},
	    {"--time=5mm", "run", "not '5mm'"},
	    {"--time=m", "run", "not 'm'"},
	    {"--time= 5", "run", "not ' 5'"},
	    {"--time=inf", "run", "not 'inf'"},
	    {"--time=3h", "run", "--time 3h is out of range: 1 to 7200"},
	    {"--share=nan", "run", "takes a number, not 'nan'"},
	    {"--share=inf", "run", "takes a number, not 'inf'"},
	    {"--share=0.6", "run", "--share 0.6 is out of range: -0.5 to 0.5"},
	    {"--share=0.1%", "run", "takes a number, not '0.1%'"},
	    {"--flag", NULL, "missing: RUN"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *const argv[] = {"try", (char *)cases[i].first, (char *)cases[i].second, NULL};
		struct capture c;

		assert_int_equal(parse(&c, argv), -EINVAL);
		assert_says(&c, "wgbench try: ");
		assert_says(&c, cases[i].says);
		assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
	}
}

static void too_many_words(void **state)
{
	struct capture c;

	(void)state;
	assert_int_equal(parse(&c, ARGV("a", "b", "c")), -EINVAL);
	assert_says(&c, "unexpected word 'c'");
}

static void help_shows_the_rows(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c, 1);
	assert_int_equal(options_parse(&command, rows, 6, 2, (char *[]){"try", "-h"}, &words, 1, 1),
	                 OPTIONS_HELPED);
	capture_end(&c);
	assert_says(&c, "usage: wgbench try [OPTION]... RUN");
	assert_says(&c, "\n  --count N                a count\n");
	assert_says(&c, "\n  --several S[:KEY=VALUE,...]\n"
	                "                           many; may be given again\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_ways_and_defaults), cmocka_unit_test(times_have_units),
	    cmocka_unit_test(names_every_mistake),    cmocka_unit_test(too_many_words),
	    cmocka_unit_test(help_shows_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
