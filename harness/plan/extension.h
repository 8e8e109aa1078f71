// More blocks for a run that has come to its end. Its end was looked at, so its error is spent: the
// later end is judged with what is left of it (interim_plan.h).
#ifndef WGBENCH_PLAN_EXTENSION_H
#define WGBENCH_PLAN_EXTENSION_H

#include "harness/record/store.h"

// What is added to each workload that isn't decided: blocks (0: as many as the time allows), time
// (0: as much as the blocks take). Both 0: nothing.
struct extension {
	unsigned blocks;
	double budget_s;
};

// Adds it to the store's run, which isn't written. 0; -EINVAL after a printed line: the run hasn't
// ended, is decided, was extended too often, or has no error left to spend.
int extension_add(struct store *, const struct extension *);

#endif
