// Where the series of a history change, and which of these changes are known.
#ifndef WGBENCH_HISTORY_CHANGES_H
#define WGBENCH_HISTORY_CHANGES_H

#include "harness/commands/history/history.h"

enum { HISTORY_GUARD = 3 }; // points on either side of a change: fewer may be one odd machine

// Fills the series' changes, each marked with the reason for which the file `acknowledged` knows
// it: lines "RUN WORKLOAD METRIC TUNNEL REASON...", RUN the first one after the change, the three
// others perhaps patterns as of fnmatch(3); '#' begins a comment. No file: none is known. 0; -errno
// after a printed line.
int history_find_changes(struct history *, const char *acknowledged);

// By how much the segment's median lies above that of the one before; infinite above zero.
double history_change_percent(const struct history_change *);

bool history_change_is_better(const struct history_series *, const struct history_change *);

#endif
