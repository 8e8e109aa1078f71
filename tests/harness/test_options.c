// Option tables: every type both ways, and every mistake named.
#include "harness/options.h"
#include "tests/support/capture.h"

#include <errno.h>

static bool flag;
static const char *text, *colour;
static unsigned long long count;
static double share, seconds;
static struct options_words several, words;

static const struct option_row rows[] = {
    {"flag", OPTION_FLAG, &flag, .help = "a flag"},
    {"text", OPTION_STRING, &text, "TEXT", .help = "a text", .otherwise = "none"},
    {"count", OPTION_UNSIGNED, &count, "N", .help = "a count", .min = 1, .max = 100,
     .fallback = "7"},
    {"share", OPTION_DOUBLE, &share, "X", .help = "a share", .min = -0.5, .max = 0.5,
     .fallback = "0.25"},
    {"several", OPTION_STRINGS, &several, "S[:KEY=VALUE,...]", .help = "many"},
    {"time", OPTION_TIME, &seconds, "TIME", .help = "a time", .min = 1, .max = 7200,
     .fallback = "1.5h"},
    {"colour", OPTION_STRING, &colour, "COLOUR", .help = "a colour",
     .words = (const char *const[]){"red", "green", NULL}, .fallback = "green"},
};

static const struct command_exit exits[] = {{0, "done"}, {128, "stopped"}, {0, NULL}};
static const struct command_example examples[] = {{"wgbench try --flag", "to try it"}, {0}};
static const struct command command = {.name = "try",
                                       .arguments = "RUN",
                                       .summary = "Try",
                                       .help = "It is tried.\n'quoted' \\ list:\nterm\tmeaning",
                                       .exits = exits,
                                       .examples = examples};
static struct options options = {.command = &command, .rows = rows, .n = 7};

static int parse(struct capture *c, char *const *argv)
{
	int argc = 0, ret;

	flag = false;
	text = NULL;
	several.n = 0;
	while (argv[argc])
		argc++;
	capture_begin(c, 2);
	ret = options_parse(&options, argc, (char **)argv, &words, 1, 2);
	capture_end(c);
	return ret;
}

#define ARGV(...) ((char *const[]){"try", __VA_ARGS__, NULL})

static void both_ways_and_defaults(void **state)
{
	struct capture c;

	(void)state;
	assert_int_equal(parse(&c, ARGV("run")), 0);
	assert_true(!flag && !text && count == 7 && share == 0.25 && !several.n && seconds == 5400);
	assert_string_equal(colour, "green");
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
	    {"--flaq", "run",
	     "unknown option '--flaq': did you mean --flag? one of --flag --text --count"},
	    {"--cuont=3", "run", "unknown option '--cuont': did you mean --count?"},
	    {"--quite-another", "run", "unknown option '--quite-another': one of --flag"},
	    {"--colour=blue", "run", "--colour 'blue': expected one of red, green"},
	    {"-x", "run", "unknown option '-x'"},
	    {"--fla", "run", "unknown option '--fla'"},
	    {"--flag=yes", "run", "--flag 'yes': expected no value"},
	    {"--text=", "run", "--text needs a value: --text TEXT"},
	    {"run", "--text", "--text needs a value"},
	    {"--count=0", "run", "--count '0': expected a whole number, 1 to 100"},
	    {"--count=101", "run", "--count '101': expected"},
	    {"--count=5x", "run", "--count '5x': expected a whole number, 1 to 100"},
	    {"--count=-5", "run", "'-5': expected a whole number"},
	    {"--count= 5", "run", "' 5': expected a whole number"},
	    {"--count=1.5", "run", "'1.5': expected a whole number"},
	    {"--count=99999999999999999999", "run", "expected a whole number"},
	    {"--time=5x", "run", "--time '5x': expected a time (90s, 10m, 1.5h), 1s to 2h"},
	    {"--time=5mm", "run", "--time '5mm': expected"},
	    {"--time=m", "run", "--time 'm': expected"},
	    {"--time= 5", "run", "--time ' 5': expected"},
	    {"--time=inf", "run", "--time 'inf': expected"},
	    {"--time=3h", "run", "--time '3h': expected a time (90s, 10m, 1.5h), 1s to 2h"},
	    {"--share=nan", "run", "'nan': expected a number"},
	    {"--share=inf", "run", "'inf': expected a number"},
	    {"--share=0.6", "run", "--share '0.6': expected a number, -0.5 to 0.5"},
	    {"--share=0.1%", "run", "'0.1%': expected a number"},
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

static void a_required_option_is_missed(void **state)
{
	const struct option_row needed[] = {
	    {"text", OPTION_STRING, &text, "TEXT", .help = "a text", .required = true}};
	struct options one = {.command = &command, .rows = needed, .n = 1};
	struct capture c;

	(void)state;
	capture_begin(&c, 2);
	assert_int_equal(options_parse(&one, 1, (char *[]){"try", NULL}, &words, 0, 0), -EINVAL);
	assert_int_equal(options_parse(&one, 2, (char *[]){"try", "--text=x", NULL}, &words, 0, 0),
	                 0);
	capture_end(&c);
	assert_string_equal(c.text, "wgbench try: missing: --text TEXT; see wgbench help try\n");
}

static void what_was_given_is_known(void **state)
{
	static const char *const some[] = {"flag", "several", NULL}, *const most[] = {"count",
	                                                                              "flag", NULL};
	struct capture c;

	(void)state;
	assert_int_equal(parse(&c, ARGV("run", "--flag", "--count=7")), 0);
	assert_string_equal(options_beyond(&options, some), "count");
	assert_null(options_beyond(&options, most));
	assert_int_equal(parse(&c, ARGV("run")), 0);
	assert_null(options_beyond(&options, some));
}

static void help(struct capture *c, const char *form)
{
	capture_begin(c, 1);
	assert_int_equal(options_parse(&options, 2, (char *[]){"try", (char *)form}, &words, 1, 1),
	                 OPTIONS_HELPED);
	capture_end(c);
}

static void help_shows_the_rows(void **state)
{
	struct capture c;

	(void)state;
	help(&c, "-h");
	assert_says(&c, "usage: wgbench try [OPTION]... RUN");
	assert_says(&c, "\n  --text TEXT             a text (default: none)\n");
	assert_says(&c, "\n  --count N               a count (1 to 100; default: 7)\n");
	assert_says(&c, "\n  --several S[:KEY=VALUE,...]\n"
	                "                          many (may be given again)\n");
	assert_says(&c, "\n  --time TIME             a time (1s to 2h; default: 1.5h)\n");
	assert_says(&c, "a colour (red, green; default: green)\n");
	assert_says(&c, "\nIt is tried.\n");
	assert_says(&c, "\n  term                    meaning\n");
	assert_says(&c, "\nExit codes:\n  0      done\n  128+N  stopped\n");
	assert_says(&c, "\n  wgbench try --flag\n      to try it\n");
	for (const char *line = c.text; line; line = strchr(line + 1, '\n'))
		assert_in_range(strcspn(line + 1, "\n"), 0, 80);
}

static void a_man_page_is_made_of_them(void **state)
{
	struct capture c;

	(void)state;
	help(&c, "--help=man");
	assert_says(&c, ".TH WGBENCH-TRY 1 ");
	assert_says(&c, "wgbench\\-try \\- Try\n");
	assert_says(&c, ".B \\-\\-count N\na count (1 to 100; default: 7)\n");
	assert_says(&c, ".PP\n\\&'quoted' \\e list:\n.TP\n.B term\nmeaning\n");
	assert_says(&c, ".SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 128+N\nstopped\n");
}

static void shells_get_words(void **state)
{
	struct capture c;

	(void)state;
	help(&c, "--help=words");
	assert_says(&c, "--flag\t\ta flag\n--text\tTEXT\ta text\n");
	assert_says(&c, "--colour\tred|green\ta colour\n");
	assert_says(&c, "\n\tRUN\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_ways_and_defaults),
	    cmocka_unit_test(times_have_units),
	    cmocka_unit_test(names_every_mistake),
	    cmocka_unit_test(too_many_words),
	    cmocka_unit_test(a_required_option_is_missed),
	    cmocka_unit_test(what_was_given_is_known),
	    cmocka_unit_test(help_shows_the_rows),
	    cmocka_unit_test(a_man_page_is_made_of_them),
	    cmocka_unit_test(shells_get_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
