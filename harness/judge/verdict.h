// What a run says of a metric between two tunnels: the paired effect of its blocks, with an
// interval and a p value of the same exact test, against the smallest effect that matters.
#ifndef WGBENCH_JUDGE_VERDICT_H
#define WGBENCH_JUDGE_VERDICT_H

#include "harness/judge/series.h"

// Of the whole interval: beyond the threshold on the metric's worse or better side, within it, or
// neither.
enum verdict_word { VERDICT_WORSE, VERDICT_SAME, VERDICT_BETTER, VERDICT_UNDECIDED };
extern const char *const verdict_names[];

// Of the candidate relative to the baseline, in percent of the metric: +5 is a value 5 % higher,
// which is better or worse as the metric has it.
struct verdict_effect {
	size_t blocks;
	double effect;    // Hodges-Lehmann; NAN without blocks
	double low, high; // 95 % (1 - series.error); infinite where there are too few blocks
	double p;         // of no effect, two-sided
};

struct verdict {
	const struct series *series;  // borrowed
	unsigned candidate, baseline; // indices of tunnels
	bool control;                 // the candidate is the baseline once more
	double baseline_median, candidate_median;
	double candidate_value; // the baseline's median times the effect: what a reader is shown,
	                        // as the medians' own quotient isn't the paired ratio
	struct verdict_effect clean, all; // without and with contaminated blocks
	size_t contaminated, limited, failed;
	enum verdict_word word; // by the clean blocks
	double q;               // p by Benjamini and Hochberg, among the set's
	double p_gate;   // of an effect at the threshold, one-sided; by Holm, among the set's
	bool regression; // worse, also after Holm's correction
	bool regression_excluded; // the interval holds nothing worse than the threshold
	// With how many more blocks it is likely (80 %) that the word is decided, and that a
	// regression is shown or excluded; 0: it is already, or that many don't exist.
	size_t blocks_to_decide, blocks_to_exclude;
	char reason[200]; // "" or why nothing (or less) can be said, and what would help
};

struct verdict_pair {
	unsigned candidate, baseline;
	bool control;
};

struct verdict_set {
	double gate_percent;
	size_t n;
	struct verdict *verdict;
};

// Judges each pair in every judged metric, or only in `metric`, judged or not. Controls are no part
// of the families that p values are corrected in. 0; -EINVAL with the reason in `fault` (no pair,
// an unknown metric, nothing judged). The series must outlive the set.
int verdict_judge(struct verdict_set *, const struct series_set *, const struct verdict_pair *pair,
                  size_t pairs, double gate_percent, const char *metric, struct text *fault);

// Everything of a verdict but its word, which needs a gate; the reason says only which blocks are
// missing.
void verdict_measure(struct verdict *, const struct series *, unsigned candidate,
                     unsigned baseline);

// The logarithm of the paired ratio in a block, or NAN where it has none.
double verdict_block_effect(const struct series_block *, unsigned candidate, unsigned baseline);

void verdict_free(struct verdict_set *);

#endif
