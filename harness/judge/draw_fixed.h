// What a verdict is worth: how often it would be wrong, and how small an effect it would find, by
// drawing runs from the blocks of two tunnels that are the same. Mathematics only.
#ifndef WGBENCH_JUDGE_DRAW_FIXED_H
#define WGBENCH_JUDGE_DRAW_FIXED_H

#include "harness/judge/series.h"

struct selfcheck_draws {
	size_t blocks; // of each drawn run
	unsigned draws;
	double different;     // share of draws whose interval leaves out zero: nominally `error`
	double called;        // share called better or worse than the threshold
	double found_percent; // the effect that 9 of 10 draws would call so
};

// Draws runs of `blocks` from the ratios (logarithms of paired blocks whose true effect is 0),
// whole starts at a time as they are a level of the variance: a start with replacement, then its
// blocks with replacement. `start[i]` says of which start ratio i is. The same seed draws the same.
void selfcheck_draw(struct selfcheck_draws *, const double *ratio, const unsigned *start, size_t n,
                    size_t blocks, double gate_percent, double error, unsigned draws,
                    uint64_t seed);

#endif
