// Bootstrap intervals, for display: of a nominal 95 % they cover 84 to 91 at 6 to 15 blocks, so
// nothing is decided by them. The same seed gives the same interval.
#ifndef WGBENCH_STATS_BOOTSTRAP_H
#define WGBENCH_STATS_BOOTSTRAP_H

#include "harness/stats/basic.h"

#include <stdint.h>

// Such as stats_mean, stats_median, stats_hodges_lehmann.
struct stats_bootstrap {
	double (*statistic)(const double *x, size_t n);
	double level; // 0.95
	unsigned resamples;
	uint64_t seed;
};

// A block's value, and where it comes from; starts are numbered within their build or throughout.
struct stats_block {
	unsigned build, start;
	double value;
};

// Percentiles of the statistic over resampled blocks: builds are drawn with replacement, within
// each of them its starts, within each of these its blocks. n < 2: infinite bounds, coverage 0.
struct stats_interval stats_hierarchical(const struct stats_block *, size_t n,
                                         const struct stats_bootstrap *);

#endif
