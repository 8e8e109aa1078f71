// Whether a sample has two modes: a tunnel that is now fast and now slow has no middle worth
// telling.
#ifndef WGBENCH_STATS_MODES_H
#define WGBENCH_STATS_MODES_H

#include "harness/stats/basic.h"

struct stats_modes {
	double low, high;     // medians of the two groups
	size_t n_low, n_high; // and how many values they have
};

// The best split of the sorted values into two groups with a common variance (Fisher, 1958), taken
// for two modes where the classification likelihood gains more than its penalty (as the criterion
// of Biernacki, Celeux and Govaert, 2000, which prices the labels too). The penalty, 8 + n / 8, is
// by simulation: in samples of 8 to 80 that are normal, t with 3 degrees of freedom, uniform or
// exponential at most 1 % are called bimodal; of even mixtures of two normals 8 standard deviations
// apart 57 % of 12, 95 % of 20 and all of 40 are. A group has a fifth of the values and three at
// least. False for n < 8. n <= STATS_BLOCKS_MAX.
bool stats_modes(struct stats_modes *, const double *x, size_t n);

#endif
