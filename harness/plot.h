// Plots as SVG texts, drawn by gnuplot with the scripts of scripts/: data and script go through its
// standard input, so there are no files to tidy away.
#ifndef WGBENCH_PLOT_H
#define WGBENCH_PLOT_H

#include "harness/history.h"
#include "harness/outcome.h"

// Each tunnel's value against the number of the block; contaminated blocks hollow. *svg is the
// caller's. 0; -errno after a printed line.
int plot_values(const char *root, const struct outcome *, const struct series *, char **svg);

// The paired effect of each block, with the interval as a band and the gate as lines.
int plot_effects(const char *root, const struct outcome *, const struct verdict *, char **svg);

// A microbenchmark's time over a parameter, for each variant.
struct plot_point {
	size_t variant;
	double x, median, least, greatest;
};

struct plot_sweep {
	const char *title, *x_label, *y_label;
	size_t variants, points;
	const char *const *variant;     // names
	const struct plot_point *point; // x rises within a variant
};

// An axis is logarithmic where its values span a factor of 16.
int plot_sweep(const char *root, const struct plot_sweep *, char **svg);

// The medians of a history's series over time, with their intervals; all are of one metric.
int plot_history(const char *root, const struct history *, char **svg);

#endif
