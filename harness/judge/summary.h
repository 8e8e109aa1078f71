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
	size_t needed;      // of which it has to be for a pass
	size_t blocks_more; // with which it is likely that all of these are answered; 0: none are
	                    // missing, or so many would hardly do
	bool hardly;        // so many would hardly do
};

// The comparisons of a run, in its order; an array that the caller frees, `n` of them.
struct summary *summaries_of(const struct outcome *, size_t *n);

#endif
