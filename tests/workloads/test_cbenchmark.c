// The shim of Google Benchmark: everything is registered and run once, and what the library wrote
// as JSON is looked at afterwards.
#include "workloads/micro/cbenchmark.h"
#include "tests/support/capture.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

static json_t *written;

// ---- what is run

struct shared {
	atomic_int setups, teardowns, inside, early, late;
	int64_t planned;
	atomic_llong done;
};
static struct shared threaded, broken, counted;

static void nothing(struct cbenchmark_state *s, void *context)
{
	(void)context;
	while (cbenchmark_keep_running_batch(s, 1024))
		for (int i = 0; i < 1024; i++)
			__asm__ volatile("");
}

static void single(struct cbenchmark_state *s, void *context)
{
	(void)context;
	while (cbenchmark_keep_running(s))
		__asm__ volatile("");
}

static void show_arguments(struct cbenchmark_state *s, void *context)
{
	(void)context;
	while (cbenchmark_keep_running_batch(s, 64))
		;
	cbenchmark_set_counter(s, "a", cbenchmark_argument(s, 0), CBENCHMARK_TOTAL);
	cbenchmark_set_counter(s, "b", cbenchmark_argument(s, 1), CBENCHMARK_TOTAL);
	cbenchmark_set_counter(s, "none", cbenchmark_argument(s, 2), CBENCHMARK_TOTAL);
	cbenchmark_set_label(s, "a label");
}

static void set_up(struct cbenchmark_state *s, void *context)
{
	struct shared *shared = context;

	atomic_fetch_add(&shared->setups, 1);
	if (shared == &broken)
		cbenchmark_skip(s, "no such device");
}

static void tear_down(struct cbenchmark_state *s, void *context)
{
	struct shared *shared = context;

	(void)s;
	atomic_fetch_add(&shared->teardowns, 1);
	if (atomic_load(&shared->inside))
		atomic_fetch_add(&shared->late, 1);
}

static void in_threads(struct cbenchmark_state *s, void *context)
{
	struct shared *shared = context;

	atomic_fetch_add(&shared->inside, 1);
	if (atomic_load(&shared->setups) != atomic_load(&shared->teardowns) + 1)
		atomic_fetch_add(&shared->early, 1);
	while (cbenchmark_keep_running_batch(s, cbenchmark_planned(s)))
		atomic_fetch_add(&shared->done, cbenchmark_planned(s));
	cbenchmark_set_counter(s, "threads_seen", 1, CBENCHMARK_TOTAL);
	cbenchmark_set_counter(s, "average", cbenchmark_thread(s), CBENCHMARK_AVERAGE_THREADS);
	cbenchmark_set_counter(s, "per_iteration", 2 * cbenchmark_iterations(s),
	                       CBENCHMARK_AVERAGE_ITERATIONS);
	atomic_fetch_sub(&shared->inside, 1);
}

static void items(struct cbenchmark_state *s, void *context)
{
	(void)context;
	while (cbenchmark_keep_running_batch(s, 64))
		cbenchmark_set_iteration_time(s, 64 * 0.001); // 1 ms an iteration
	cbenchmark_set_items(s, 3 * cbenchmark_iterations(s));
	cbenchmark_set_bytes(s, 100 * cbenchmark_iterations(s));
	cbenchmark_set_counter(s, "rate", 5.0 * cbenchmark_iterations(s), CBENCHMARK_RATE);
	cbenchmark_set_counter(s, "inverse_rate", 5.0 * cbenchmark_iterations(s),
	                       CBENCHMARK_RATE | CBENCHMARK_INVERSE);
	cbenchmark_set_counter(s, "times_iterations", 2, CBENCHMARK_PER_ITERATION);
}

static void burn(double seconds)
{
	struct timespec from, now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	do {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while (now.tv_sec - from.tv_sec + (now.tv_nsec - from.tv_nsec) / 1e9 < seconds);
}

static int pause_outside, pause_inside, pause_twice, resume_twice;
static void paused(struct cbenchmark_state *s, void *context)
{
	(void)context;
	pause_outside = cbenchmark_pause_timing(s);
	while (cbenchmark_keep_running(s)) {
		burn(0.001);
		pause_inside = cbenchmark_pause_timing(s);
		pause_twice = cbenchmark_pause_timing(s);
		burn(0.01);
		cbenchmark_resume_timing(s);
		resume_twice = cbenchmark_resume_timing(s);
	}
}

static void ends_paused(struct cbenchmark_state *s, void *context)
{
	(void)context;
	while (cbenchmark_keep_running(s))
		cbenchmark_pause_timing(s);
	assert_false(cbenchmark_keep_running(s)); // and may be asked again
}

static void skips(struct cbenchmark_state *s, void *context)
{
	int64_t rounds = 0;

	while (cbenchmark_keep_running_batch(s, 8)) {
		cbenchmark_skip(s, context);
		if (rounds++)
			abort();
	}
}

static void skips_at_once(struct cbenchmark_state *s, void *context)
{
	cbenchmark_skip(s, context);
}

static void returns_early(struct cbenchmark_state *s, void *context)
{
	(void)context;
	cbenchmark_keep_running_batch(s, 1);
}

static void never_loops(struct cbenchmark_state *s, void *context)
{
	(void)s;
	(void)context;
}

static void linear(struct cbenchmark_state *s, void *context)
{
	int64_t n = cbenchmark_argument(s, 0);

	(void)context;
	while (cbenchmark_keep_running(s))
		cbenchmark_set_iteration_time(s, 1e-6 * n);
	cbenchmark_set_complexity_n(s, n);
}

static void work(struct cbenchmark_state *s, void *context)
{
	int64_t n = cbenchmark_argument(s, 0);

	(void)context;
	while (cbenchmark_keep_running(s))
		for (int64_t i = 0; i < n; i++)
			__asm__ volatile("");
	cbenchmark_set_complexity_n(s, n);
}

static double three_n(int64_t n)
{
	return 3.0 * n;
}

static const int64_t two[] = {10, 20};
static const struct cbenchmark entries[] = {
    {.name = "nothing", .run = nothing},
    {.name = "single", .run = single},
    {.name = "arguments",
     .run = show_arguments,
     .dimension = {CBENCHMARK_VALUES("x", two),
                   {.name = "y", .low = 1, .high = 100, .multiplier = 10}}},
    {.name = "threads",
     .run = in_threads,
     .context = &threaded,
     .setup = set_up,
     .teardown = tear_down,
     .threads = {1, 4},
     .time = CBENCHMARK_REAL_TIME},
    {.name = "broken",
     .run = in_threads,
     .context = &broken,
     .setup = set_up,
     .teardown = tear_down,
     .threads = {3}},
    {.name = "items", .run = items, .time = CBENCHMARK_MANUAL_TIME, .iterations = 640},
    {.name = "paused", .run = paused, .iterations = 20},
    {.name = "ends_paused", .run = ends_paused, .iterations = 5},
    {.name = "skips", .run = skips, .context = "out of order", .threads = {2}},
    {.name = "skips_at_once", .run = skips_at_once, .context = "no memory"},
    {.name = "returns_early", .run = returns_early},
    {.name = "never_loops", .run = never_loops},
    {.name = "linear",
     .run = linear,
     .dimension = {{"n", .low = 1, .high = 4096}},
     .time = CBENCHMARK_MANUAL_TIME,
     .iterations = 3,
     .order = CBENCHMARK_O_N},
    {.name = "auto_order",
     .run = work,
     .dimension = {{"n", .low = 64, .high = 1 << 18}},
     .order = CBENCHMARK_O_AUTO},
    {.name = "own_order",
     .run = linear,
     .dimension = {{"n", .low = 1, .high = 4096}},
     .time = CBENCHMARK_MANUAL_TIME,
     .iterations = 3,
     .order = CBENCHMARK_O_FUNCTION,
     .order_function = three_n},
};

// ---- what came of it

static json_t *find(const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(written, "benchmarks"), i, row)
	{
		if (!strcmp(json_string_value(json_object_get(row, "name")), name))
			return row;
	}
	fail_msg("no entry '%s'", name);
	return NULL;
}

static double number(const char *name, const char *key)
{
	json_t *value = json_object_get(find(name), key);

	if (!json_is_number(value))
		fail_msg("'%s' has no number '%s'", name, key);
	return json_number_value(value);
}

static void assert_about(double got, double expected, double share)
{
	if (!(fabs(got - expected) <= share * expected))
		fail_msg("%g instead of %g", got, expected);
}

static void assert_error(const char *name, const char *message)
{
	json_t *row = find(name);

	assert_true(json_is_true(json_object_get(row, "error_occurred")));
	assert_string_equal(json_string_value(json_object_get(row, "error_message")), message);
}

// Sanitizers make every instruction dearer; the bound is the release build's.
static void the_shim_costs_below_a_nanosecond(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
	print_message("the bound is that of the release profile\n");
	skip();
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	print_message("the bound is that of the release profile\n");
	skip();
#endif
#endif
	assert_true(number("nothing", "cpu_time") < 1);
	assert_true(number("single", "cpu_time") < 50);
}

static void arguments_are_multiplied(void **state)
{
	static const int y[] = {1, 10, 100};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 3; j++) {
			char name[64];

			snprintf(name, sizeof(name), "arguments/x:%d/y:%d", (int)two[i], y[j]);
			assert_true(number(name, "a") == two[i] && number(name, "b") == y[j]);
			assert_true(number(name, "none") == 0);
			assert_string_equal(json_string_value(json_object_get(find(name), "label")),
			                    "a label");
		}
}

static void threads_run_between_setup_and_teardown(void **state)
{
	(void)state;
	assert_true(atomic_load(&threaded.setups) >= 2);
	assert_int_equal(atomic_load(&threaded.setups), atomic_load(&threaded.teardowns));
	assert_int_equal(atomic_load(&threaded.early), 0);
	assert_int_equal(atomic_load(&threaded.late), 0);
	assert_true(number("threads/real_time/threads:4", "threads_seen") == 4);
	assert_true(number("threads/real_time/threads:4", "average") == 1.5);
	assert_true(number("threads/real_time/threads:4", "per_iteration") == 2);
	assert_true(number("threads/real_time/threads:1", "threads_seen") == 1);
}

static void a_failed_setup_is_an_error(void **state)
{
	(void)state;
	assert_error("broken/threads:3", "no such device");
	assert_true(atomic_load(&broken.setups) >= 1);
	assert_int_equal(atomic_load(&broken.setups), atomic_load(&broken.teardowns));
	assert_int_equal(atomic_load(&broken.done), 0);
}

static void manual_time_and_rates(void **state)
{
	static const char name[] = "items/iterations:640/manual_time";

	(void)state;
	assert_about(number(name, "real_time"), 1e6, 1e-6);
	assert_about(number(name, "items_per_second"), 3000, 1e-6);
	assert_about(number(name, "bytes_per_second"), 100000, 1e-6);
	assert_about(number(name, "rate"), 5000, 1e-6);
	assert_about(number(name, "inverse_rate"), 1.0 / 5000, 1e-6);
	assert_about(number(name, "times_iterations"), 1280, 1e-6);
}

static void a_pause_is_not_timed(void **state)
{
	(void)state;
	double ns = number("paused/iterations:20", "cpu_time");

	assert_true(ns >= 0.99e6 && ns < 5e6);
	assert_int_equal(pause_outside, -EINVAL);
	assert_int_equal(pause_inside, 0);
	assert_int_equal(pause_twice, -EINVAL);
	assert_int_equal(resume_twice, -EINVAL);
	assert_true(number("ends_paused/iterations:5", "iterations") == 5);
}

static void failures_are_told(void **state)
{
	(void)state;
	assert_error("skips/threads:2", "out of order");
	assert_error("skips_at_once", "no memory");
	assert_error("returns_early", "it returned before its loop had ended");
	assert_error("never_loops", "it returned before its loop had ended");
	assert_int_equal(cbenchmark_skipped(), 5);
}

static void complexity_is_fitted(void **state)
{
	(void)state;
	json_t *fit = find("linear/iterations:3/manual_time_BigO");

	assert_string_equal(json_string_value(json_object_get(fit, "big_o")), "N");
	assert_about(json_number_value(json_object_get(fit, "real_coefficient")), 1000, 1e-3);
	// A steal of time may make the one look like the other.
	fit = find("auto_order_BigO");
	const char *order = json_string_value(json_object_get(fit, "big_o"));
	if (strcmp(order, "N") && strcmp(order, "NlgN"))
		fail_msg("linear work is taken for %s", order);
	fit = find("own_order/iterations:3/manual_time_BigO");
	assert_about(json_number_value(json_object_get(fit, "real_coefficient")), 1000 / 3.0, 1e-3);
}

static void observers_see_each_thread(void **state)
{
	(void)state;
	assert_true(atomic_load(&counted.setups) > 10);
	assert_int_equal(atomic_load(&counted.setups), atomic_load(&counted.teardowns));
	assert_int_equal(atomic_load(&counted.inside), 0); // every pause has its resumption
	assert_true(number("nothing", "observed") >= 1);
}

static void context_is_written(void **state)
{
	(void)state;
	json_t *context = json_object_get(written, "context");

	assert_string_equal(json_string_value(json_object_get(context, "a key")), "a value");
	assert_string_equal(json_string_value(json_object_get(context, "library_build_type")),
	                    "debug"); // Debian's is built without NDEBUG
}

static void assert_refused(struct cbenchmark entry, const char *part)
{
	char error[256] = "";

	assert_int_equal(cbenchmark_register(&entry, error, sizeof(error)), -EINVAL);
	if (!strstr(error, part))
		fail_msg("no '%s' in: %s", part, error);
}

static void mistakes_are_refused(void **state)
{
	static const int64_t one[] = {1};

	(void)state;
	assert_refused((struct cbenchmark){.run = nothing}, "a name");
	assert_refused((struct cbenchmark){.name = "x"}, "'x'");
	assert_refused(
	    (struct cbenchmark){.name = "x", .run = nothing, .dimension = {{.low = 8, .high = 1}}},
	    "low <= high");
	assert_refused(
	    (struct cbenchmark){.name = "x", .run = nothing, .dimension = {{.low = -1, .high = 1}}},
	    "low <= high");
	assert_refused((struct cbenchmark){.name = "x",
	                                   .run = nothing,
	                                   .dimension = {{.low = 1, .high = 8, .multiplier = 1}}},
	               "multiplier");
	assert_refused((struct cbenchmark){.name = "x",
	                                   .run = nothing,
	                                   .dimension = {{.values = one, .n = 0}}},
	               "empty");
	assert_refused((struct cbenchmark){.name = "x",
	                                   .run = nothing,
	                                   .dimension = {{0}, {.values = one, .n = 1}}},
	               "left out");
	assert_refused((struct cbenchmark){.name = "x", .run = nothing, .threads = {-1}},
	               "threads");
	assert_refused((struct cbenchmark){.name = "x", .run = nothing, .iterations = -1},
	               "positive");
	assert_refused(
	    (struct cbenchmark){.name = "x", .run = nothing, .iterations = 1, .min_time_s = 1},
	    "not both");
	assert_refused(
	    (struct cbenchmark){.name = "x", .run = nothing, .order = CBENCHMARK_O_FUNCTION},
	    "go together");
}

// ---- the observer counts what it's told

static void *observe_begin(void *context)
{
	atomic_fetch_add(&((struct shared *)context)->setups, 1);
	return context;
}

static void observe_pause(void *observed)
{
	atomic_fetch_add(&((struct shared *)observed)->inside, 1);
}

static void observe_resume(void *observed)
{
	atomic_fetch_sub(&((struct shared *)observed)->inside, 1);
}

static void observe_end(void *observed, struct cbenchmark_state *s, void *context)
{
	atomic_fetch_add(&((struct shared *)observed)->teardowns, 1);
	assert_ptr_equal(observed, context);
	cbenchmark_set_counter(s, "observed", 1, CBENCHMARK_TOTAL);
}

static int run_all(void **state)
{
	static const struct cbenchmark_observer observer = {observe_begin, observe_pause,
	                                                    observe_resume, observe_end, &counted};
	int file = memfd_create("json", 0), argc = 4;
	char path[64], error[256];
	char *argv[] = {"test_cbenchmark", path, "--benchmark_out_format=json",
	                "--benchmark_min_time=0.002", NULL};
	struct capture out, err;

	(void)state;
	snprintf(path, sizeof(path), "--benchmark_out=/proc/self/fd/%d", file);
	cbenchmark_initialize(&argc, argv);
	if (argc != 1 || cbenchmark_add_context("a key", "a value"))
		return -1;
	cbenchmark_observe(&observer);
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (cbenchmark_register(&entries[i], error, sizeof(error)))
			return -1;
	capture_begin(&err, 2);
	capture_begin(&out, 1);
	long n = cbenchmark_run();
	capture_end(&out);
	capture_end(&err);
	lseek(file, 0, SEEK_SET);
	written = json_loadfd(file, 0, NULL);
	close(file);
	return n > 20 && written ? 0 : -1;
}

static int forget(void **state)
{
	(void)state;
	json_decref(written);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_shim_costs_below_a_nanosecond),
	    cmocka_unit_test(arguments_are_multiplied),
	    cmocka_unit_test(threads_run_between_setup_and_teardown),
	    cmocka_unit_test(a_failed_setup_is_an_error),
	    cmocka_unit_test(manual_time_and_rates),
	    cmocka_unit_test(a_pause_is_not_timed),
	    cmocka_unit_test(failures_are_told),
	    cmocka_unit_test(complexity_is_fitted),
	    cmocka_unit_test(observers_see_each_thread),
	    cmocka_unit_test(context_is_written),
	    cmocka_unit_test(mistakes_are_refused),
	};

	return cmocka_run_group_tests(tests, run_all, forget);
}
