// What the microbenchmark programs share: two entries that measure the harness itself, counters,
// and the exit code: 0; 1 where an entry ended with an error; 2 for a wrong option.
#include "base/text.h"
#include "workloads/micro/micro.h"
#include "workloads/micro/nothing.h"
#include "harness/machine/counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern const char wgbench_revision[], wgbench_profile[];

static const char counters_option[] = "--counters=";
static struct counters_set events;

// ---- for the slot's file

_Noreturn static void die(const char *message)
{
	fprintf(stderr, "micro %s/%s: %s\n", micro_slot, micro_variant, message);
	exit(2);
}

void micro_add(const struct cbenchmark *entry)
{
	char error[256];

	if (cbenchmark_register(entry, error, sizeof(error)))
		die(error);
}

uint64_t micro_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

void *micro_allocate(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (!p)
		die("out of memory");
	return p;
}

// ---- what the harness itself costs

static void run_noop(struct cbenchmark_state *state, void *context)
{
	(void)context;
	while (cbenchmark_keep_running_batch(state, MICRO_BATCH))
		for (int i = 0; i < MICRO_BATCH; i++)
			__asm__ volatile("" : "+r"(i)); // not unrolled
}

static void run_baseline(struct cbenchmark_state *state, void *context)
{
	while (cbenchmark_keep_running_batch(state, MICRO_BATCH))
		for (int i = 0; i < MICRO_BATCH; i++)
			micro_nothing(context);
}

static void register_own(void)
{
	// The loop, and the loop with one call of what does nothing, in another object, as each
	// operation of a variant is.
	micro_add(&(struct cbenchmark){.name = "noop", .run = run_noop});
	micro_add(&(struct cbenchmark){.name = "baseline", .run = run_baseline});
}

// ---- counters, of each thread and per iteration

static void *begin(void *context)
{
	struct counters *counters = malloc(sizeof(*counters));

	(void)context;
	if (counters) {
		counters_open(counters, &events);
		counters_start(counters);
	}
	return counters;
}

static void pause_counters(void *counters)
{
	counters_stop(counters);
}

static void resume_counters(void *counters)
{
	counters_start(counters);
}

// What is unavailable is left out, and told in the context.
static void end(void *observed, struct cbenchmark_state *state, void *context)
{
	struct counters *counters = observed;

	(void)context;
	counters_stop(counters);
	for (size_t i = 0; i < events.n; i++) {
		struct counters_value value;

		counters_read(counters, i, &value);
		if (value.available)
			cbenchmark_set_counter(state, events.event[i].name, value.count,
			                       CBENCHMARK_AVERAGE_ITERATIONS);
	}
	counters_close(counters);
	free(counters);
}

static void describe_counters(void)
{
	struct counters counters;

	counters_open(&counters, &events);
	counters_start(&counters);
	counters_stop(&counters);
	for (size_t i = 0; i < events.n; i++) {
		struct counters_value value;
		char key[80], text[256];

		counters_read(&counters, i, &value);
		snprintf(key, sizeof(key), "counter:%s", events.event[i].name);
		snprintf(text, sizeof(text), "%s%s",
		         value.available ? "available" : "unavailable: ",
		         value.available ? "" : value.because);
		cbenchmark_add_context(key, text);
	}
	counters_close(&counters);
}

static void use_counters(const char *list)
{
	static const struct cbenchmark_observer observer = {begin, pause_counters, resume_counters,
	                                                    end, NULL};
	struct text fault = {0};

	if (counters_parse(&events, list, &fault))
		die(text_string(&fault));
	describe_counters();
	cbenchmark_observe(&observer);
}

int main(int argc, char **argv)
{
	cbenchmark_initialize(&argc, argv);
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], counters_option, strlen(counters_option))) {
			fprintf(stderr, "micro %s/%s: unknown option '%s': %sNAME,... or %s\n",
			        micro_slot, micro_variant, argv[i], counters_option,
			        "Google Benchmark's (--help)");
			return 2;
		}
		use_counters(argv[i] + strlen(counters_option));
	}
	cbenchmark_add_context("slot", micro_slot);
	cbenchmark_add_context("variant", micro_variant);
	cbenchmark_add_context("revision", wgbench_revision);
	cbenchmark_add_context("profile", wgbench_profile);
	register_own();
	micro_register();
	long ran = cbenchmark_run();
	if (ran < 0)
		die(strerror(-ran));
	return cbenchmark_skipped() || !ran;
}
