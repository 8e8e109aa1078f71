// The part of a report that tells what the tunnels themselves said (tunnel_status.h).
#ifndef WGBENCH_SHOW_REPORT_COUNTERS_H
#define WGBENCH_SHOW_REPORT_COUNTERS_H

#include "harness/show/page.h"
#include "harness/judge/outcome.h"

// A table of the offloads in effect and one of the system calls per packet; nothing where no tunnel
// told.
void report_counters(struct page *, const struct outcome *);

#endif
