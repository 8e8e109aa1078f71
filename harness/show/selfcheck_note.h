// What verdicts are worth on a machine, below those of a run.
#ifndef WGBENCH_SHOW_SELFCHECK_NOTE_H
#define WGBENCH_SHOW_SELFCHECK_NOTE_H

#include "harness/judge/outcome.h"

#include <stdbool.h>
#include <stdio.h>

// What two machines have in common whose verdicts are worth the same: fields of an environment, up
// to NULL.
extern const char *const selfcheck_machine_keys[];

// Of two environments.
bool selfcheck_same_machine(const json_t *, const json_t *);

// Says what the last self-check, in the file at `path`, found on a machine like the run's own for
// the same workloads and metrics, by as many blocks; or that there is none.
void selfcheck_print_note(const struct outcome *, const char *path, FILE *);

#endif
