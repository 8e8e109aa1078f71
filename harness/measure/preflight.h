// Whether a run can be done here, found out before anything is built, started or written.
#ifndef WGBENCH_MEASURE_PREFLIGHT_H
#define WGBENCH_MEASURE_PREFLIGHT_H

#include "harness/plan/plan.h"

// Root, /dev/net/tun, the programs that the plan needs. 0; -errno after one printed line that names
// the fault and the remedy.
int check_ready(const struct plan *);

// Whether a new run can be kept in this folder, which need not be there yet. Likewise.
int check_folder(const char *dir);

#endif
