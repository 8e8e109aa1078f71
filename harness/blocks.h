// The middle of a run: all its blocks, each workload in turn within a block so that drift meets all
// alike, repeated where they were contaminated or failed, appended trial by trial.
#ifndef WGBENCH_BLOCKS_H
#define WGBENCH_BLOCKS_H

#include "harness/plan.h"
#include "harness/session.h"
#include "harness/store.h"

struct blocks_result {
	size_t trials;         // in the folder when it ended, those from before a --resume included
	unsigned failed;       // blocks of a workload that still failed at their last attempt
	char reason[520];      // of the first of them, or why a tunnel didn't start
	int faulty;            // the tunnel that this is about; -1: there's none
	unsigned contaminated; // likewise
};

// Does what the folder doesn't hold yet. 0; -EINTR when asked to stop; -EDQUOT, -EFBIG, -ENOSPC
// when there is no room for a trial; other -errno after a printed line. The result is set on every
// way out.
int blocks_run(const struct plan *, struct session *, struct store *, struct blocks_result *);

#endif
