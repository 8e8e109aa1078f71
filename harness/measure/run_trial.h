// One trial: a workload on a tunnel that is alive, with what it cost and what disturbed it.
#ifndef WGBENCH_MEASURE_RUN_TRIAL_H
#define WGBENCH_MEASURE_RUN_TRIAL_H

#include "harness/measure/testbed.h"
#include "harness/record/trial.h"
#include "harness/plan/workload.h"

// Fills everything of the trial but block, position, start and attempt; its JSON values are the
// caller's (trial_free). A failure of the traffic is a status; -errno: wgbench can't go on, -EINTR:
// it was asked to stop.
int trial_run(struct trial *, struct session *, unsigned tunnel, const struct workload_use *,
              unsigned duration_s);

#endif
