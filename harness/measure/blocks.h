// The middle of a run: all its blocks, each workload in turn within a block so that drift meets all
// alike, repeated where they were contaminated or failed, appended trial by trial.
#ifndef WGBENCH_MEASURE_BLOCKS_H
#define WGBENCH_MEASURE_BLOCKS_H

#include "harness/plan/plan.h"
#include "harness/measure/testbed.h"
#include "harness/record/store.h"

struct blocks_result {
	unsigned failed;       // blocks of a workload that still failed at their last attempt
	char reason[520];      // of the first of them, or why a tunnel didn't start
	int faulty;            // the tunnel that this is about; -1: there's none
	unsigned contaminated; // likewise
};

// Sets which of the plan's workloads need no more blocks by the trials so far. 0; -errno after
// a printed line.
typedef int blocks_decide(const struct plan *, const struct store *,
                          bool decided[RUN_WORKLOADS_MAX]);

// Does what the folder doesn't hold yet. With a budget `decide` is asked at each interim analysis;
// without one it may be NULL. 0; -EINTR when asked to stop; -EDQUOT, -EFBIG, -ENOSPC
// when there is no room for a trial; other -errno after a printed line. The result is set on every
// way out.
int blocks_run(const struct plan *, struct session *, struct store *, blocks_decide *,
               struct blocks_result *);

#endif
