// Results of microbenchmarks from raw runs that are made up: names, medians, ratios by block,
// intervals, failures, counters, fits, and what isn't well formed.
#include "base/memory.h"
#include "base/text.h"
#include "harness/commands/micro/summary.h"
#include "tests/support/support.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static struct micro_raw raw;

static json_t *row(const char *name, double cpu, double real)
{
	return json_pack("{ss ss sf sf ss si}", "name", name, "run_type", "iteration", "cpu_time",
	                 cpu, "real_time", real, "time_unit", "ns", "iterations", 1000);
}

static void run(const char *variant, unsigned block, json_t *one)
{
	assert_non_null(one);
	micro_runs_add(raw.slot, variant, "", block, 0, json_pack("[o]", one));
}

static int begin(void **state)
{
	(void)state;
	raw = (struct micro_raw){.slots = 1, .slot = memory_new(1, sizeof(*raw.slot))};
	*raw.slot = (struct micro_runs){.slot = text_format("ring"),
	                                .variants = 2,
	                                .variant = memory_new(2, sizeof(char *)),
	                                .base = text_format("old")};
	raw.slot->variant[0] = text_format("old");
	raw.slot->variant[1] = text_format("new");
	return 0;
}

static int end(void **state)
{
	(void)state;
	micro_raw_free(&raw);
	return 0;
}

static void make(struct micro_result *r)
{
	assert_int_equal(micro_result_make(r, raw.slot), 0);
}

static void names_are_parted(void **state)
{
	struct micro_result r;
	double value = 0;

	(void)state;
	run("old", 0, row("seal/bytes:64/threads:2", 10, 20));
	run("old", 0, row("open/iterations:2048/manual_time", 10, 20));
	run("old", 0, row("move/a:1/b:2/real_time/threads:3", 10, 20));
	run("old", 0, row("noop", 1, 2));
	make(&r);
	assert_int_equal(r.entries, 4);
	assert_string_equal(r.entry[0].shown, "seal/bytes:64/threads:2");
	assert_string_equal(r.entry[0].sweep, "seal");
	assert_false(r.entry[0].passing);
	assert_true(r.entry[0].cell[0].median == 10);
	assert_string_equal(r.entry[1].shown, "open");
	assert_true(r.entry[1].passing);
	assert_true(r.entry[1].cell[0].median == 20);
	assert_string_equal(r.entry[2].shown, "move/a:1/b:2/threads:3");
	assert_string_equal(r.entry[3].sweep, "noop");
	assert_true(micro_parameter(r.entry[2].shown, "b", &value) && value == 2);
	assert_true(micro_parameter(r.entry[2].shown, "threads", &value) && value == 3);
	assert_false(micro_parameter(r.entry[2].shown, "c", &value));
	assert_false(micro_parameter(r.entry[2].shown, "move", &value));
	assert_false(micro_parameter("x/a:b", "a", &value));
	assert_false(micro_parameter("x/a:", "a", &value));
	micro_result_free(&r);
}

// A drift of 30 % a block, the new one 10 % slower in each: ABBA takes the drift out.
static void blocks(unsigned n)
{
	for (unsigned b = 0; b < n; b++) {
		double drift = pow(1.3, b);

		run("old", b, row("x", 100 * drift, 0));
		run("new", b, row("x", 110 * drift * 1.1, 0));
		run("new", b, row("x", 110 * drift * 1.1, 0));
		run("old", b, row("x", 100 * drift * 1.21, 0));
	}
}

static void drift_cancels(void **state)
{
	struct micro_result r;

	(void)state;
	blocks(6);
	make(&r);
	const struct micro_cell *old = &r.entry[0].cell[0], *new = &r.entry[0].cell[1];
	assert_int_equal(old->runs, 12);
	assert_int_equal(old->blocks, 0); // no ratio to itself
	assert_int_equal(new->blocks, 6);
	assert_true(new->exact);
	assert_true(fabs(new->ratio - 1.1) < 1e-9);
	assert_true(fabs(new->low - 1.1) < 1e-9 && fabs(new->high - 1.1) < 1e-9);
	assert_true(old->least == 100 && fabs(old->greatest - 121 * pow(1.3, 5)) < 1e-9);
	micro_result_free(&r);
}

static void few_blocks_give_their_range(void **state)
{
	struct micro_result r;

	(void)state;
	for (unsigned b = 0; b < 5; b++) {
		run("old", b, row("x", 100, 0));
		run("new", b, row("x", 100 + 10 * b, 0));
	}
	make(&r);
	assert_int_equal(r.entry[0].cell[1].blocks, 5);
	assert_false(r.entry[0].cell[1].exact);
	assert_true(fabs(r.entry[0].cell[1].low - 1) < 1e-9);
	assert_true(fabs(r.entry[0].cell[1].high - 1.4) < 1e-9);
	micro_result_free(&r);
}

static void unmatched_blocks_are_not_compared(void **state)
{
	struct micro_result r;

	(void)state;
	run("old", 0, row("x", 100, 0));
	run("new", 1, row("x", 50, 0));
	run("new", 1, row("only", 50, 0));
	make(&r);
	assert_int_equal(r.entry[0].cell[1].blocks, 0);
	assert_int_equal(r.entry[1].cell[1].blocks, 0);
	assert_int_equal(r.entry[1].cell[0].runs, 0);
	micro_result_free(&r);
}

static void a_failure_is_kept(void **state)
{
	struct micro_result r;

	(void)state;
	run("old", 0, row("x", 100, 0));
	run("new", 0,
	    json_pack("{ss sb ss sf sf}", "name", "x", "error_occurred", 1, "error_message",
	              "no memory", "cpu_time", 0.0, "real_time", 0.0));
	make(&r);
	assert_string_equal(r.entry[0].cell[1].error, "no memory");
	assert_int_equal(r.entry[0].cell[1].runs, 0); // its zero is no time
	assert_int_equal(r.entry[0].cell[1].blocks, 0);
	micro_result_free(&r);
}

// Neither is a speed: what was skipped, and what took no time.
static void no_time_is_no_value(void **state)
{
	struct micro_result r;

	(void)state;
	run("old", 0,
	    json_pack("{ss sb ss sf sf}", "name", "x", "skipped", 1, "skip_message", "one CPU",
	              "cpu_time", 0.0, "real_time", 0.0));
	run("new", 0, row("x", 0, 0));
	make(&r);
	assert_string_equal(r.entry[0].cell[0].error, "one CPU");
	assert_string_equal(r.entry[0].cell[1].error, "no time was measured");
	assert_int_equal(r.entry[0].cell[1].runs, 0);
	micro_result_free(&r);
}

static void counters_are_medians_and_may_be_missing(void **state)
{
	struct micro_result r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		json_t *one = row("x", 100, 0);

		json_object_set_new(one, "instructions", json_real(10 + i * i));
		json_object_set_new(one, "threads", json_integer(1));
		run("old", i, one);
		run("new", i, row("x", 100, 0));
	}
	make(&r);
	assert_int_equal(r.entry[0].counters, 1);
	assert_string_equal(r.entry[0].counter[0].name, "instructions");
	assert_true(r.entry[0].counter[0].median[0] == 11);
	assert_true(isnan(r.entry[0].counter[0].median[1])); // not 0
	micro_result_free(&r);
}

static json_t *fit(const char *order, double coefficient)
{
	return json_pack("{ss ss ss sf sf ss}", "name", "x_BigO", "aggregate_name", "BigO",
	                 "run_type", "aggregate", "cpu_coefficient", coefficient,
	                 "real_coefficient", 1.0, "big_o", order);
}

static void fits_of_one_order_are_compared(void **state)
{
	struct micro_result r;

	(void)state;
	run("old", 0, fit("lgN", 2));
	run("new", 0, fit("lgN", 3));
	run("new", 0,
	    json_pack("{ss ss sf}", "name", "x_RMS", "aggregate_name", "RMS", "rms", 1.0));
	make(&r);
	assert_int_equal(r.entries, 1);
	assert_string_equal(r.entry[0].shown, "x/fit");
	assert_string_equal(r.entry[0].cell[0].order, "lgN");
	assert_true(r.entry[0].cell[1].blocks == 1);
	assert_true(fabs(r.entry[0].cell[1].ratio - 1.5) < 1e-9);
	micro_result_free(&r);

	run("new", 1, fit("N", 3));
	run("old", 1, fit("lgN", 2));
	make(&r);
	assert_int_equal(r.entry[0].cell[1].blocks, 0);
	micro_result_free(&r);
}

static void assert_malformed(void **state)
{
	struct micro_result r;

	assert_int_equal(micro_result_make(&r, raw.slot), -EINVAL);
	end(state);
	begin(state);
}

static void malformed_is_refused(void **state)
{
	run("other", 0, row("x", 1, 1));
	assert_malformed(state);
	run("old", 0, json_object());
	assert_malformed(state);
	run("old", 0, json_pack("{ss}", "name", "no time"));
	assert_malformed(state);
	run("old", 0, json_pack("{ss ss}", "name", "x", "aggregate_name", "BigO"));
	assert_malformed(state);
	strcpy(raw.slot->base, "new"); // which is there
	strcpy(raw.slot->variant[1], "old");
	assert_malformed(state);
	strcpy(raw.slot->base, "?");
	assert_malformed(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(names_are_parted, begin, end),
	    cmocka_unit_test_setup_teardown(drift_cancels, begin, end),
	    cmocka_unit_test_setup_teardown(few_blocks_give_their_range, begin, end),
	    cmocka_unit_test_setup_teardown(unmatched_blocks_are_not_compared, begin, end),
	    cmocka_unit_test_setup_teardown(no_time_is_no_value, begin, end),
	    cmocka_unit_test_setup_teardown(a_failure_is_kept, begin, end),
	    cmocka_unit_test_setup_teardown(counters_are_medians_and_may_be_missing, begin, end),
	    cmocka_unit_test_setup_teardown(fits_of_one_order_are_compared, begin, end),
	    cmocka_unit_test_setup_teardown(malformed_is_refused, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
