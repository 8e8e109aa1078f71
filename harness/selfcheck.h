// What verdicts are worth on this machine, as `wgbench selfcheck` measured it: a tunnel against
// itself, and against itself with a known cost added.
#ifndef WGBENCH_SELFCHECK_H
#define WGBENCH_SELFCHECK_H

#include <stdio.h>

#include "harness/outcome.h"

// Says below a run's verdicts what the last self-check on a machine like the run's own found for
// the same workloads and metrics, by as many blocks; or that there is none.
void selfcheck_print_note(const struct outcome *, FILE *);

#endif
