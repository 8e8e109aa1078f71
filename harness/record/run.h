// run.json: what was planned, of what, and where. run.c has its rows, which say what each field
// must be.
#ifndef WGBENCH_RECORD_RUN_H
#define WGBENCH_RECORD_RUN_H

#include "harness/record/limits.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;

#define STORE_SCHEMA 2 // of a run; 1 has what a metric is in each trial, and is read too

// Of each comparison: where the effect lies, or only whether it is worse.
enum question { QUESTION_EFFECT, QUESTION_REGRESSION };
extern const char *const question_names[]; // up to NULL

// Which tunnel is judged against which, as places among the run's tunnels.
struct run_comparison {
	unsigned candidate, baseline;
};

struct run_variant {
	char *slot, *variant;
};

struct run_tunnel {
	json_t *rest;
	char *spec, *revision, *version;
	char *meaning;       // for the reader, or NULL
	char *revision_note; // why there is no revision, or NULL
	char *sha256;        // of its program; "" without one
	bool control; // the first tunnel once more: what differs from it is the machine's doing
	size_t variants, builds;
	struct run_variant *variant;
	char **build_sha256; // of each of its layouts
	json_t *offloads[2]; // what each end reported when it was first started, or NULL
	json_t *interfaces;  // what the kernel said of them then
	json_t *libraries;   // that its program was linked to
};

struct run_environment {
	json_t *all; // as it was recorded: shown and compared as a whole
	char *kernel, *cpu_model, *architecture; // NULL: not recorded, as the others
	char *harness_revision, *harness_profile, *harness_measuring;
	unsigned cpus; // 0: not recorded
	json_t *mitigations;
};

struct metric {
	const char *name, *unit;
	bool higher_is_better;
	bool judged; // false: recorded for the reader, no verdict is made of it
};

// What was measured of a workload.
struct run_measure {
	char *workload;
	size_t metrics;
	struct metric *metric; // room for RUN_MEASURES_MAX: trials point to them
};

// Why a workload has no more blocks.
enum end_reason { END_DECIDED, END_BUDGET, END_BLOCKS, END_FAILED, END_NONE };

struct run_end {
	char *workload;
	enum end_reason reason;
};

// A ratio between two tunnels that one metric of one workload is to reach.
struct goal {
	char workload[96], metric[48];      // the workload's canonical name
	char candidate[256], baseline[256]; // specs
	bool at_least;                      // else at most
	double ratio;                       // of the candidate's value to the baseline's
};

// A --resume.
struct run_resumed {
	json_t *rest;
	char *created;
	size_t trials;       // how many there were
	json_t *environment; // where it isn't what it was before, else NULL
	json_t *differences; // then: [[what, before, then]]
};

// Blocks that a workload had.
struct run_blocks {
	char *workload;
	unsigned blocks;
};

// More blocks for a run that had come to its end.
struct run_extension {
	json_t *rest;
	char *created;
	size_t ends; // of the workloads that go on
	struct run_blocks *end;
	unsigned blocks; // of each workload, up to which it goes on
	double budget_s; // up to which it goes on, since the run began; 0: none
};

struct run {
	json_t *rest; // fields that are of later versions stay
	char *id, *created;
	char *plan; // NULL or "": none
	uint64_t seed;
	size_t words;
	char **command; // how to run it again
	size_t tunnels;
	struct run_tunnel *tunnel;
	struct run_tunnel peer; // at the right end of every pair; no spec: each tunnel's own
	size_t comparisons;     // 0: each tunnel against the first one
	struct run_comparison *comparison;
	struct run_environment environment;
	size_t workloads;
	char **workload;             // as trials name them
	json_t *workload_parameters; // of each, the defaults too
	unsigned blocks;             // 0: not recorded
	unsigned trials_per_block;   // of one workload, all tunnels
	unsigned duration_s;         // of a trial's traffic; 0: not recorded
	unsigned builds;             // layouts of each tunnel
	double budget_s;             // 0: none
	size_t analyses;
	size_t *analysis;       // after how many blocks it is seen whether it is decided
	enum question question; // what its budget is to answer
	size_t deciding;
	char **decides; // metrics that decide; none: each one
	size_t measures;
	struct run_measure *measure;
	int between; // 1 or -1: the second tunnel's place between the first and the third decides,
	             // of which the third has the higher or the lower metric
	size_t ends;
	struct run_end *end;
	size_t trials;       // how many there were when it ended
	double gate_percent; // 0: none was given
	size_t goals;
	struct goal *goal;
	size_t times_extended;
	struct run_extension *extension;
	size_t times_resumed;
	struct run_resumed *resumed;
};

// Reads run.json's object into a zeroed struct. 0; -EINVAL with what is wrong in `fault`, the
// struct as it was.
int run_read(struct run *, const json_t *, struct text *fault);

// A new object; NULL: it holds what run_read() wouldn't take, which is in `fault`.
json_t *run_write(const struct run *, struct text *fault);

void run_free(struct run *);

// Takes an environment's object over, and from it what other rooms ask of it. 0; -EINVAL after a
// printed line.
int run_take_environment(struct run *, json_t *);

// What a tunnel has in a slot, or NULL.
const char *run_variant_of(const struct run_tunnel *, const char *slot);

// What a metric of a workload is; NULL: the run doesn't know it.
const struct metric *run_metric_of(const struct run *, const char *workload, const char *name);

// Makes a metric known, a copy. 0, also where it is known as that; -EINVAL with what is wrong in
// `fault`.
int run_add_metric(struct run *, const char *workload, const struct metric *, struct text *fault);

// Why a workload has no more blocks; END_NONE: it may have.
enum end_reason run_end_of(const struct run *, const char *workload);
void run_set_end(struct run *, const char *workload, enum end_reason);

// What it goes on to, by its last extension or its plan.
unsigned run_blocks(const struct run *);
double run_budget_s(const struct run *);

// How many blocks a workload had when it was extended; 0: that extension isn't about it.
unsigned run_extended_at(const struct run_extension *, const char *workload);

json_t *goal_write(const struct goal *); // a new object

#endif
