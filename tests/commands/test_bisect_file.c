// bisect.json: a search is read as it was saved, and what can't be one is refused in one line.
#include "harness/commands/bisect/bisect.h"
#include "tests/support/capture.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define FIRST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LAST "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define GOOD "cccccccccccccccccccccccccccccccccccccccc"
#define ASKED                                                                                      \
	"{\"schema\":1,\"good\":\"v1\",\"good_commit\":\"" GOOD "\",\"bad\":\"HEAD\",\"tunnel\":"  \
	"\"default\",\"workload\":\"tcp:flows=8\",\"metric\":\"goodput_gbps\",\"gate_percent\":"   \
	"2.0,\"confidence\":0.75,\"budget\":1200.5,\"steps_before\":1,"
#define COMMITS                                                                                    \
	"\"commits\":[{\"commit\":\"" FIRST                                                        \
	"\",\"subject\":\"f\xc3\xbcr\",\"probability\":0.5,\"skipped\":\"\"},{\"commit\":\"" LAST  \
	"\",\"subject\":\"\",\"probability\":0.5,\"skipped\":\"\"}],"
#define STEP(commit, side, good)                                                                   \
	"{\"commit\":\"" commit "\",\"run\":\"a\",\"side\":\"" side "\",\"reason\":\"\","          \
	"\"blocks\":8,\"seconds\":12.25,\"from_good\":" good ",\"from_bad\":null}"
#define OPEN_ENDED "{\"effect\":5.5,\"ci_low\":4.125,\"ci_high\":null}"

static int load(struct bisect *b, const char *json)
{
	char dir[] = "/tmp/wgbench-bisect-XXXXXX", path[64];
	FILE *f;
	int ret;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/bisect.json", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(json, f);
	fclose(f);
	memset(b, 0, sizeof(*b));
	ret = bisect_load(b, dir);
	unlink(path);
	rmdir(dir);
	return ret;
}

static void free_bisect(struct bisect *b)
{
	bisect_search_free(&b->search);
	free(b->commit);
	free(b->step);
}

static void a_search_is_read_as_it_was_saved(void **state)
{
	static const char saved[] =
	    ASKED COMMITS "\"steps\":[" STEP(LAST, "open", OPEN_ENDED) "],\"answer\":null}";
	struct bisect b;
	json_t *document;
	char *text;

	(void)state;
	assert_int_equal(load(&b, saved), 0);
	assert_string_equal(b.good_hash, GOOD);
	assert_string_equal(b.commit[0].subject, "f\xc3\xbcr");
	assert_true(b.commits == 2 && b.steps == 1 && b.step->commit == 1);
	assert_true(b.step->place.word == PLACE_OPEN && b.step->place.blocks == 8);
	assert_true(b.step->place.good.low == 4.125 && b.step->place.good.high == INFINITY);
	assert_true(isnan(b.step->place.bad.effect) && b.step->place.bad.low == -INFINITY);
	bisect_search_begin(&b.search, b.commits);
	document = bisect_to_json(&b);
	text = json_dumps(document, JSON_COMPACT);
	assert_string_equal(text, saved);
	free(text);
	json_decref(document);
	free_bisect(&b);
}

static void the_answer_is_saved(void **state)
{
	struct bisect b;
	json_t *document, *answer;
	char *text;

	(void)state;
	assert_int_equal(load(&b, ASKED COMMITS "\"steps\":[" STEP(LAST, "bad", OPEN_ENDED) "]}"),
	                 0);
	bisect_search_begin(&b.search, b.commits);
	document = bisect_to_json(&b);
	answer = json_object_get(document, "answer");
	text = json_dumps(answer, JSON_COMPACT);
	assert_non_null(text);
	assert_string_equal(text, "{\"commits\":[\"" FIRST "\",\"" LAST
	                          "\"],\"probability\":1.0,\"final\":false}");
	free(text);
	json_decref(document);
	free_bisect(&b);
}

static void what_is_no_search_is_refused(void **state)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
	    {"{\"schema\":2}", "bisect.json: schema 2, but this wgbench reads 1: use a newer one"},
	    {"[", "bisect.json:1: "},
	    {ASKED "\"commits\":[]}", "'commits' must be an array of 1 to "},
	    {ASKED COMMITS "\"steps\":[" STEP(LAST, "sideways", "null") "]}",
	     "'steps[0].side' must be 'open', 'good', 'bad', 'alone' or 'none'"},
	    {ASKED COMMITS "\"steps\":[" STEP(LAST, "bad", "{\"effect\":1}") "," STEP(
	         "dddddddd", "bad", "null") "]}",
	     "holds no search that could go on"},
	    {ASKED COMMITS "\"steps\":[" STEP(FIRST, "bad", "null") "]}",
	     "holds no search that could go on"},
	    {ASKED COMMITS "\"steps\":[" STEP(LAST, "bad", "{\"effect\":1e99}") "]}",
	     "'steps[0].from_good.effect' must be a number from -1000000000 to 1000000000"},
	    {ASKED COMMITS "\"steps\":[" STEP("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	                                      "bbbbbbbbbbbb",
	                                      "bad", "null") "]}",
	     "'steps[0].commit' must be hexadecimal digits, of 7 to 63 bytes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct capture err;
		struct bisect b;
		int ret;

		capture_begin(&err, 2);
		ret = load(&b, cases[i].json);
		capture_end(&err);
		assert_int_equal(ret, -EINVAL);
		assert_says(&err, cases[i].says);
		assert_ptr_equal(strchr(err.text, '\n'), err.text + strlen(err.text) - 1);
		free_bisect(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_search_is_read_as_it_was_saved),
	    cmocka_unit_test(the_answer_is_saved),
	    cmocka_unit_test(what_is_no_search_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
