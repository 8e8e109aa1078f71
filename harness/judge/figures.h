// What a run says of one tunnel by itself.
#ifndef WGBENCH_JUDGE_FIGURES_H
#define WGBENCH_JUDGE_FIGURES_H

#include "harness/judge/series.h"
#include "harness/stats/modes.h"

// In the metric's unit. It holds for these blocks on this machine: what differs from one day to the
// next is not in the interval.
struct figure {
	double value;     // Hodges-Lehmann, over the clean blocks' means; NAN without any
	double low, high; // 95 %, of the exact signed-rank test; infinite where blocks are too few
	size_t blocks;
};

struct figure figure_of(const struct series *, unsigned tunnel);

// Whether the clean blocks' means of a tunnel have two modes, and which, in the metric's unit.
bool figure_modes(struct stats_modes *, const struct series *, unsigned tunnel);

#endif
