// selfcheck.json: what is kept is read back, by files of the first kind too, and nothing else is.
#include "base/text.h"
#include "harness/record/selfcheck.h"
#include "tests/support/support.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int load(struct selfcheck *s, const char *json, struct text *fault)
{
	char path[] = "/tmp/wgbench-selfcheck-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, json, strlen(json)), strlen(json));
	close(fd);
	memset(s, 0, sizeof(*s));
	ret = selfcheck_load(s, path, fault);
	unlink(path);
	return ret;
}

#define ROW(found)                                                                                 \
	"{\"workload\":\"tcp:flows=8\",\"metric\":\"goodput_gbps\",\"blocks\":8,\"from_blocks\":"  \
	"22,\"sd_percent\":5.5,\"different\":0.25,\"called\":1.0000000000000007,\"found_"          \
	"percent\":" found "}"

static void what_is_kept_is_read_back(void **state)
{
	static const char full[] =
	    "{\"schema\":1,\"runs\":[\"one\",\"two\"],\"created\":\"2026-01-31T23:59:59Z\","
	    "\"machine\":{\"cpus\":2},\"gate_percent\":1.5,\"draws\":2000,\"limit_sets\":40,"
	    "\"rows\":[" ROW("9.5") "," ROW(
	        "null") "],\"budgets\":[{\"workload\":\"ping\",\"metric\":\"p50_us\",\"budget_s\":"
	                "300.0,\"effect_percent\":3.0,\"beyond\":0.5,\"beyond_low\":0.25,"
	                "\"beyond_high\":0.75,\"same\":0.125,\"different\":1.0,\"blocks\":12.5}]}";
	struct text fault = {0};
	struct selfcheck s;
	json_t *document;
	char *text;

	(void)state;
	if (load(&s, full, &fault))
		fail_msg("%s", text_string(&fault));
	assert_true(s.runs == 2 && !strcmp(s.run[1], "two"));
	assert_true(s.gate_percent == 1.5 && s.draws == 2000 && s.limit_sets == 40);
	assert_int_equal(s.rows, 2);
	assert_string_equal(s.row->workload, "tcp:flows=8");
	assert_true(s.row[0].found_percent == 9.5 && isnan(s.row[1].found_percent));
	assert_int_equal(s.budgets, 1);
	assert_true(s.budget->beyond_high == 0.75 && s.budget->blocks == 12.5);
	document = selfcheck_write(&s);
	text = json_dumps(document, JSON_COMPACT);
	assert_string_equal(text, full);
	free(text);
	json_decref(document);
	selfcheck_free(&s);
	text_free(&fault);
}

// They were of one run, and knew no limits.
static void the_first_ones_are_read(void **state)
{
	struct text fault = {0};
	struct selfcheck s;

	(void)state;
	assert_int_equal(
	    load(&s,
	         "{\"schema\":1,\"run\":\"r\",\"created\":\"2026-01-31T23:59:59Z\","
	         "\"gate_percent\":1.0,\"draws\":2000,\"rows\":[" ROW(
	             "9") "],\"budgets\":[{"
	                  "\"workload\":\"tcp\",\"metric\":\"cpu\",\"budget_s\":1200.0,"
	                  "\"effect_percent\":3,\"beyond\":1,\"same\":0,\"different\":1,"
	                  "\"blocks\":36.0}]}",
	         &fault),
	    0);
	assert_true(!s.runs && s.budgets == 1 && !s.machine && s.rows == 1);
	selfcheck_free(&s);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
	    {"{\"schema\":1,\"created\":\"now\"}", " 'created' must be a time"},
	    {"{\"schema\":1,\"created\":\"2026-01-31T23:59:59Z\",\"rows\":[{}]}",
	     " 'rows[0].workload' is missing"},
	    {"{\"schema\":1,\"created\":\"2026-01-31T23:59:59Z\",\"rows\":[" ROW("-1") "]}",
	     " 'rows[0].found_percent' must be a number from 0"},
	    {"{\"schema\":1,\"created\":\"2026-01-31T23:59:59Z\",\"rows\":[],\"budgets\":[{"
	     "\"workload\":\"" /* 96 bytes */
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]}",
	     " 'budgets[0].workload' must be a workload"},
	    {"{\"schema\":2}", " schema 2, but this wgbench reads 1: use a newer one"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text fault = {0};
		struct selfcheck s;

		assert_int_equal(load(&s, cases[i].json, &fault), -EINVAL);
		if (strncmp(text_string(&fault), cases[i].says, strlen(cases[i].says)))
			fail_msg("%s", text_string(&fault));
		text_free(&fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_kept_is_read_back),
	    cmocka_unit_test(the_first_ones_are_read),
	    cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
