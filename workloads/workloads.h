// What the workloads share. A new one is a file here and a row in workloads.c.
#ifndef WGBENCH_WORKLOADS_H
#define WGBENCH_WORKLOADS_H

#include "harness/plan/workload.h"

struct text;

extern const struct workload tcp_workload, udp_workload, udp_max_workload, ping_workload,
    idle_workload, overload_workload, bloat_workload, handshake_flood_workload;

// Rows of parameters that every workload has; the harness sees to the outer family.
#define WORKLOAD_FAMILIES                                                                          \
	{"family", 4, 6, 4, "inner IP version, 4 or 6"},                                           \
	{                                                                                          \
		"outer", 4, 6, 4, "outer IP version, 4 or 6"                                       \
	}

// Rows of metrics that the harness fills in from its accounting: CPU seconds of the tunnel's
// processes at both ends and of the whole machine per gigabit that arrived, and the tunnel's
// context switches. Without traffic in gigabits the first two stay out.
#define WORKLOAD_CPU_METRICS                                                                       \
	{"cpu_s_per_gbit", "s/Gbit", false, true},                                                 \
	    {"cpu_machine_s_per_gbit", "s/Gbit", false, false},                                    \
	{                                                                                          \
		"context_switches_per_s", "1/s", false, false                                      \
	}

// A step's result; a failure becomes the trial's, with this reason.
int workload_fail(struct trial *, int ret, const char *what);

// Likewise, with this fault, which is freed in any case.
int workload_refuse(struct trial *, int ret, struct text *fault);

// What run() returns for it: 0, but -EINTR where wgbench was asked to stop.
int workload_result(int ret);

#endif
