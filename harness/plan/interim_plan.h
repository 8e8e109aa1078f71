// When a run with a budget checks whether it is decided. Checking again and again and stopping
// where the answer pleases would find effects that aren't there (13 to 23 % of the time instead of
// 5), so the analyses are fixed before the first trial, and share out how often a verdict may err.
#ifndef WGBENCH_PLAN_INTERIM_PLAN_H
#define WGBENCH_PLAN_INTERIM_PLAN_H

#include "harness/record/run.h"
#include "harness/stats/interim.h"

#include <stdbool.h>

#define INTERIM_ERROR 0.05 // of all analyses together, two-sided

// Without any (n = 0) there is one analysis, at the end, whenever that is.
struct interim {
	struct stats_interim plan;
};

// With the last analysis at `horizon` blocks (1 to STATS_BLOCKS_MAX), beyond which no run is
// expected to come.
void interim_fix(struct interim *, unsigned horizon);

bool interim_due(const struct interim *, unsigned blocks);

// How often a test may err that is made after so many blocks. At an analysis: its own share, unless
// the run `ended` for another reason than what it saw: then all that is left. Between two analyses
// of a run that goes on nothing is decided: 0.
double interim_error(const struct interim *, unsigned blocks, bool ended);

// How often the test at the last end of an extended run may err: the error that was spent before
// stays spent. `ended`: blocks at its first end; `clean`: those among them that can be judged, then
// at each later end, n of them. 0: nothing can be decided.
double interim_error_extended(const struct interim *, unsigned ended, const size_t *clean,
                              size_t n);

// 0; -EINVAL: the run names counts of blocks at which there can't be analyses.
int interim_of_run(struct interim *, const struct run *);

#endif
