// What the raw runs of a slot's microbenchmarks say: each entry's time by variant, and its ratio to
// the base variant by the blocks, in which every variant ran twice in balanced order. Mathematics
// only.
#ifndef WGBENCH_MICRO_SUMMARY_H
#define WGBENCH_MICRO_SUMMARY_H

#include "harness/commands/micro/raw.h"
#include "harness/spec/parse.h"

#include <stdbool.h>
#include <stddef.h>

enum { MICRO_COUNTERS_MAX = 32, MICRO_EXACT_BLOCKS = 6 };

struct micro_cell {
	size_t runs;       // that gave a time; 0: there is none
	const char *error; // of a run that failed, or NULL
	const char *order; // of a fit: "N", "lgN"; else NULL
	double median;     // ns an iteration, or the fit's coefficient
	double least, greatest;
	size_t blocks;    // with a ratio to the base; 0: no ratio
	double ratio;     // Hodges-Lehmann over the blocks' log-ratios
	double low, high; // from MICRO_EXACT_BLOCKS blocks on the exact 95 % interval of the
	bool exact;       // signed-rank test, below that the blocks' least and greatest ratio
};

struct micro_counter {
	const char *name;
	double median[SPEC_VARIANTS_MAX]; // NAN: there is none
};

struct micro_entry {
	const char *name; // as Google Benchmark has it
	char shown[128];  // without how it was timed
	char sweep[64];   // the name up to the first parameter
	bool passing;     // timed by passing time, not by the thread's CPU time
	struct micro_cell cell[SPEC_VARIANTS_MAX];
	size_t counters;
	struct micro_counter counter[MICRO_COUNTERS_MAX];
};

struct micro_result {
	const char *slot; // all texts are the runs'
	size_t variants, base;
	const char *variant[SPEC_VARIANTS_MAX];
	char against[64]; // "/ BASE": the heading of ratios
	size_t entries;
	struct micro_entry *entry;
};

// The runs must outlive the result. 0; -EINVAL: they aren't what they should be.
int micro_result_make(struct micro_result *, const struct micro_runs *);
void micro_result_free(struct micro_result *);

// Why a counter that was asked for isn't counted, which begins with MICRO_UNAVAILABLE, or NULL.
#define MICRO_UNAVAILABLE "unavailable"
const char *micro_reason(const struct micro_runs *, const char *variant, const char *counter);

// The value of parameter `key` in a name such as "seal/bytes:64"; false: there is none.
bool micro_parameter(const char *shown, const char *key, double *value);

#endif
