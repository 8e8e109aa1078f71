// What runs with a budget would say whose blocks are drawn from those at hand: analysis after
// analysis, as blocks.c does. Mathematics only.
#ifndef WGBENCH_JUDGE_DRAW_BUDGET_H
#define WGBENCH_JUDGE_DRAW_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/plan/interim_plan.h"

struct selfcheck_budget {
	unsigned draws;
	double higher, lower, same; // shares called so, by the gate; the rest isn't decided
	double different;           // share whose last interval leaves out zero
	double blocks;              // median of how many a run took
};

// What `higher` may be all the same, as far as the blocks at hand were drawn by chance: one-sided
// limits at 95 % each. Of what none of these blocks shows they can't tell: where `higher` is 0 or 1
// so may they be.
struct selfcheck_limits {
	double low, high;
};

// Draws runs from the ratios (logarithms of blocks, each of a start of its own), with replacement.
// `equal`: the two tunnels are, so a sign is drawn for each block too. `shift` is added: an effect
// that isn't there. The same seed draws the same. n >= 1, analyses.n >= 1.
void selfcheck_draw_budget(struct selfcheck_budget *, const double *ratio, size_t n, bool equal,
                           double shift, const struct interim *, double gate_percent,
                           unsigned draws, uint64_t seed);

// The same from `stores` sets of n blocks, each drawn from those at hand with replacement (Efron's
// percentile method): the quantiles of their shares. So few draws of each that chance in them
// widens the limits.
void selfcheck_limit_budget(struct selfcheck_limits *, const double *ratio, size_t n, bool equal,
                            double shift, const struct interim *, double gate_percent,
                            unsigned stores, unsigned draws, uint64_t seed);

#endif
