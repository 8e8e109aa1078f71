// Whether a run that goes on until it is decided may end.
#ifndef WGBENCH_JUDGE_DECIDED_H
#define WGBENCH_JUDGE_DECIDED_H

#include <stdbool.h>

#include "harness/plan/plan.h"
#include "harness/record/store.h"

// Sets which of the plan's workloads are decided by the trials so far: every verdict that its
// budget is for has a word, or, of a plan that finds a tunnel's side (between), it has been found.
// 0; -errno after a printed line.
int decided_by(const struct plan *, const struct store *, bool decided[RUN_WORKLOADS_MAX]);

#endif
