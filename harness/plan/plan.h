// What a run does: tunnels, workloads, how many blocks, how long a trial. From a file in
// workloads/plans/, from options, or from the run.json of a run that goes on.
#ifndef WGBENCH_PLAN_PLAN_H
#define WGBENCH_PLAN_PLAN_H

#include "harness/plan/goal.h"
#include "harness/plan/interim_plan.h"
#include "harness/plan/workload.h"
#include "harness/record/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_tunnel {
	char spec[256];
	bool if_available; // left out, and said so, where it isn't
	bool control;      // the first one once more
};

// By spec.
struct plan_comparison {
	char candidate[256], baseline[256];
};

struct plan {
	char name[64]; // of the file; "" without one
	size_t tunnels, workloads, goals, comparisons;
	struct plan_tunnel tunnel[RUN_TUNNELS_MAX];
	struct workload_use workload[RUN_WORKLOADS_MAX];
	struct goal goal[RUN_GOALS_MAX];
	struct plan_comparison comparison[RUN_COMPARISONS_MAX];
	char peer[256]; // the spec at the right end of every pair; "": each tunnel's own
	bool control;   // a null control is wanted: the first tunnel once more, judged like any
	unsigned blocks, duration_s;
	unsigned builds; // of each of our tunnels, each with its own layout
	uint64_t seed;
	double budget_s;         // 0: none, every block is done
	struct interim analyses; // with a budget: when it is seen whether more blocks are needed
	double gate_percent;     // the threshold; 0: the default
	enum question question;
	size_t metrics; // by which that is seen; 0: by every judged metric of a workload
	char metric[RUN_METRICS_MAX][48];
	// +1, -1: it is to be seen on which side of a change the second of three tunnels lies, that
	// is, by bisect_place.h with this direction; it ends with that, or with a failed block.
	int between;
};

// The plan that needs no words: the tunnel `default`, the workload tcp, 8 blocks, 1 s.
void plan_default(struct plan *);

// Reads workloads/plans/NAME.plan below `root`; what it leaves out is as plan_default() has it.
// 0; -EINVAL after a printed line that names the file, the line and the word.
int plan_load(struct plan *, const char *root, const char *name);

// 0; -EINVAL after a printed line.
int plan_add_tunnel(struct plan *, const char *spec, bool if_available);
int plan_add_workload(struct plan *, const char *text);

// Adds the control that is wanted, once it is known which tunnels there are. 0; -EINVAL after a
// printed line.
int plan_add_control(struct plan *);

// Among the metrics that decide; the workloads must have been added. 0; -EINVAL after a printed
// line.
int plan_add_metric(struct plan *, const char *name);

// 0; -EINVAL: no such question.
int plan_set_question(struct plan *, const char *word);

// About how long a block of one workload takes whose trials need no more than their duration.
double plan_block_s(const struct plan *);

// How many verdicts the run will have: of each comparison, each judged metric of each workload.
size_t plan_comparisons(const struct plan *);

// Fixes the analyses, for which tunnels, workloads, duration and budget must be known.
void plan_fix_interim(struct plan *);

// Gives a tunnel its canonical spec, in the goals too.
void plan_rename_tunnel(struct plan *, size_t tunnel, const char *spec);

// Leaves out the comparisons whose tunnels the plan doesn't have; without any, each tunnel is
// compared with the first one.
void plan_drop_comparisons(struct plan *);

// Leaves out the goals whose tunnels or workload the plan no longer has, and says how many.
void plan_drop_goals(struct plan *);

// What run.json remembers of a plan beside its tunnels. 0; -EINVAL after a printed line.
int plan_from_run(struct plan *, const struct run *, const char *dir);
void plan_to_run(const struct plan *, struct run *);

#endif
