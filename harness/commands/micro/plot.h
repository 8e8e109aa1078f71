// Microbenchmarks as plots.
#ifndef WGBENCH_MICRO_PLOT_H
#define WGBENCH_MICRO_PLOT_H

#include "harness/commands/micro/summary.h"
#include "harness/show/document.h"

// What of a slot's sweep differs only in its first parameter that varies is one plot, drawn with
// the scripts of the tree `root`. 0, or -errno after a printed line.
int micro_plot_slot(struct document *, const char *root, const struct micro_result *);

#endif
