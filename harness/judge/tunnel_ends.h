// What the two ends of a tunnel counted in a run's trials.
#ifndef WGBENCH_JUDGE_TUNNEL_ENDS_H
#define WGBENCH_JUDGE_TUNNEL_ENDS_H

#include "harness/judge/outcome.h"

// What an end counts, each per packet, or packets in a batch.
enum { TUNNEL_ENDS_COUNTS = 7 };
extern const struct tunnel_ends_count {
	const char *name;
	size_t at; // of the double in struct trial_end
} tunnel_ends_counts[TUNNEL_ENDS_COUNTS];

// The median, over the trials that didn't fail, of what `end` (0: left, 1: right) counted: the
// double at offset `at` of struct trial_end. NAN where none told.
double tunnel_ends_median(const struct outcome *, size_t tunnel, const char *workload, size_t end,
                          size_t at);

#endif
