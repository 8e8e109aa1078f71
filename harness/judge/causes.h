// Why one tunnel may differ from another: what they did differently for each packet, as the tunnels
// of this tree count it, and how often they were switched.
#ifndef WGBENCH_JUDGE_CAUSES_H
#define WGBENCH_JUDGE_CAUSES_H

#include "harness/judge/outcome.h"

struct cause {
	const char *workload, *what; // borrowed
	const char *end;             // "left end", "right end", or "" of both
	double baseline, candidate;  // medians
};

// The largest differences, by their ratio, at most `most`, none below a tenth. How many there are.
size_t causes_find(const struct outcome *, unsigned candidate, unsigned baseline, struct cause *,
                   size_t most);

#endif
