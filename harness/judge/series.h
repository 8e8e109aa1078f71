// A run's trials gathered to what a verdict and a plot are made of: for each workload and metric,
// one value per block and tunnel.
#ifndef WGBENCH_JUDGE_SERIES_H
#define WGBENCH_JUDGE_SERIES_H

#include "harness/record/store.h"

// Whether a tunnel's value in a block can be used.
enum series_state { SERIES_OK, SERIES_LIMITED, SERIES_FAILED };

struct series_value {
	enum series_state state;
	double mean;        // of the tunnel's trials in the block; NAN unless OK
	double mean_log;    // of their logarithms; NAN where one is zero or less
	const char *reason; // unless OK: why; borrowed from the store, or static
};

// Of a block that was repeated, the last attempt that is whole.
struct series_block {
	unsigned block, start, build;
	bool contaminated;
	struct series_value tunnel[RUN_TUNNELS_MAX];
};

struct series {
	const char *workload, *metric, *unit; // borrowed from the store
	bool higher_is_better, judged;
	bool decides; // of those that the run's budget is for; where it names none, each
	// How often a two-sided test of it may err, now that so many blocks are there; 0: it isn't
	// to be judged now, between two analyses of a run that isn't over.
	double error;
	// Of an extended run: blocks of its ends before, whose error is spent.
	size_t ends;
	size_t end[RUN_EXTENSIONS_MAX];
	bool goes_on;       // it hasn't come to its new end
	double error_later; // likewise, at an extension's end; 0: none is left
	size_t blocks;
	struct series_block *block;
};

struct series_set {
	size_t tunnels;
	const char *unmeasured; // a workload of which no trial measured anything, or NULL
	size_t incomplete;      // blocks of a workload of which no attempt is whole
	size_t n;
	struct series *series; // in the order of their first trial
	unsigned trials[4];    // by enum trial_status, all attempts
};

// 0; -EINVAL with the reason in `fault`: no trials, or none that measured anything.
int series_gather(struct series_set *, const struct store *, struct text *fault);

// Median over blocks of a tunnel's means, with or without contaminated ones; NAN for none.
double series_median(const struct series *, unsigned tunnel, bool contaminated_too);

void series_free(struct series_set *);

#endif
