// Tests by ranks that are exact for small samples, and the estimates and intervals that go with
// them.
#ifndef WGBENCH_STATS_SIGNED_RANK_H
#define WGBENCH_STATS_SIGNED_RANK_H

#include "harness/stats/basic.h"

// Hodges and Lehmann (1963): the median of the n (n + 1) / 2 Walsh averages.
double stats_hodges_lehmann(const double *x, size_t n);

// Wilcoxon's signed-rank test of symmetry about `center`: the exact permutation distribution of
// mid-ranks. Differences that are the same but for rounding (stats_same) are tied, those that are
// zero but for rounding are dropped. n <= STATS_BLOCKS_MAX.
struct stats_tails {
	double below,
	    above; // the probability of so small, and of so great, a sum of positive ranks
};
struct stats_tails stats_signed_rank_tails(const double *x, size_t n, double center);

// Two-sided: twice the smaller tail.
double stats_signed_rank_p(const double *x, size_t n, double center);

// Walsh averages at the exact critical value for `level` (0.95), which inverts the test where there
// are no ties or zeros. Where n is too small for any interval at the level: infinite bounds,
// coverage 0.
struct stats_interval stats_walsh_interval(const double *x, size_t n, double level);

// That interval, settled at zero: it leaves out zero if and only if the test rejects zero.
struct stats_interval stats_signed_rank_interval(const double *x, size_t n, double level);

// Ties and zeros change the distribution of the rank sum, but not which Walsh average is at the
// critical value, so that test and interval can disagree. Moves an end so that the interval holds
// `value` if and only if the test doesn't reject it at 1 - level.
void stats_signed_rank_settle(struct stats_interval *, const double *x, size_t n, double level,
                              double value);

// How many of the outermost Walsh averages of n values that interval leaves out on each side, for a
// two-sided error of 1 - level; 0: there is no interval.
size_t stats_signed_rank_outside(size_t n, double error);

// The error that such a test attains, its levels being few: at most `error`, 0 where it can't
// reject.
double stats_signed_rank_attained(size_t n, double error);

// The probability of each sum 0..n (n + 1) / 2 of positive ranks without ties; the caller frees it.
double *stats_signed_rank_distribution(size_t n);

// The fewest values of which the exact two-sided test can come to so small a p: of fewer there is
// no interval either.
size_t stats_signed_rank_blocks(double error);

#endif
