// `wgbench report` on made-up run folders: what it writes, and that HTML is whole and
// self-contained.
#include "harness/command.h"
#include "tests/support/capture.h"
#include "tests/support/synthetic.h"

#include <sys/stat.h>

static char *read_file(const struct synthetic *s, const char *name)
{
	char path[256], *text = calloc(1, 4 << 20);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("no %s", path);
	assert_true(fread(text, 1, (4 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static int report(struct capture *err, const struct synthetic *s)
{
	struct capture out;
	int code;

	capture_begin(err, 2);
	capture_begin(&out, 1);
	code = report_command.main(2, (char *[]){"report", (char *)s->dir, NULL});
	capture_end(&out);
	capture_end(err);
	return code;
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

// Each name that the page gives itself is given once, and each that is used is given.
static void check_names(const char *html)
{
	static const char *const uses[] = {"href='#", "href=\"#", "url(#"};
	char given[128];

	for (const char *p = html; (p = strstr(p, " id=\"")); p++) {
		snprintf(given, sizeof(given), " id=\"%.*s\"", (int)strcspn(p + 5, "\""), p + 5);
		assert_int_equal(count(html, given), 1);
	}
	for (size_t i = 0; i < 3; i++)
		for (const char *p = html; (p = strstr(p, uses[i])); p++) {
			const char *name = p + strlen(uses[i]);
			int length = strcspn(name, "'\")");

			snprintf(given, sizeof(given), "id=\"%.*s\"", length, name);
			if (!strstr(html, given)) {
				snprintf(given, sizeof(given), "id='%.*s'", length, name);
				assert_non_null(strstr(html, given));
			}
		}
}

static void whole_and_self_contained(void **state)
{
	struct synthetic_block contaminated = {
	    .status = {TRIAL_OK, TRIAL_CONTAMINATED},
	    .offload_change = "at the left end merge-tcp changed from true to false"};
	struct capture err;
	struct synthetic s;
	char *html, *markdown, *svg;

	(void)state;
	synthetic_begin(&s, 2, 8);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(
		    &s, i, 0,
		    i == 3 ? &contaminated
		           : &(struct synthetic_block){.effect = {0, log(0.9)}, .noise = 0.01});
	assert_int_equal(report(&err, &s), 0);
	assert_string_equal(err.text, "");
	html = read_file(&s, "report.html");
	markdown = read_file(&s, "report.md");
	// Two judged metrics: values and effects.
	assert_int_equal(count(html, "<svg"), 4);
	assert_int_equal(count(html, "</svg>"), 4);
	assert_int_equal(count(html, "<table"), count(html, "</table>"));
	assert_int_equal(count(html, "<details>"), count(html, "</details>"));
	assert_int_equal(count(html, "<table class=\"forest\">"), 1);
	assert_int_equal(count(html, "<?xml"), 0);
	assert_int_equal(count(html, "src="), 0);
	assert_non_null(strstr(html, "6.1 &lt;x&gt; | y"));
	assert_non_null(strstr(html, ">worse</td>"));
	assert_non_null(strstr(html, "</html>"));
	check_names(html);
	assert_non_null(strstr(html, "32 trials: 30 ok, 2 contaminated, 0 generator-limited"));
	assert_non_null(strstr(html, "An offload of a tunnel changed in 2 trials, which count as "
	                             "contaminated; first in block 4 of tcp, tunnel B: at the left "
	                             "end merge-tcp changed from true to false."));
	assert_non_null(strstr(html, ">kernel</td><td class=\"left plain\">6.1 &lt;x&gt; | y<"));
	assert_null(strstr(markdown, "!["));
	assert_non_null(strstr(markdown, "### ▼ tunnel-1 is worse than tunnel-0: "));
	assert_non_null(strstr(markdown, "    wgbench run\n"));
	assert_true(count(markdown, "\n") <= 40);
	svg = read_file(&s, "plots/tcp-goodput_gbps-values.svg");
	assert_non_null(strstr(svg, "A tunnel-0"));
	free(html);
	free(markdown);
	free(svg);
	synthetic_end(&s);
}

static void goals_are_a_table(void **state)
{
	json_t *run = synthetic_run(2, 6);
	struct capture err;
	struct synthetic s;
	char *html, *markdown;

	(void)state;
	json_object_set_new(run, "goals",
	                    json_pack("[{ss ss ss ss ss sf}]", "workload", "tcp", "metric",
	                              "goodput_gbps", "candidate", "tunnel-1", "baseline",
	                              "tunnel-0", "relation", ">=", "ratio", 1.5));
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 6; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.effect = {0, log(2)}});
	assert_int_equal(report(&err, &s), 0);
	html = read_file(&s, "report.html");
	markdown = read_file(&s, "report.md");
	assert_non_null(strstr(html, ">&gt;= 1.5</td><td class=\"left green\">reached</td>"));
	assert_non_null(strstr(markdown, "tunnel-1 / tunnel-0: 2.000 [2.000"));
	assert_non_null(strstr(markdown, ">= 1.5: reached\n"));
	free(html);
	free(markdown);
	synthetic_end(&s);
}

// Two layouts, of which one is faster than the other by 10 %: the interval over all holds both.
static void layouts_are_told_apart(void **state)
{
	json_t *run = synthetic_run(2, 8);
	struct capture err;
	struct synthetic s;
	double low, high;

	(void)state;
	json_object_set_new(run, "builds", json_integer(2));
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(
		    &s, i, 0,
		    &(struct synthetic_block){.effect = {0, i % 2 ? log(1.1) : 0}, .build = i % 2});
	store_close(&s.store);
	assert_int_equal(report(&err, &s), 0);
	char *html = read_file(&s, "report.html");
	const char *table = strstr(html, "id=\"layouts\"");
	assert_non_null(table);
	const char *first = strstr(table, ">+0.00 %<"), *second = strstr(table, ">+10.00 %<");
	assert_non_null(first);
	assert_non_null(second);
	assert_int_equal(sscanf(strchr(first, '['), "[%lf, %lf]", &low, &high), 2);
	assert_true(low < 0.1 && high > 9.9);
	free(html);
	synthetic_end(&s);
}

static void runs_that_hold_little(void **state)
{
	struct synthetic_block failed = {.status = {TRIAL_OK, TRIAL_FAILED}};
	struct synthetic_block limited = {
	    .status = {TRIAL_GENERATOR_LIMITED, TRIAL_GENERATOR_LIMITED}};
	struct capture err;
	struct synthetic s;
	char *text;

	(void)state;
	synthetic_fill(&s, 1, 0, 0);
	assert_int_equal(report(&err, &s), 0);
	synthetic_end(&s);

	synthetic_begin(&s, 2, 8); // one side has no value at all
	synthetic_add(&s, 0, 0, &failed);
	assert_int_equal(report(&err, &s), 0);
	synthetic_end(&s);

	synthetic_begin(&s, 2, 8); // none has one: no plot, but a report
	synthetic_add(&s, 0, 0, &limited);
	assert_int_equal(report(&err, &s), 0);
	text = read_file(&s, "report.html");
	assert_int_equal(count(text, "<svg"), 0);
	free(text);
	synthetic_end(&s);

	synthetic_begin(&s, 1, 8);
	synthetic_add(&s, 0, 0, &(struct synthetic_block){.noise = 0});
	assert_int_equal(report(&err, &s), 0);
	text = read_file(&s, "report.md");
	assert_non_null(strstr(text, "A run of one tunnel: nothing is compared."));
	assert_non_null(strstr(text, "- TCP, 1 flow, throughput: 4 Gbit/s\n"));
	free(text);
	synthetic_end(&s);
}

static void verdicts_are_kept_as_json(void **state)
{
	struct capture err;
	struct synthetic s;
	json_t *json;
	char *text;

	(void)state;
	synthetic_fill(&s, 8, log(0.9), 0);
	assert_int_equal(report(&err, &s), 0);
	text = read_file(&s, "verdict.json");
	json = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "verdicts")), 2);
	assert_int_equal(json_integer_value(json_object_get(json, "exit_code")), 1);
	json_decref(json);
	free(text);
	synthetic_end(&s);
}

static void no_gnuplot_no_report(void **state)
{
	char path[256], *saved = strdup(getenv("PATH"));
	struct capture err;
	struct synthetic s;

	(void)state;
	synthetic_fill(&s, 6, 0, 0);
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(report(&err, &s), 2);
	setenv("PATH", saved, 1);
	free(saved);
	assert_says(&err, "plots need gnuplot: apt-get install gnuplot-nox");
	snprintf(path, sizeof(path), "%s/report.html", s.dir);
	assert_int_equal(access(path, F_OK), -1);
	synthetic_end(&s);
}

static void what_cannot_be_written_is_an_error(void **state)
{
	static const char *const names[] = {"verdict.json", "report.html"};
	struct capture err;
	struct synthetic s;
	char path[256], said[64];

	(void)state;
	synthetic_fill(&s, 6, 0, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s.new", s.dir, names[i]);
		assert_int_equal(mkdir(path, 0755), 0); // stands in the way, for root too
		assert_int_equal(report(&err, &s), 2);
		snprintf(said, sizeof(said), "%s: not written", names[i]);
		assert_says(&err, said);
	}
	synthetic_end(&s);
}

// Texts that would be markup or commands, through gnuplot too.
static void texts_stay_texts(void **state)
{
	static const char spec[] =
	    "x'\n!touch PWNED\n`touch PWNED`</text><script>alert(1)</script>\033[31m|a|](b)";
	json_t *run = synthetic_run(2, 6);
	struct capture err;
	struct synthetic s;
	char *html, *markdown, *svg;

	(void)state;
	json_object_set_new(json_array_get(json_object_get(run, "tunnels"), 1), "spec",
	                    json_string(spec));
	json_object_set_new(json_object_get(run, "environment"), "<em>\n|",
	                    json_string("\r\n## x"));
	json_object_set_new(run, "command", json_pack("[s, s]", "wgbench", "a\n$(id)'"));
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 6; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.effect = {0, log(2)}});
	assert_int_equal(report(&err, &s), 0);
	assert_string_equal(err.text, "");
	html = read_file(&s, "report.html");
	markdown = read_file(&s, "report.md");
	svg = read_file(&s, "plots/tcp-goodput_gbps-values.svg");
	assert_null(strstr(html, "<script"));
	assert_null(strstr(svg, "<script"));
	assert_null(strstr(html, "<em>"));
	assert_null(strchr(html, '\033'));
	assert_null(strchr(markdown, '\033'));
	assert_null(strstr(markdown, "\n!touch"));
	assert_null(strstr(markdown, "\n## x"));
	assert_null(strstr(markdown, "<script"));
	assert_non_null(strstr(svg, "B x'\\n!touch PWNED\\n`touch PWNED`&lt;/text>"));
	assert_non_null(strstr(markdown, "    wgbench $'a\\012$(id)\\''\n"));
	assert_true(access("PWNED", F_OK) != 0);
	free(html);
	free(markdown);
	free(svg);
	synthetic_end(&s);
}

// A folder that somebody else packed: what it names elsewhere stays as it is.
static void links_are_not_followed(void **state)
{
	static const char *const names[] = {"report.md.new", "report.html.new", "verdict.json.new",
	                                    "report.md"};
	char path[256], victim[256], *text;
	struct capture err;
	struct synthetic s;
	size_t bytes;

	(void)state;
	synthetic_fill(&s, 6, log(2), 0);
	synthetic_write(s.base, "victim", "as it was", 9);
	snprintf(victim, sizeof(victim), "%s/victim", s.base);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", s.dir, names[i]);
		assert_return_code(symlink(victim, path), errno);
	}
	assert_int_equal(report(&err, &s), 0);
	text = synthetic_read(s.base, "victim", &bytes);
	assert_string_equal(text, "as it was");
	free(text);
	synthetic_end(&s);

	synthetic_fill(&s, 6, log(2), 0);
	snprintf(path, sizeof(path), "%s/plots", s.dir);
	assert_return_code(symlink(s.base, path), errno);
	assert_int_equal(report(&err, &s), 2);
	assert_says(&err, "plots: Not a directory");
	synthetic_end(&s);
}

static void an_empty_folder_is_refused(void **state)
{
	struct capture err;
	struct synthetic s;

	(void)state;
	synthetic_begin(&s, 2, 8);
	assert_int_equal(report(&err, &s), 2);
	assert_says(&err, "holds no trials");
	synthetic_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_and_self_contained),
	    cmocka_unit_test(goals_are_a_table),
	    cmocka_unit_test(layouts_are_told_apart),
	    cmocka_unit_test(runs_that_hold_little),
	    cmocka_unit_test(verdicts_are_kept_as_json),
	    cmocka_unit_test(no_gnuplot_no_report),
	    cmocka_unit_test(what_cannot_be_written_is_an_error),
	    cmocka_unit_test(texts_stay_texts),
	    cmocka_unit_test(links_are_not_followed),
	    cmocka_unit_test(an_empty_folder_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
