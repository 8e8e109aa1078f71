// One trial: a workload on a tunnel that is alive, with what it cost and what disturbed it.
#ifndef WGBENCH_MEASURE_RUN_TRIAL_H
#define WGBENCH_MEASURE_RUN_TRIAL_H

#include "harness/measure/testbed.h"
#include "harness/record/store.h"
#include "harness/plan/workload.h"

// Fills everything of the trial but block, position, start and attempt; its JSON values are the
// caller's (trial_free). A failure of the traffic is a status; -errno: wgbench can't go on, -EINTR:
// it was asked to stop.
int trial_run(struct trial *, struct session *, unsigned tunnel, const struct workload_use *,
              unsigned duration_s);

// Whether its block is to be repeated: the trial failed, or was contaminated, also where its status
// says that the generator was too slow, which may well be the reason.
bool trial_spoils(const struct trial *);

void trial_free(struct trial *);

#endif
