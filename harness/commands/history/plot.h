#ifndef WGBENCH_HISTORY_PLOT_H
#define WGBENCH_HISTORY_PLOT_H

#include "harness/commands/history/history.h"

// The medians of a history's series over time, with their intervals; all are of one metric.
int plot_history(const char *root, const struct history *, char **svg);

#endif
