// A run's answer as a terminal or a log shows it: a sentence, then a line for each metric, no wider
// than there is room for.
#ifndef WGBENCH_SHOW_VERDICT_BRIEF_H
#define WGBENCH_SHOW_VERDICT_BRIEF_H

#include "harness/judge/outcome.h"

#include <stdio.h>

// `columns`: of the terminal. Of a run of one tunnel, its figures.
void brief_print(const struct outcome *, unsigned columns, FILE *);

#endif
