// The results of microbenchmarks as text, as JSON, and as a report with plots.
#ifndef WGBENCH_MICRO_PRINT_H
#define WGBENCH_MICRO_PRINT_H

#include "harness/commands/micro/summary.h"

#include <stdio.h>

// Each returns 0, or -errno after a printed line; micro_show_text() and micro_show_json() return
// how many entries of a variant failed.
int micro_show_text(const struct micro_raw *, FILE *to);
int micro_show_json(const struct micro_raw *, FILE *to);

// report.md, report.html and plots/ in `dir`, drawn with the scripts of the tree `root`.
int micro_show_report(const struct micro_raw *, const char *root, const char *dir);

// ---- between print.c and json.c

// Calls `each` for every slot that has runs, and adds what it returns. -EINVAL after a printed
// line.
typedef int micro_each(const struct micro_result *, const struct micro_runs *, void *context);
int micro_each_slot(const struct micro_raw *, micro_each *, void *context);

int micro_count_failures(const struct micro_result *);

#endif
