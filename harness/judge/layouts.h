// What each layout of the tunnels shows, where they were linked in several.
#ifndef WGBENCH_JUDGE_LAYOUTS_H
#define WGBENCH_JUDGE_LAYOUTS_H

#include "harness/judge/verdict.h"

struct layout {
	size_t blocks; // clean ones
	double effect; // percent; NAN without blocks
};

struct layouts {
	size_t n;
	struct layout *layout;
	double low,
	    high; // percent: over all, with layouts, starts and blocks varying; infinite
	          // where there are too few of them. For display: the verdict is by the blocks
};

struct layouts layouts_of(const struct verdict *);
void layouts_free(struct layouts *);

#endif
