// How long a run would have to be.
#ifndef WGBENCH_STATS_POWER_H
#define WGBENCH_STATS_POWER_H

#include "harness/stats/basic.h"

// A run is decided when its interval lies beyond one end of the floor or between both.
struct stats_aim {
	double low,
	    high;      // of the threshold; an infinite end is never reached: a one-sided question
	double level;  // of the signed-rank interval
	double chance; // of being decided
};

// The fewest blocks in all, the n seen ones among them, after which a run like this is decided with
// that chance: more than n, and at most `most`; 0 where these don't do, or n < 4 shows no spread.
// The estimate to come is predicted from the seen blocks and their own uncertainty (predictive
// power, Spiegelhalter, Freedman and Blackburn, 1986; every effect is as likely beforehand).
size_t stats_blocks_to_decide(const double *x, size_t n, const struct stats_aim *, size_t most);

#endif
