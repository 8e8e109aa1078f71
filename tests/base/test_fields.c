// Rows: an object is read into a struct, written from it, and what doesn't fit is named.
#include "base/fields.h"
#include "base/text.h"
#include "tests/support/support.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum end { END_OPEN, END_DECIDED };

struct variant {
	char *slot, *variant;
};

struct tunnel {
	char *spec;
	char revision[8];
	size_t variants;
	struct variant *variant;
	json_t *offloads;
};

struct cost {
	char *workload;
	size_t values;
	double *value;
};

struct run {
	json_t *rest;
	uint64_t seed;
	unsigned blocks;
	int between;
	bool gated, higher;
	enum end end;
	double percent, share;
	size_t words, tunnels, costs;
	char **word;
	struct tunnel *tunnel;
	struct cost *cost;
	char *kernel;
	double cpus;
};

static const char *const ends[] = {"open", "decided", NULL};
static const char *const betters[] = {"lower", "higher", NULL};
static const struct field word = {.kind = FIELD_TEXT, FIELD_EACH(char *), .max = 9};
static const struct field value = {.kind = FIELD_NUMBER, FIELD_EACH(double), .max = 9};
static const struct field cost = {
    .kind = FIELD_ARRAY, FIELD_LIST(struct cost, value, values), .max = 9, .rows = &value};
static const struct field variant = {
    .kind = FIELD_TEXT, FIELD_IN(struct variant, variant), .max = 9};
static const struct field tunnel_rows[] = {
    {"spec", FIELD_TEXT, FIELD_IN(struct tunnel, spec), .min = 1, .max = 9},
    {"revision", FIELD_TEXT, FIELD_IN(struct tunnel, revision), .max = 7},
    {"variants", FIELD_MAP, FIELD_OPTIONAL, FIELD_LIST(struct tunnel, variant, variants), .max = 9,
     .keys = FIELD_NAME, .rows = &variant},
    {"offloads", FIELD_OBJECT, FIELD_OPTIONAL, FIELD_IN(struct tunnel, offloads)},
    {0},
};
static const struct field tunnel = {.kind = FIELD_OBJECT, .rows = tunnel_rows};
static const struct field machine_rows[] = {
    {"kernel", FIELD_TEXT, FIELD_OPTIONAL, FIELD_IN(struct run, kernel), .max = 9},
    {"cpus", FIELD_NUMBER, FIELD_OR_NULL, FIELD_IN(struct run, cpus), .max = 9},
    {0},
};
static const struct field rows[] = {
    {"*", FIELD_REST, FIELD_IN(struct run, rest)},
    {"seed", FIELD_INTEGER, FIELD_IN(struct run, seed), .min = -9e18, .max = 9e18},
    {"blocks", FIELD_INTEGER, FIELD_OPTIONAL, FIELD_IN(struct run, blocks), .max = 9,
     .otherwise = 1},
    {"between", FIELD_INTEGER, FIELD_OPTIONAL, FIELD_IN(struct run, between), .min = -1, .max = 1},
    {"gated", FIELD_BOOLEAN, FIELD_ADDED, FIELD_IN(struct run, gated)},
    {"better", FIELD_WORD, FIELD_IN(struct run, higher), .words = betters},
    {"end", FIELD_WORD, FIELD_OPTIONAL, FIELD_IN(struct run, end), .words = ends},
    {"percent", FIELD_NUMBER, FIELD_OPTIONAL, FIELD_IN(struct run, percent), .max = 9,
     .otherwise = 2},
    {"share", FIELD_NUMBER, FIELD_OR_NULL, FIELD_IN(struct run, share), .max = 1},
    {"words", FIELD_ARRAY, FIELD_OPTIONAL, FIELD_LIST(struct run, word, words), .max = 9,
     .rows = &word},
    {"tunnels", FIELD_ARRAY, FIELD_LIST(struct run, tunnel, tunnels), .min = 1, .max = 9,
     .rows = &tunnel},
    {"costs", FIELD_MAP, FIELD_OPTIONAL, FIELD_LIST(struct run, cost, costs), .max = 9,
     .keys = FIELD_WORKLOAD, .rows = &cost},
    {"machine", FIELD_OBJECT, FIELD_OPTIONAL, .rows = machine_rows},
    {0},
};

static int read_text(struct run *r, const char *json, struct text *fault)
{
	json_t *object = json_loads(json, 0, NULL);
	int ret;

	assert_non_null(object);
	memset(r, 0, sizeof(*r));
	ret = fields_read(r, object, rows, fault);
	json_decref(object);
	return ret;
}

static void assert_written(const struct run *r, const char *expected)
{
	json_t *object = fields_write(r, rows);
	char *text = json_dumps(object, JSON_COMPACT);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	json_decref(object);
}

// Every kind, with what no row names in three places.
static const char full[] =
    "{\"seed\":-9007199254740993,\"blocks\":3,\"between\":-1,\"gated\":true,\"better\":\"higher\","
    "\"end\":\"decided\",\"percent\":2.5,\"share\":0.5,\"words\":[\"a\",\"\"],"
    "\"tunnels\":[{\"spec\":\"x\",\"revision\":\"abcdefg\",\"variants\":{\"ring\":\"ck\"},"
    "\"offloads\":{\"gso\":true}}],\"costs\":{\"tcp\":[1.5,2.5],\"udp:rate=1\":[]},"
    "\"machine\":{\"kernel\":\"6.1\",\"cpus\":2.0,\"nice\":[5]},\"unknown\":{\"n\":1}}";

static void every_kind_goes_both_ways(void **state)
{
	struct text fault = {0};
	struct run r;

	(void)state;
	assert_int_equal(read_text(&r, full, &fault), 0);
	assert_true((int64_t)r.seed == -9007199254740993);
	assert_int_equal(r.blocks, 3);
	assert_int_equal(r.between, -1);
	assert_true(r.gated && r.higher && r.end == END_DECIDED);
	assert_true(r.percent == 2.5 && r.share == 0.5 && r.cpus == 2);
	assert_int_equal(r.words, 2);
	assert_string_equal(r.word[0], "a");
	assert_string_equal(r.word[1], "");
	assert_int_equal(r.tunnels, 1);
	assert_string_equal(r.tunnel->spec, "x");
	assert_string_equal(r.tunnel->revision, "abcdefg");
	assert_int_equal(r.tunnel->variants, 1);
	assert_string_equal(r.tunnel->variant->slot, "ring");
	assert_string_equal(r.tunnel->variant->variant, "ck");
	assert_int_equal(json_object_size(r.tunnel->offloads), 1);
	assert_int_equal(r.costs, 2);
	assert_string_equal(r.cost[0].workload, "tcp");
	assert_int_equal(r.cost[0].values, 2);
	assert_true(r.cost[0].value[1] == 2.5);
	assert_int_equal(r.cost[1].values, 0);
	assert_string_equal(r.kernel, "6.1");
	assert_written(&r, full);

	r.seed = 9007199254740993; // which no double holds
	strcpy(r.tunnel->revision, "h");
	r.cpus = NAN;
	assert_written(&r,
	               "{\"seed\":9007199254740993,\"blocks\":3,\"between\":-1,\"gated\":true,"
	               "\"better\":\"higher\",\"end\":\"decided\",\"percent\":2.5,\"share\":0.5,"
	               "\"words\":[\"a\",\"\"],\"tunnels\":[{\"spec\":\"x\",\"revision\":\"h\","
	               "\"variants\":{\"ring\":\"ck\"},\"offloads\":{\"gso\":true}}],"
	               "\"costs\":{\"tcp\":[1.5,2.5],\"udp:rate=1\":[]},\"machine\":{"
	               "\"kernel\":\"6.1\",\"cpus\":null,\"nice\":[5]},\"unknown\":{\"n\":1}}");
	fields_free(&r, rows);
	assert_true(!r.tunnel && !r.tunnels && !r.rest && !r.kernel);
	text_free(&fault);
}

static const char least[] =
    "{\"seed\":1,\"gated\":false,\"better\":\"lower\",\"share\":null,\"tunnels\":[{"
    "\"spec\":\"x\",\"revision\":\"\"}]}";

static void what_is_missing_is_otherwise(void **state)
{
	struct text fault = {0};
	struct run r;

	(void)state;
	assert_int_equal(read_text(&r, least, &fault), 0);
	assert_int_equal(r.blocks, 1);
	assert_true(r.percent == 2 && isnan(r.share) && isnan(r.cpus));
	assert_false(r.higher || r.gated || r.end || r.between);
	assert_true(!r.word && !r.words && !r.kernel && !r.tunnel->offloads);
	assert_written(&r, least);
	fields_free(&r, rows);
	text_free(&fault);
}

static void what_was_taken_away_is_written_no_more(void **state)
{
	struct text fault = {0};
	struct run r;

	(void)state;
	assert_int_equal(
	    read_text(&r,
	              "{\"seed\":1,\"gated\":true,\"better\":\"lower\",\"share\":null,"
	              "\"blocks\":2,\"machine\":{\"kernel\":\"6\"},\"tunnels\":[{\"spec\":"
	              "\"x\",\"revision\":\"\",\"variants\":{\"a\":\"b\"}}]}",
	              &fault),
	    0);
	r.gated = false;
	r.blocks = 1;
	free(r.kernel);
	r.kernel = NULL;
	free(r.tunnel->variant->slot);
	free(r.tunnel->variant->variant);
	r.tunnel->variants = 0;
	assert_written(&r, least);
	fields_free(&r, rows);
	text_free(&fault);
}

static void what_json_cannot_hold_is_not_written(void **state)
{
	struct text fault = {0};
	char *spec;
	struct run r;

	(void)state;
	assert_int_equal(read_text(&r, full, &fault), 0);
	r.cost[0].value[0] = INFINITY;
	assert_null(fields_write(&r, rows));
	r.cost[0].value[0] = 1;
	spec = r.tunnel->spec;
	r.tunnel->spec = (char *)"\xff";
	assert_null(fields_write(&r, rows));
	r.tunnel->spec = NULL;
	assert_null(fields_write(&r, rows));
	r.tunnel->spec = spec;
	strcpy(r.cost[1].workload, "tcp");
	assert_null(fields_write(&r, rows)); // a name twice
	fields_free(&r, rows);
	text_free(&fault);
}

static void what_does_not_fit_is_named(void **state)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
	    {"{}", "'seed' is missing: it must be an integer from -9e+18 to 9e+18"},
	    {"{\"seed\":1,\"better\":\"more\"}", "'better' must be 'lower' or 'higher'"},
	    {"{\"seed\":1,\"better\":\"lower\",\"words\":[\"a\",\"0123456789\"]}",
	     "'words[1]' must be a text of 0 to 9 bytes"},
	    {"{\"seed\":1,\"better\":\"lower\",\"tunnels\":[]}",
	     "'tunnels' must be an array of 1 to 9"},
	    {"{\"seed\":1,\"better\":\"lower\",\"tunnels\":[{\"spec\":\"x\",\"revision\":\"\","
	     "\"variants\":{\"r/\":\"\"}}]}",
	     "'tunnels[0].variants.r/' is no name here: it must be a name of letters, digits, "
	     "'.', '_' and '-', of 1 to 95 bytes"},
	    {"{\"seed\":1,\"better\":\"lower\",\"tunnels\":[{\"spec\":\"x\",\"revision\":\"\"}],"
	     "\"costs\":{\"tcp\":[1,true]}}",
	     "'costs.tcp[1]' must be a number from 0 to 9"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text fault = {0};
		struct run r, none = {0};

		assert_int_equal(read_text(&r, cases[i].json, &fault), -EINVAL);
		assert_string_equal(text_string(&fault), cases[i].says);
		assert_memory_equal(&r, &none, sizeof(r));
		text_free(&fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_goes_both_ways),
	    cmocka_unit_test(what_is_missing_is_otherwise),
	    cmocka_unit_test(what_was_taken_away_is_written_no_more),
	    cmocka_unit_test(what_json_cannot_hold_is_not_written),
	    cmocka_unit_test(what_does_not_fit_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
