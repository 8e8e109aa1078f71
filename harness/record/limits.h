// How much a run may hold. Plans keep within it, and so does what is read from elsewhere.
#ifndef WGBENCH_RECORD_LIMITS_H
#define WGBENCH_RECORD_LIMITS_H

enum {
	RUN_TUNNELS_MAX = 16,
	RUN_WORKLOADS_MAX = 16,
	RUN_GOALS_MAX = 64,
	RUN_BLOCKS_MAX = 500,
	RUN_METRICS_MAX = 8, // that a budget is to decide
	RUN_BUILDS_MAX = 32, // layouts of each tunnel
	RUN_DURATION_MAX_S = 3600,
	RUN_BETWEEN_TUNNELS = 3, // of a run that finds a tunnel's place between two others
};
#define RUN_BUDGET_MAX_S (7 * 24 * 3600.0)

// Of the smallest effect that matters, in percent.
#define RUN_GATE_MIN 0.01
#define RUN_GATE_MAX 50.0
#define RUN_GATE_DEFAULT 2
#define RUN_GATE_DEFAULT_COUNTED 0.1 // counts repeat exactly

#define RUN_BLOCKS_DEFAULT 8
#define RUN_DURATION_DEFAULT_S 1

#endif
