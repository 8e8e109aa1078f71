// Counters: names, what is unavailable, a count that can be checked against the clock, scaling.
#include "base/text.h"
#include "harness/machine/counters.h"
#include "harness/machine/probe.h"
#include "tests/support/support.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static void assert_refused(const char *list, const char *part)
{
	struct counters_set set;
	struct text fault = {0};

	assert_int_equal(counters_parse(&set, list, &fault), -EINVAL);
	if (!strstr(text_string(&fault), part))
		fail_msg("no '%s' in: %s", part, text_string(&fault));
	text_free(&fault);
}

static void names_are_checked(void **state)
{
	struct counters_set set;
	struct text fault = {0};
	char list[64 * 20] = "perf::TASK-CLOCK";

	(void)state;
	assert_int_equal(counters_parse(&set, "instructions,cycles,perf::TASK-CLOCK", &fault), 0);
	assert_int_equal(set.n, 3);
	assert_string_equal(set.event[0].name, "instructions");
	assert_string_equal(set.event[2].name, "perf::TASK-CLOCK");
	assert_int_equal(set.event[0].attr.type, PERF_TYPE_HARDWARE);
	assert_int_equal(set.event[0].attr.config, PERF_COUNT_HW_INSTRUCTIONS);
	assert_int_equal(set.event[2].attr.type, PERF_TYPE_SOFTWARE);
	assert_int_equal(set.event[2].attr.config, PERF_COUNT_SW_TASK_CLOCK);
	assert_refused("instructions,wishes", "'wishes'");
	assert_refused("wishes,instructions", "'wishes'");
	assert_refused("", "''");
	assert_refused("cycles,", "''");
	assert_refused("cycles,,instructions", "''");
	for (int i = 0; i < COUNTERS_MAX - 1; i++)
		strcat(list, ",cycles");
	assert_int_equal(counters_parse(&set, list, &fault), 0);
	strcat(list, ",branch-misses");
	assert_refused(list, "'branch-misses' is one too many");
}

static uint64_t clock_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static void spin(uint64_t ns)
{
	for (uint64_t end = clock_of(CLOCK_THREAD_CPUTIME_ID) + ns;
	     clock_of(CLOCK_THREAD_CPUTIME_ID) < end;)
		;
}

static void task_clock_is_plausible(void **state)
{
	struct counters_set set;
	struct counters counters;
	struct counters_value value;
	struct text fault = {0};

	(void)state;
	assert_int_equal(counters_parse(&set, "perf::TASK-CLOCK", &fault), 0);
	counters_open(&counters, &set);
	spin(5000000); // not counted: nothing is started
	// What the host takes away counts in the event, and not in the thread's own clock.
	uint64_t began = clock_of(CLOCK_MONOTONIC);
	counters_start(&counters);
	spin(20000000);
	counters_stop(&counters);
	uint64_t took = clock_of(CLOCK_MONOTONIC) - began;
	spin(5000000);
	counters_read(&counters, 0, &value);
	if (!value.available && strstr(value.because, "not allowed")) {
		counters_close(&counters);
		print_message("%s\n", value.because);
		skip();
	}
	assert_true(value.available);
	assert_true(value.count >= 20000000 * 0.98 && value.count <= took * 1.02);
	assert_true(value.running > 0.99 && value.running <= 1);

	// It goes on from where it was.
	counters_start(&counters);
	spin(20000000);
	counters_stop(&counters);
	double first = value.count;
	counters_read(&counters, 0, &value);
	assert_true(value.available && value.count >= first + 20000000 * 0.98);
	counters_close(&counters);
}

static void unavailable_stays_unavailable(void **state)
{
	// A tracepoint of a number that no kernel has: refused whether or not there is a PMU.
	struct counters_set set = {
	    .n = 3,
	    .event = {{"none", {.type = PERF_TYPE_TRACEPOINT, .config = UINT32_MAX}},
	              {"clock", {.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_TASK_CLOCK}},
	              {"none", {.type = PERF_TYPE_TRACEPOINT, .config = UINT32_MAX}}}};
	struct counters counters;
	struct counters_value value;

	(void)state;
	for (size_t i = 0; i < set.n; i++)
		set.event[i].attr.size = sizeof(struct perf_event_attr);
	counters_open(&counters, &set);
	counters_start(&counters);
	spin(1000000);
	counters_stop(&counters);
	for (size_t i = 0; i < set.n; i += 2) {
		counters_read(&counters, i, &value);
		assert_false(value.available);
		assert_non_null(value.because);
	}
	counters_read(&counters, 1, &value);
	assert_true(value.available || strstr(value.because, "not allowed"));
	counters_close(&counters);
}

// Either the probe and the counter agree that it counts, or that it can't.
static void hardware_is_as_probed(void **state)
{
	struct counters_set set;
	struct counters counters;
	struct counters_value value;
	struct probe_result probed;
	struct text fault = {0};

	(void)state;
	probe_counter(&probed, PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS);
	assert_int_equal(counters_parse(&set, "instructions:u", &fault), 0);
	counters_open(&counters, &set);
	counters_start(&counters);
	spin(5000000);
	counters_stop(&counters);
	counters_read(&counters, 0, &value);
	assert_int_equal(value.available, probed.state == PROBE_YES);
	if (value.available)
		assert_true(value.count > 100000);
	counters_close(&counters);
}

static void never_started_is_not_zero(void **state)
{
	struct counters_set set;
	struct counters counters;
	struct counters_value value;
	struct text fault = {0};

	(void)state;
	assert_int_equal(counters_parse(&set, "perf::TASK-CLOCK", &fault), 0);
	counters_open(&counters, &set);
	counters_read(&counters, 0, &value);
	assert_false(value.available);
	assert_non_null(value.because);
	counters_close(&counters);
}

static void scales_for_multiplexing(void **state)
{
	struct counters_value v;

	(void)state;
	assert_true(counters_scale(1000, 400, 400, &v));
	assert_true(v.available && v.count == 1000 && v.running == 1);
	assert_true(counters_scale(1000, 400, 100, &v));
	assert_true(v.available && v.count == 4000 && v.running == 0.25);
	assert_true(counters_scale(0, 400, 100, &v));
	assert_true(v.available && v.count == 0);
	// Not rounded where nothing is to be scaled.
	assert_true(counters_scale((UINT64_C(1) << 53), 3, 3, &v));
	assert_true(v.count == (double)(UINT64_C(1) << 53));
	assert_false(counters_scale(1000, 400, 0, &v));
	assert_false(v.available);
	assert_non_null(v.because);
	assert_false(counters_scale(0, 0, 0, &v));
	assert_false(v.available);
	assert_false(counters_scale(1000, 100, 400, &v));
	assert_false(v.available);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_checked),
	    cmocka_unit_test(task_clock_is_plausible),
	    cmocka_unit_test(hardware_is_as_probed),
	    cmocka_unit_test(never_started_is_not_zero),
	    cmocka_unit_test(scales_for_multiplexing),
	    cmocka_unit_test(unavailable_stays_unavailable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
