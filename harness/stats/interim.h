// Looking at a run's blocks while it goes on, at counts of blocks fixed beforehand, without that
// each analysis adds to the error: alpha is spent over the analyses (Lan and DeMets, 1983) by the
// power family of Kim and DeMets (1987).
#ifndef WGBENCH_STATS_INTERIM_H
#define WGBENCH_STATS_INTERIM_H

#include "harness/stats/basic.h"

enum { STATS_ANALYSES_MAX = 16 };

struct stats_interim {
	size_t n;
	size_t blocks[STATS_ANALYSES_MAX];

	// Two-sided, of the exact signed-rank test at that analysis; a value that it can attain.
	// The intervals stats_signed_rank_interval(x, blocks, 1 - level) of all analyses hold the
	// effect together with a probability of 1 - alpha at least; either end fails about equally
	// often. 0: at this analysis nothing can be decided; its share goes to the analyses that
	// follow.
	double level[STATS_ANALYSES_MAX];
	double spent[STATS_ANALYSES_MAX]; // of alpha, up to and with that analysis; at most
};

// Looks after 8 blocks and then after half as many more each time: 8, 12, 18, 27, 40, 60, 90, 135,
// 202, 303, and the last after `most`; one analysis where `most` is 8 or less. How many there are.
size_t stats_interim_default(size_t blocks[STATS_ANALYSES_MAX], size_t most);

// 0; -EINVAL unless there is an analysis, 16 at most, blocks ascend from 1 to STATS_BLOCKS_MAX, and
// alpha is between 0 and 1. Takes some tenths of a second where analyses go beyond 200 blocks.
int stats_interim_plan(struct stats_interim *, const size_t *blocks, size_t n, double alpha);

// Looks that nobody planned. The first one was the end of a run, tested at level `first` after
// analyses that had spent `before`; since the test is exact and attains few levels, part of alpha
// may be left. Each further analysis spends half of what is left then, so there may be any number
// of them. A level of 0: too little is left for so few blocks. As stats_interim_plan() otherwise.
int stats_interim_extend(struct stats_interim *, const size_t *blocks, size_t n, double before,
                         double first, double alpha);

#endif
