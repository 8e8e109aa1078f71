// Whether a run reached its plan's goals.
#ifndef WGBENCH_JUDGE_GOAL_JUDGE_H
#define WGBENCH_JUDGE_GOAL_JUDGE_H

#include "harness/judge/verdict.h"
#include "harness/plan/goal.h"

enum goal_word {
	GOAL_REACHED,        // by the whole interval
	GOAL_REACHED_BARELY, // by the estimate; the interval reaches over
	GOAL_NOT_REACHED,
	GOAL_UNDECIDED, // too few clean blocks, or failed ones: never a pass
};

// As a table shows it: over which side the interval reaches depends on the goal's relation.
const char *goal_word_name(const struct goal *, enum goal_word);

struct goal_result {
	const char *unit; // borrowed; "" where nothing was measured
	double candidate_median, baseline_median;
	double ratio, low, high; // by the clean blocks; NAN, infinite where there are too few
	size_t blocks;
	enum goal_word word;
	char reason[200]; // "" or why it is undecided, or what the interval still holds
};

// `candidate` and `baseline` are tunnels of the set that the goal is about.
void goal_judge(struct goal_result *, const struct goal *, const struct series_set *,
                unsigned candidate, unsigned baseline);

#endif
