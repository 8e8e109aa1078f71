// What `wgbench selfcheck` says, on standard output.
#ifndef WGBENCH_SELFCHECK_PRINT_H
#define WGBENCH_SELFCHECK_PRINT_H

#include "harness/judge/outcome.h"

// found: as it is kept in selfcheck.json.
void selfcheck_print_found(const json_t *found);

// Of each cost planted in the run, what it should add to the baseline's trials, and what was
// measured.
void selfcheck_print_planted(const struct outcome *);

#endif
