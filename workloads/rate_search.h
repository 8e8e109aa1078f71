// The highest rate whose loss stays within a bound: the load doubles (or halves) from the start to
// a rate on each side, then the logarithm of what lies between is halved. Trials are short, and a
// stall of the machine looks like a limit, so what isn't clear is tried a second time: a rate fails
// if two trials in a row do. (MLRsearch instead sums durations; that costs more time than a paired
// run has, and pairs make good for the noise of one search.)
#ifndef WGBENCH_WORKLOADS_RATE_SEARCH_H
#define WGBENCH_WORKLOADS_RATE_SEARCH_H

#include <stdbool.h>

#define RATE_SEARCH_WIDTH 0.03 // of the answer, relative
#define RATE_SEARCH_MIN_PPS 250
#define RATE_SEARCH_MAX_PPS 8e6

enum { RATE_SEARCH_TRIALS_MAX = 24 };

struct rate_search {
	double loss_bound;
	double rate_pps;      // to be tried now
	double low_pps;       // the highest that passed; 0: none yet
	double high_pps;      // the lowest that didn't; 0: none yet
	bool limited_at_high; // there it was the generator that failed, not the tunnel
	bool again;           // rate_pps is being tried for the second time
	bool done;
	unsigned trials;
};

void rate_search_init(struct rate_search *, double start_pps, double loss_bound);

// What a trial at rate_pps gave: the share that was lost, 0..1, and whether the generator fell
// short of the rate. Sets the next rate, or done; the answer is low_pps, 0 if nothing passed.
void rate_search_tell(struct rate_search *, double loss, bool limited);

#endif
