// run.json of a run that begins: what is compared, how to do it again, on which machine.
#ifndef WGBENCH_MEASURE_MANIFEST_H
#define WGBENCH_MEASURE_MANIFEST_H

#include <jansson.h>

#include "harness/plan/plan.h"
#include "harness/measure/testbed.h"
#include "harness/record/run.h"

// Fills the run, which the caller frees. A gate of 0: none was given. The session is open. 0;
// -EINVAL after a printed line.
int describe_run(struct run *, const struct plan *, const struct session *, const char *id,
                 double gate_percent);

// The machine (environment.h), the veth that joins the session's pairs as it is made here, and what
// others do meanwhile (busy.h), which is also said on stderr. No tunnel may run.
json_t *describe_environment(const struct session *);

// Whether the tunnels are those that the run was begun with: a binary or a library that isn't the
// recorded one would make two runs of one folder. 0; -EINVAL after a printed line.
int describe_check(const struct run *, const struct session *);

#endif
