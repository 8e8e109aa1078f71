// What counts of two tunnels say, made up.
#include "base/text.h"
#include "harness/command.h"
#include "harness/commands/count/count.h"
#include "tests/support/capture.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

static void set(struct count_cell *c, uint64_t f, uint64_t g)
{
	struct text fault = {0};
	char text[200];

	snprintf(text, sizeof(text),
	         "events: Ir\nfl=(1) /r/tunnel/a.c\nfn=(1) f\n1 %llu\nfn=(2) g\n1 %llu\n"
	         "totals: %llu\n",
	         (unsigned long long)f, (unsigned long long)g, (unsigned long long)(f + g));
	callgrind_free(&c->code);
	*c = (struct count_cell){.packets = 1000, .bytes = 64000, .calls = 500};
	assert_int_equal(callgrind_parse(&c->code, text, "/r", &fault), 0);
}

static void name(struct count_tunnel *t, const char *spec, const char *aead)
{
	strcpy(t->spec.name, spec);
	strcpy(t->commit, "0123456789abcdef");
	t->spec.choices = 1;
	strcpy(t->spec.choice[0].slot, "aead");
	strcpy(t->spec.choice[0].variant, aead);
}

// Two tunnels of a million instructions for each mix and side.
static int set_up(void **state)
{
	struct count *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	*c = (struct count){.gate_percent = 0.1, .top = 5, .instructions_only = true, .tunnels = 2};
	for (size_t t = 0; t < 2; t++) {
		name(&c->tunnel[t], t ? "new" : "old", "one");
		for (int mix = 0; mix < COUNT_MIXES; mix++)
			for (int side = 0; side < COUNT_SIDES; side++)
				set(&c->tunnel[t].cell[mix][side], 400000, 600000);
	}
	memset(c->mix, true, sizeof(c->mix));
	memset(c->side, true, sizeof(c->side));
	*state = c;
	return 0;
}

static int tear_down(void **state)
{
	struct count *c = *state;

	for (size_t t = 0; t < 2; t++)
		for (int mix = 0; mix < COUNT_MIXES; mix++)
			for (int side = 0; side < COUNT_SIDES; side++)
				callgrind_free(&c->tunnel[t].cell[mix][side].code);
	free(c);
	return 0;
}

static void the_gate_is_exact(void **state)
{
	struct count *c = *state;
	struct count_cell *cell = &c->tunnel[1].cell[2][COUNT_DECRYPT];

	assert_int_equal(count_exit_code(c), EXIT_NO_REGRESSION);
	set(cell, 400999, 600000);
	assert_int_equal(count_judge(c, 2, COUNT_DECRYPT), COUNT_SAME);
	assert_int_equal(count_exit_code(c), EXIT_NO_REGRESSION);
	set(cell, 401000, 600000);
	assert_int_equal(count_judge(c, 2, COUNT_DECRYPT), COUNT_MORE);
	assert_int_equal(count_judge(c, 2, COUNT_ENCRYPT), COUNT_SAME);
	assert_int_equal(count_exit_code(c), EXIT_REGRESSION);
	set(cell, 399000, 600000);
	assert_int_equal(count_judge(c, 2, COUNT_DECRYPT), COUNT_FEWER);
	assert_int_equal(count_exit_code(c), EXIT_NO_REGRESSION);
}

// 0.1 % of whatever the count is.
static void exactly_the_gate_is_a_difference(void **state)
{
	struct count *c = *state;

	for (uint64_t thousand = 1; thousand < 400; thousand++) {
		set(&c->tunnel[0].cell[0][0], 400 * thousand, 600 * thousand);
		set(&c->tunnel[1].cell[0][0], 400 * thousand, 601 * thousand);
		assert_int_equal(count_judge(c, 0, 0), COUNT_MORE);
		set(&c->tunnel[1].cell[0][0], 400 * thousand, 599 * thousand);
		assert_int_equal(count_judge(c, 0, 0), COUNT_FEWER);
	}
}

static void what_isn_t_wanted_isn_t_judged(void **state)
{
	struct count *c = *state;

	set(&c->tunnel[1].cell[2][COUNT_DECRYPT], 900000, 600000);
	c->mix[2] = false;
	assert_int_equal(count_exit_code(c), EXIT_NO_REGRESSION);
	c->mix[2] = true;
	c->side[COUNT_DECRYPT] = false;
	assert_int_equal(count_exit_code(c), EXIT_NO_REGRESSION);
}

static void one_tunnel_is_no_regression(void **state)
{
	struct count *c = *state;

	c->tunnels = 1;
	assert_int_equal(count_exit_code(c), EXIT_NO_REGRESSION);
}

static void ciphers_are_not_judged(void **state)
{
	struct count *c = *state;

	name(&c->tunnel[1], "new", "two");
	set(&c->tunnel[1].cell[0][0], 900000, 600000);
	assert_int_equal(count_judge(c, 0, 0), COUNT_UNJUDGED);
	assert_int_equal(count_exit_code(c), EXIT_INCONCLUSIVE);
}

static void text_tells_the_functions_that_changed(void **state)
{
	struct count *c = *state;
	struct capture out;

	set(&c->tunnel[1].cell[1][COUNT_ENCRYPT], 450000, 600000);
	capture_begin(&out, STDOUT_FILENO);
	count_print(c);
	capture_end(&out);
	assert_says(&out, "A  old  0123456789ab\n");
	assert_says(&out, "imix  encrypt     1000                 1000.0  15.625         0.500");
	assert_says(&out, "+5.000 %  more");
	assert_says(&out, "imix  encrypt  400.00  450.00      +50.00  tunnel/a.c:f\n");
	assert_null(strstr(out.text, "tunnel/a.c:g"));
}

static json_t *print_json(struct count *c)
{
	struct capture out;

	c->json = true;
	capture_begin(&out, STDOUT_FILENO);
	count_print(c);
	capture_end(&out);
	json_t *json = json_loads(out.text, 0, NULL);
	assert_non_null(json);
	return json;
}

static void json_has_the_same(void **state)
{
	struct count *c = *state;

	memset(c->mix, false, sizeof(c->mix));
	c->mix[3] = true;
	set(&c->tunnel[1].cell[3][COUNT_BOTH], 500000, 600000);
	c->tunnel[1].calls[3][1] = (struct count_calls){3, {0.5, 0.25, 0.75}};
	json_t *json = print_json(c), *rows = json_object_get(json, "counts"),
	       *row = json_array_get(rows, COUNT_BOTH), *calls = json_object_get(json, "calls");
	assert_int_equal(json_array_size(rows), COUNT_SIDES);
	assert_string_equal(json_string_value(json_object_get(row, "mix")), "gso");
	assert_string_equal(json_string_value(json_object_get(row, "verdict")), "more");
	assert_true(fabs(json_real_value(json_object_get(row, "difference_percent")) - 10) < 1e-9);
	row = json_array_get(json_object_get(row, "tunnels"), 1);
	assert_int_equal(json_integer_value(json_object_get(row, "instructions")), 1100000);
	// Both sides repeat what the single ones have.
	assert_int_equal(json_array_size(json_object_get(json, "functions")), 0);
	assert_int_equal(json_array_size(calls), 1);
	row = json_array_get(calls, 0);
	assert_string_equal(json_string_value(json_object_get(row, "end")), "right");
	assert_int_equal(json_array_size(json_object_get(row, "calls_per_packet")), 3);
	json_decref(json);
}

static void functions_are_filtered_and_counted(void **state)
{
	struct count *c = *state;

	c->tunnels = 1;
	json_t *json = print_json(c);
	assert_int_equal(json_array_size(json_object_get(json, "functions")), 5);
	// Of one tunnel there is nothing to compare.
	json_t *row = json_array_get(json_object_get(json, "counts"), 0);
	assert_int_equal(json_object_size(row), 3);
	assert_int_equal(json_array_size(json_object_get(row, "tunnels")), 1);
	json_decref(json);
	c->top = 100;
	json = print_json(c);
	// Two functions, four mixes, two single sides.
	assert_int_equal(json_array_size(json_object_get(json, "functions")), 16);
	json_decref(json);
	c->function = "a.c:g";
	json = print_json(c);
	assert_int_equal(json_array_size(json_object_get(json, "functions")), 8);
	json_decref(json);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_gate_is_exact),
	    TEST(exactly_the_gate_is_a_difference),
	    TEST(what_isn_t_wanted_isn_t_judged),
	    TEST(one_tunnel_is_no_regression),
	    TEST(ciphers_are_not_judged),
	    TEST(text_tells_the_functions_that_changed),
	    TEST(json_has_the_same),
	    TEST(functions_are_filtered_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
