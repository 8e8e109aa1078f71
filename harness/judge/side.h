// On which side of a change a commit lies: between a good and a bad one that were measured with it
// in the same blocks. Mathematics only.
#ifndef WGBENCH_JUDGE_SIDE_H
#define WGBENCH_JUDGE_SIDE_H

#include "harness/plan/interim_plan.h"
#include "harness/judge/series.h"
#include "harness/record/limits.h"

// The tunnels of such a run.
enum { PLACE_GOOD_END, PLACE_COMMIT, PLACE_BAD_END, PLACE_TUNNELS = RUN_BETWEEN_TUNNELS };

enum place_word {
	PLACE_OPEN,  // not to be said (yet)
	PLACE_GOOD,  // it joins the good side
	PLACE_BAD,   // the bad one
	PLACE_ALONE, // far from either
	PLACE_NONE,  // it can't be measured
};
extern const char *const place_names[]; // NULL ends them

// How often PLACE_GOOD or PLACE_BAD is wrong, at most: either end of an interval errs as often.
#define PLACE_ERROR (INTERIM_ERROR / 2)

// In percent of the end's value.
struct place_distance {
	double effect, low, high;
};

struct place {
	enum place_word word;
	size_t blocks; // clean ones
	struct place_distance good, bad;
};

// By the signed-rank interval of ln c - (ln g + ln b) / 2 over the clean blocks, at the error that
// the series has now. In the same blocks the ends must differ as they are said to (`direction`: +1
// where the metric rises from good to bad, else -1). It stands alone if it differs from the end of
// its side, or from both, by more than the gate and a quarter of what lies between the ends.
void place_judge(struct place *, const struct series *, double gate_percent, int direction);

// The same of values that are exact, all above zero.
void place_judge_exact(struct place *, const double value[PLACE_TUNNELS], double gate_percent);

#endif
