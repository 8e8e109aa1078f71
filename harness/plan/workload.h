// The contract of workloads/: one file a traffic pattern, one row in workloads/workloads.c. A trial
// is one workload, with its parameters, on one tunnel once.
#ifndef WGBENCH_PLAN_WORKLOAD_H
#define WGBENCH_PLAN_WORKLOAD_H

#include <jansson.h>
#include <stdbool.h>

#include "harness/record/trial.h"

struct netns_pair;
struct process;
struct workload;

enum { WORKLOAD_PARAMETERS_MAX = 8, WORKLOAD_NAME_MAX = RUN_WORKLOAD_BYTES + 1 };

struct workload_parameter {
	const char *name;
	long min, max, fallback;
	const char *help; // with the unit
};

// A workload with values for all its parameters.
struct workload_use {
	const struct workload *workload;
	long value[WORKLOAD_PARAMETERS_MAX]; // in the order of the rows
	char name[WORKLOAD_NAME_MAX]; // canonical: parameters that aren't the default, row order
};

// What the tunnel under test spends in a while, both ends together, or beside a fixed peer, its
// own.
struct workload_cost {
	double wall_s;
	double cpu_s, switches_per_s; // NAN where it has no process, or one ended meanwhile
};

struct workload_context {
	const struct workload_use *use;
	const struct netns_pair *pair; // traffic goes from side 0 to side 1 unless told otherwise
	bool peered;                   // side 1 is a fixed peer's: what is judged is side 0
	struct process *server;        // iperf3's on side 1, kept between trials, or not started
	unsigned duration_ms;

	// For a workload that looks at a part of its trial only: accounts for what passes while
	// `work` runs. What that returns; -errno with the trial's reason set.
	int (*account)(const struct workload_context *, int (*work)(void *), void *argument,
	               struct trial *, struct workload_cost *);
};

struct workload {
	const char *name, *summary;
	const struct workload_parameter *parameters; // up to a row without a name
	const struct metric *metrics;                // likewise

	// Makes the traffic, sets status, reason, samples and metrics of the trial, and perhaps, in
	// its environment, facts about what was set up for it.
	// Returns the gigabits that arrived, both directions together (0: not that kind of
	// traffic), and leaves no process but the server. -errno only where wgbench itself can't go
	// on (-EINTR).
	int (*run)(const struct workload_context *, struct trial *, double *gigabits);

	const char *const *programs; // that it needs, up to NULL
	bool judges_right;           // the end at side 1 alone: not beside a fixed peer

	// Why these values don't go together, or NULL; where it is NULL itself, all do.
	const char *(*refuse)(const struct workload_use *);
};

extern const struct workload *const workloads[]; // up to NULL

// TCP's congestion control, whatever the system's default is: Linux's own default, loss-based, and
// what most senders use. Another one, such as BBR, which paces by timers and keeps queues short by
// itself, would make other figures.
extern const char workload_congestion[];

// Parses `name[:key=value,...]`. 0; -EINVAL after one line that names the word and lists what
// exists.
int workload_parse(struct workload_use *, const char *text);

// All parameters with their values, a new object.
json_t *workload_parameters(const struct workload_use *);

long workload_value(const struct workload_use *, const char *parameter);

// Sets a metric by its row; a name without a row in this workload is left out. One that is set
// stays: what a workload measured itself goes before the harness's own, of the whole trial.
void workload_set(struct trial *, const struct workload *, const char *metric, double value);

#endif
