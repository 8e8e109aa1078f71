// Mathematics only: nothing here prints. Arrays are of finite doubles.
#ifndef WGBENCH_STATS_BASIC_H
#define WGBENCH_STATS_BASIC_H

#include <stdbool.h>
#include <stddef.h>

enum { STATS_BLOCKS_MAX = 500 }; // an exact distribution takes n^3 steps

struct stats_interval {
	double low, high;
	double coverage; // at least; 0: n is too small for the level, and both bounds are infinite
};

// Equal measurements reach a comparison by different sums, so that equal doubles differ in their
// last bits, and no comparison may depend on those (compare R's digits.rank in wilcox.test). A mean
// of logarithms is off by some 1e-14 and no input is known to 1e-9, while the smallest gate is
// 1e-4: what differs by less than this is the same. Values are tied in chains, each with the next.
#define STATS_ROUNDING 1e-9

// Of logarithms of ratios, ratios and percent: absolute below 1, relative above.
bool stats_same(double a, double b);
bool stats_above(double a, double b); // greater, and not the same

// Of values in any unit: relative.
bool stats_tied(double a, double b);

// Whether a probability is at most so much.
bool stats_within(double p, double error);

double stats_mean(const double *x, size_t n);
double stats_sd(const double *x, size_t n); // n - 1; 0 for n < 2
double stats_median(const double *x, size_t n);

// Quantile by linear interpolation of order statistics (type 7 of Hyndman and Fan, 1996); p in
// [0, 1]; n >= 1.
double stats_quantile(const double *x, size_t n, double p);

// An interval for the p quantile of what x was drawn from, whatever its distribution: two order
// statistics by the binomial distribution, each end missed with (1 - level) / 2 at most (David and
// Nagaraja, 2003, 7.1). An end that n is too small for is infinite.
struct stats_interval stats_quantile_interval(const double *x, size_t n, double p, double level);

// Of the standard normal distribution: the probability of less than z, and the z that has it below.
double stats_normal_below(double z);
double stats_normal_quantile(double p);

void stats_sort(double *x, size_t n); // ascending

// Makes tied values equal, in place.
void stats_unify(double *x, size_t n);

#endif
