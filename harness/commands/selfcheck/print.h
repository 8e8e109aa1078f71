// What `wgbench selfcheck` says, on standard output.
#ifndef WGBENCH_SELFCHECK_PRINT_H
#define WGBENCH_SELFCHECK_PRINT_H

#include "harness/judge/outcome.h"
#include "harness/record/selfcheck.h"

void selfcheck_print_found(const struct selfcheck *);

// Of each cost planted in the run, what it should add to the baseline's trials, and what was
// measured.
void selfcheck_print_planted(const struct outcome *);

#endif
