// micro.json: what was kept is read back, and what can't be one is named. What is printed of it as
// JSON holds together, whatever a file says.
#include "base/text.h"
#include "harness/commands/micro/print.h"
#include "tests/support/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int load(struct micro_raw *raw, const char *json, struct text *fault)
{
	char path[] = "/tmp/wgbench-micro-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, json, strlen(json)), strlen(json));
	close(fd);
	memset(raw, 0, sizeof(*raw));
	ret = micro_raw_load(raw, path, fault);
	unlink(path);
	return ret;
}

#define RUN(variant, rows)                                                                         \
	"{\"variant\":\"" variant                                                                  \
	"\",\"sweep\":\"move\",\"block\":1,\"position\":2,\"benchmarks\":[" rows "]}"
#define ROW "{\"name\":\"move/a:1\",\"iterations\":9,\"cpu_time\":2.5,\"big\":7}"

static void what_is_kept_is_read_back(void **state)
{
	static const char full[] =
	    "{\"schema\":1,\"id\":\"20260131T235959Z-1\",\"created\":\"2026-01-31T23:59:59Z\","
	    "\"command\":[\"wgbench\",\"micro\",\"x|y\"],\"seed\":9007199254740992,"
	    "\"repetitions\":6,\"min_time_s\":0.5,\"counters\":[\"cycles\"],\"environment\":{"
	    "\"cpus\":2},\"slots\":[{\"slot\":\"ring\",\"variants\":[\"old\",\"new\"],\"base\":"
	    "\"old\",\"contexts\":{\"new\":{\"caches\":[]}},\"runs\":[" RUN(
	        "new", ROW) "]},{"
	                    "\"slot\":\"aqm\",\"variants\":[\"fifo\"],\"base\":\"fifo\","
	                    "\"contexts\":{},\"runs\":[]"
	                    "}]}";
	struct text fault = {0};
	struct micro_raw raw;
	json_t *document;
	char *text;

	(void)state;
	if (load(&raw, full, &fault))
		fail_msg("%s", text_string(&fault));
	assert_true(raw.repetitions == 6 && raw.seed == 9007199254740992 && raw.counters == 1);
	assert_int_equal(raw.slots, 2);
	assert_int_equal(raw.slot[0].runs, 1);
	assert_int_equal(raw.slot[0].run->position, 2);
	assert_int_equal(json_array_size(raw.slot[0].run->benchmarks), 1);
	assert_non_null(micro_runs_context(&raw.slot[0], "new"));
	assert_null(micro_runs_context(&raw.slot[0], "old"));
	document = micro_raw_write(&raw);
	text = json_dumps(document, JSON_COMPACT);
	assert_string_equal(text, full);
	free(text);
	json_decref(document);
	micro_raw_free(&raw);
}

// As little as a run is shown by.
static const char before_name[] =
    "{\"schema\":1,\"id\":\"x\",\"counters\":[\"cycles\",\"cycles\"],\"slots\":[{\"slot\":"
    "\"ring\",\"variants\":[\"old\"],\"base\":\"old\",\"contexts\":{\"old\":{\"counter:cycles\":"
    "\"unavailable: none\"}},\"runs\":[{\"variant\":\"old\",\"block\":0,\"benchmarks\":[{"
    "\"name\":\"";
static const char after_name[] = "\",\"cpu_time\":2.5,\"big\":7}]}]}]}";

static void what_is_shown_holds_together(void **state)
{
	// Names are cut where they are shown, here within a character.
	char name[200] = "", *json, *shown;
	struct text fault = {0};
	struct micro_raw raw;
	size_t bytes;
	FILE *to = open_memstream(&shown, &bytes);

	(void)state;
	assert_non_null(to);
	for (int i = 0; i < 70; i++)
		strcat(name, "\xc3\xbc");
	json = text_format("%s%s%s", before_name, name, after_name);
	if (load(&raw, json, &fault))
		fail_msg("%s", text_string(&fault));
	assert_int_equal(micro_show_json(&raw, to), 0);
	fclose(to);

	json_t *document = json_loads(shown, JSON_REJECT_DUPLICATES, NULL);
	const char *sweep, *reason;
	double median, big;
	assert_non_null(document);
	assert_int_equal(json_unpack(document, "{s[{s[{ss s{s{sf s{sf}}}}] s{ss}}]}", "slots",
	                             "entries", "sweep", &sweep, "variants", "old", "median_ns",
	                             &median, "counters", "big", &big, "unavailable", "cycles",
	                             &reason),
	                 0);
	assert_true(median == 2.5 && big == 7);
	assert_string_equal(reason, "unavailable: none");
	assert_int_equal(strlen(sweep), 63);
	json_decref(document);
	free(shown);
	free(json);
	micro_raw_free(&raw);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
	    {"{\"schema\":1,\"slots\":[]}", " 'id' is missing"},
	    {"{\"schema\":2}", " schema 2, but this wgbench reads 1: use a newer one"},
	    {"{\"schema\":1,\"id\":\"x\",\"slots\":[{}]}", " 'slots[0].slot' is missing"},
	    {"{\"schema\":1,\"id\":\"x\",\"slots\":[{\"slot\":\"../x\"}]}",
	     " 'slots[0].slot' must be a name"},
	    {"{\"schema\":1,\"id\":\"x\",\"slots\":[{\"slot\":\"x\",\"variants\":[1]}]}",
	     " 'slots[0].variants[0]' must be a name"},
	    {"{\"schema\":1,\"id\":\"x\",\"slots\":[{\"slot\":\"x\",\"variants\":[\"a\"],\"base\":"
	     "\"a\",\"contexts\":{\"a\":[]}}]}",
	     " 'slots[0].contexts.a' must be an object"},
	    {"{\"schema\":1,\"id\":\"x\",\"slots\":[{\"slot\":\"x\",\"variants\":[\"a\"],\"base\":"
	     "\"a\",\"runs\":[" RUN("a", "{}") "]}]}",
	     " 'slots[0].runs[0].benchmarks[0].name' is missing"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text fault = {0};
		struct micro_raw raw;

		assert_int_equal(load(&raw, cases[i].json, &fault), -EINVAL);
		if (strncmp(text_string(&fault), cases[i].says, strlen(cases[i].says)))
			fail_msg("%s", text_string(&fault));
		text_free(&fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_kept_is_read_back),
	    cmocka_unit_test(what_is_shown_holds_together),
	    cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
