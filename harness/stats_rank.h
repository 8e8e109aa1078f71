// Tests by ranks that are exact for small samples, and the estimates and intervals that go with
// them: a value is in the interval just if the test doesn't reject it.
#ifndef WGBENCH_STATS_RANK_H
#define WGBENCH_STATS_RANK_H

#include "harness/stats.h"

// Hodges and Lehmann (1963): the median of the n (n + 1) / 2 Walsh averages.
double stats_hodges_lehmann(const double *x, size_t n);

// Exact two-sided Wilcoxon signed-rank p of symmetry about `center`, ties by mid-ranks and their
// exact permutation distribution; differences of zero are kept out. n <= STATS_BLOCKS_MAX.
double stats_signed_rank_p(const double *x, size_t n, double center);

// The interval that inverts that test: Walsh averages at the exact critical value for `level`
// (0.95). Where n is too small for any interval at the level: infinite bounds, coverage 0.
struct stats_interval stats_signed_rank_interval(const double *x, size_t n, double level);

// The probability of each sum 0..n (n + 1) / 2 of positive ranks without ties; the caller frees it.
double *stats_signed_rank_distribution(size_t n);

#endif
