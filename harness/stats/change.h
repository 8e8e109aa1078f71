// Where a series, in the order of time, changes.
#ifndef WGBENCH_STATS_CHANGE_H
#define WGBENCH_STATS_CHANGE_H

#include "harness/stats/basic.h"

#include <stdint.h>

struct stats_group {
	size_t begin, end; // before end
	double mean, sd;   // of the population
	double bits;       // of the message that tells the group, given the mean of the one before
};

// Groups by the shortest message, as jumpavg of FD.io's CSIT does: each is coded as drawn from a
// normal distribution of its own, and a value counts `unit`, the series' resolution. `group` has
// room for n. How many there are; 0 where no value is above 0. Takes n^2 steps.
size_t stats_group_changes(const double *x, size_t n, double unit, struct stats_group *group);

struct stats_divisive {
	size_t
	    guard; // a change has as many values on each side, up to the next one or the end; >= 1
	double significance;
	unsigned permutations; // the smallest p is 1 / (permutations + 1)
	uint64_t seed;
};

struct stats_change {
	size_t at;       // of the first value after it
	double distance; // scaled energy distance of both sides
	double p;
};

// E-divisive (Matteson and James, 2014), with the exponent 1: the best division of any segment is
// tried against those of permuted segments, until one isn't significant. `change` has room for n,
// and is filled in the order of the series. How many there are. Memory for n^2 values, and n^2
// steps for each permutation and change.
size_t stats_divide(const double *x, size_t n, const struct stats_divisive *,
                    struct stats_change *change);

#endif
