// What verdicts are worth on a machine, below those of a run.
#ifndef WGBENCH_SHOW_SELFCHECK_NOTE_H
#define WGBENCH_SHOW_SELFCHECK_NOTE_H

#include "harness/judge/outcome.h"

#include <stdio.h>

// Says what the last self-check, in the file at `path`, found on a machine like the run's own for
// the same workloads and metrics, by as many blocks; or that there is none.
void selfcheck_print_note(const struct outcome *, const char *path, FILE *);

#endif
