// Mathematics only: nothing here prints. Arrays are of finite doubles.
#ifndef WGBENCH_STATS_H
#define WGBENCH_STATS_H

#include <stddef.h>

enum { STATS_BLOCKS_MAX = 500 }; // the exact distribution takes n^3 steps

struct stats_interval {
	double low, high;
	double coverage; // of the exact test that was inverted; 0: n is too small for the level
};

double stats_mean(const double *x, size_t n);
double stats_sd(const double *x, size_t n); // n - 1; 0 for n < 2
double stats_median(const double *x, size_t n);

// Quantile by linear interpolation of order statistics (type 7 of Hyndman and Fan, 1996); p in
// [0, 1]; n >= 1.
double stats_quantile(const double *x, size_t n, double p);

// Hodges and Lehmann (1963): the median of the n (n + 1) / 2 Walsh averages.
double stats_hodges_lehmann(const double *x, size_t n);

// Exact two-sided Wilcoxon signed-rank p of symmetry about `center`, ties by mid-ranks and their
// exact permutation distribution; differences of zero are kept out. n <= STATS_BLOCKS_MAX.
double stats_signed_rank_p(const double *x, size_t n, double center);

// The interval that inverts that test: Walsh averages at the exact critical value for `level`
// (0.95). Where n is too small for any interval at the level: infinite bounds, coverage 0.
struct stats_interval stats_signed_rank_interval(const double *x, size_t n, double level);

#endif
