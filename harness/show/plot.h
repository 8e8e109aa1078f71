// Plots as SVG texts, drawn by gnuplot with the scripts of scripts/: data and script go through its
// standard input, so there are no files to tidy away.
#ifndef WGBENCH_SHOW_PLOT_H
#define WGBENCH_SHOW_PLOT_H

#include "base/text.h"
#include "harness/judge/outcome.h"

#include <stdio.h>

// Each tunnel's value against the number of the block; contaminated blocks hollow. *svg is the
// caller's. 0; -errno after a printed line.
int plot_values(const char *root, const struct outcome *, const struct series *, char **svg);

// The paired effect of each block, with the interval as a band and the threshold as lines.
int plot_effects(const char *root, const struct outcome *, const struct verdict *, char **svg);

// What a workload's trials kept (judge/samples.h): the rate inside a trial, by time; or which share
// of the delays was longer. *svg stays NULL where they kept neither.
int plot_samples(const char *root, const struct outcome *, const char *workload, char **svg);

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

// What a plot of one's own is made of.
struct plot {
	FILE *to; // the script so far
	struct text input;
	char *title;
};

// Begins a script with its title and label.
void plot_begin(struct plot *, const char *title, const char *y_label);

// Sets a string of the script, and the name of its i-th curve, from 0.
void plot_put_text(FILE *, const char *name, const char *text);
void plot_put_name(FILE *, size_t i, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Ends it with the named script of scripts/, runs it, and frees the plot. As plot_values().
int plot_end(struct plot *, const char *root, const char *script, char **svg);

#endif
