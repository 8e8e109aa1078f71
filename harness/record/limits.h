// How much a run may hold. Plans keep within it, and so does what is read from elsewhere.
#ifndef WGBENCH_RECORD_LIMITS_H
#define WGBENCH_RECORD_LIMITS_H

enum {
	RUN_TUNNELS_MAX = 16,
	RUN_WORKLOADS_MAX = 16,
	RUN_GOALS_MAX = 64,
	RUN_COMPARISONS_MAX = 64,
	RUN_BLOCKS_MAX = 500,
	RUN_EXTENSIONS_MAX = 3,
	RUN_METRICS_MAX = 8, // that a budget is to decide
	RUN_BUILDS_MAX = 32, // layouts of each tunnel
	RUN_DURATION_MAX_S = 3600,
	RUN_ID_BYTES = 127,
	RUN_SPEC_BYTES = 255,
	RUN_WORKLOAD_BYTES = 95, // its name with its parameters
	RUN_METRIC_BYTES = 47,
	RUN_UNIT_BYTES = 23,
	RUN_MEASURES_MAX = 64,    // metrics of a workload
	TRIAL_COUNTERS_MAX = 256, // of an end
	RUN_BLOCK_MAX = 9999,     // of a trial: what is counted by it stays small
	STORE_TRIALS_MAX = 1 << 18,
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
