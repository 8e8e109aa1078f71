// Documents: the schema comes first, and what can't be read is told in words that fit behind a
// path.
#include "base/schema.h"
#include "base/text.h"
#include "tests/support/support.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct distance {
	double effect, low;
};

struct search {
	json_t *rest;
	unsigned blocks;
	struct distance good, bad;
};

static const struct field distance_rows[] = {
    {"effect", FIELD_NUMBER, FIELD_OR_NULL, FIELD_IN(struct distance, effect), .max = 9},
    {"low", FIELD_NUMBER, FIELD_OR_NULL, FIELD_IN(struct distance, low), .min = -9, .max = 9,
     .otherwise = -INFINITY},
    {0},
};
static const struct field rows[] = {
    {"*", FIELD_REST, FIELD_IN(struct search, rest)},
    {"blocks", FIELD_INTEGER, FIELD_IN(struct search, blocks), .max = 9},
    {"good", FIELD_OBJECT, FIELD_OR_NULL, FIELD_IN(struct search, good), .rows = distance_rows},
    {"bad", FIELD_OBJECT, FIELD_OR_NULL, FIELD_IN(struct search, bad), .rows = distance_rows},
    {0},
};

static int load(struct search *s, const char *json, unsigned schema, struct text *fault)
{
	char path[] = "/tmp/wgbench-schema-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, json, strlen(json)), strlen(json));
	close(fd);
	memset(s, 0, sizeof(*s));
	ret = schema_load(s, path, schema, rows, fault);
	unlink(path);
	return ret;
}

static void assert_written(const struct search *s, unsigned schema, const char *expected)
{
	json_t *document = schema_write(s, schema, rows);
	char *text = json_dumps(document, JSON_COMPACT);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	json_decref(document);
}

static void what_was_read_is_written(void **state)
{
	static const char full[] = "{\"schema\":1,\"blocks\":3,\"good\":{\"effect\":1.5,\"low\":"
	                           "null},\"bad\":null,\"unknown\":true}";
	struct text fault = {0};
	struct search s;

	(void)state;
	assert_int_equal(load(&s, full, 1, &fault), 0);
	assert_true(s.blocks == 3 && s.good.effect == 1.5 && s.good.low == -INFINITY);
	assert_true(isnan(s.bad.effect) && s.bad.low == -INFINITY);
	assert_written(&s, 1, full);
	fields_free(&s, rows);
	text_free(&fault);
}

// A later schema is written of what was read by an earlier one.
static void the_schema_is_the_writers(void **state)
{
	struct search s = {.rest = json_pack("{si si}", "schema", 1, "blocks", 1), .blocks = 2};

	(void)state;
	s.good.effect = s.bad.effect = 1;
	s.good.low = s.bad.low = 0;
	assert_written(&s, 2,
	               "{\"schema\":2,\"blocks\":2,\"good\":{\"effect\":1.0,\"low\":0.0},\"bad\":{"
	               "\"effect\":1.0,\"low\":0.0}}");
	fields_free(&s, rows);
}

static void what_cannot_be_read_is_told(void **state)
{
	static const struct {
		const char *json;
		unsigned schema;
		const char *says;
	} cases[] = {
	    {"{}", 1, " no 'schema': not a file of wgbench"},
	    {"{\"schema\": \"1\"}", 1, " no 'schema': not a file of wgbench"},
	    {"{\"schema\": 2}", 1, " schema 2, but this wgbench reads 1: use a newer one"},
	    {"{\"schema\": 0}", 2, " schema 0, but this wgbench reads 1 to 2: use an older one"},
	    {"{\"schema\": 4294967297}", 1,
	     " schema 4294967297, but this wgbench reads 1: use a newer one"},
	    {"{\"schema\": 1}", 1, " 'blocks' is missing: it must be an integer from 0 to 9"},
	    {"[]", 1, " not a JSON object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text fault = {0};
		struct search s, none = {0};

		assert_int_equal(load(&s, cases[i].json, cases[i].schema, &fault), -EINVAL);
		assert_string_equal(text_string(&fault), cases[i].says);
		assert_memory_equal(&s, &none, sizeof(s));
		text_free(&fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_read_is_written),
	    cmocka_unit_test(the_schema_is_the_writers),
	    cmocka_unit_test(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
