// micro.json: what microbenchmark programs said, run by run. raw.c has its rows, which say what
// each field must be.
#ifndef WGBENCH_MICRO_RAW_H
#define WGBENCH_MICRO_RAW_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct text;

// What a program says of itself and of this machine.
struct micro_context {
	char *variant;
	json_t *said;
};

// A program that ran once.
struct micro_run {
	char *variant, *sweep;
	unsigned block, position;
	json_t *benchmarks; // an array of rows as Google Benchmark has them: summary.c reads them
};

struct micro_runs {
	char *slot;
	size_t variants;
	char **variant;
	char *base; // the variant that others are compared with
	size_t contexts, runs, room;
	struct micro_context *context; // of each variant that ran
	struct micro_run *run;
};

struct micro_raw {
	char *id, *created;
	size_t words;
	char **command; // how to run it again
	uint64_t seed;
	unsigned repetitions; // blocks
	double min_time_s;
	size_t counters;
	char **counter; // that were asked for
	json_t *environment;
	size_t slots;
	struct micro_runs *slot;
};

// Reads a file into a zeroed struct. 0; -errno with the reason in `fault`, to stand right behind
// the path and a colon.
int micro_raw_load(struct micro_raw *, const char *path, struct text *fault);

json_t *micro_raw_write(const struct micro_raw *); // a new object

void micro_raw_free(struct micro_raw *);

// Takes the rows over.
void micro_runs_add(struct micro_runs *, const char *variant, const char *sweep, unsigned block,
                    unsigned position, json_t *benchmarks);

// NULL: that variant hasn't run.
const struct micro_context *micro_runs_context(const struct micro_runs *, const char *variant);
// Takes what was said over.
void micro_runs_add_context(struct micro_runs *, const char *variant, json_t *said);

#endif
