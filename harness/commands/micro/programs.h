// Runs the microbenchmark programs: which there are, which entries a filter picks, and in which
// order they run.
#ifndef WGBENCH_MICRO_PROGRAMS_H
#define WGBENCH_MICRO_PROGRAMS_H

#include "harness/commands/micro/raw.h"
#include "harness/spec/parse.h"

#include <jansson.h>
#include <stdint.h>

struct micro_sweep {
	char name[64];
	size_t n; // entries of all variants together
	// For Google Benchmark, by variant; NULL: nothing of this variant is picked.
	char *pattern[SPEC_VARIANTS_MAX];
};

struct micro_slot {
	const struct spec_slot *slot;
	size_t variants, base;             // those picked
	size_t variant[SPEC_VARIANTS_MAX]; // index into the slot's
	size_t sweeps;
	struct micro_sweep *sweep;
};

struct micro_plan {
	const struct spec_catalog *catalog;
	size_t slots;
	struct micro_slot slot[SPEC_SLOTS_MAX];
	json_t *entries; // [["SLOT/VARIANT/ENTRY", ...]]: the names of what is picked, flat
	unsigned blocks;
	double min_time_s;
	const char *counters; // or NULL
	uint64_t seed;
};

// Builds the programs and asks them what they have. filter: an extended regular expression for
// SLOT/VARIANT/ENTRY, NULL for all. 0; -errno after a printed line: also for a filter that matches
// nothing, which lists what there is.
int micro_plan_make(struct micro_plan *, const struct spec_catalog *, const char *filter);
void micro_plan_free(struct micro_plan *);

// Runs it all, each block over all sweeps, into raw's slots; `save` is called after each block. 0;
// -EINTR; -errno after a printed line.
int micro_run(const struct micro_plan *, struct micro_raw *raw,
              int (*save)(const struct micro_raw *, void *context), void *context);

#endif
