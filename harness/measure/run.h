// Measuring what a plan says into a run folder.
#ifndef WGBENCH_MEASURE_RUN_H
#define WGBENCH_MEASURE_RUN_H

#include "harness/measure/blocks.h"
#include "harness/plan/extension.h"

// Exit codes, beside 128 + N: stopped by signal N. Failed: a line on stderr says what and the
// remedy.
enum { RUN_DONE = 0, RUN_FAILED = 2 };

struct run_result {
	struct store store;   // the run with its trials; empty where it failed before there was one
	size_t trials_before; // a --resume
	int faulty;       // the tunnel that didn't start or failed in a block at every attempt; -1
	char reason[520]; // what it did
};

// Measures the plan in a new folder `out` (NULL: one below results/). An exit code. The caller
// closes the result's store in any case.
int run_plan(struct plan *, const char *out, double gate_percent, blocks_decide *,
             struct run_result *);

// Goes on with the run in the folder, which by an extension (NULL: none) becomes longer. Likewise.
int run_resume(const char *dir, const struct extension *, blocks_decide *, struct run_result *);

#endif
