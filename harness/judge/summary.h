// A comparison in numbers: how many of its metrics are better, worse, the same, undecided.
#ifndef WGBENCH_JUDGE_SUMMARY_H
#define WGBENCH_JUDGE_SUMMARY_H

#include "harness/judge/outcome.h"

// Of one candidate with one baseline.
struct summary {
	unsigned candidate, baseline;
	bool control;       // of the baseline with itself
	size_t n, count[4]; // verdicts, and by enum verdict_word
	size_t not_worse;   // of the undecided ones: a regression is excluded
	size_t blocks_more; // with which those that a pass needs are likely to be answered; 0: they
	                    // are, or no number of blocks is likely to do it
};

// Whether the verdict is one of this comparison's.
bool summary_holds(const struct summary *, const struct verdict *);

// The comparisons of a run, in its order; an array that the caller frees, `n` of them.
struct summary *summaries_of(const struct outcome *, size_t *n);

#endif
