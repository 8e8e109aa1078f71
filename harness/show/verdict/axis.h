// The axis of verdicts: logarithmic, so that twice as good and half as good are equally far from
// "same"; to the right is better.
#ifndef WGBENCH_SHOW_VERDICT_AXIS_H
#define WGBENCH_SHOW_VERDICT_AXIS_H

#include "base/text.h"
#include "harness/judge/summary.h"

// As far as it reaches: a ratio, and the ticks on either side.
struct axis {
	double ratio;
	int ticks;
};

// The narrowest that holds the threshold and every effect and interval, of one comparison, or, for
// NULL, of all.
const struct axis *axis_choose(const struct verdict_set *, const struct summary *);

// The logarithm of the ratio, or of its inverse where lower is better.
double axis_improvement(const struct verdict *, double percent);

// From -1 to 1; what lies beyond is at its end.
double axis_place(const struct axis *, double improvement);
bool axis_holds(const struct axis *, double improvement);

// What stands below a tick from -ticks to ticks: "4× worse"; "" where it would be crowded.
void axis_label(struct text *, const struct axis *, int tick);

#endif
