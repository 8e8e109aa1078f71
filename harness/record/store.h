// A run folder: run.json (what was planned and where) and trials.jsonl (one line a trial, appended
// and synced; of a finished run it may be gzipped, as trials.jsonl.gz). Everything else is derived
// from these two.
#ifndef WGBENCH_RECORD_STORE_H
#define WGBENCH_RECORD_STORE_H

#include "harness/record/limits.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// run.json: "schema": 1, "id", "created" (RFC 3339), "plan", "seed", "command" (array: how to run
// it again), "tunnels" [{"spec", "revision", "variants" {slot: variant}, "binary_sha256",
// "builds_sha256" [one for each layout], "version", and, once it was started, "offloads" {"left",
// "right"}: what it then reported, or null}], "environment" {}, "workloads" [as trials name them],
// "workload_parameters" {workload: {parameter: value, the defaults too}},
// "blocks", "trials_per_block" (of one workload, all tunnels), "duration" (seconds), "builds", and
// perhaps "budget" (seconds), "looks" [blocks], "metrics" [that decide], "between" (1 or -1: the
// second tunnel's place between the first and the third decides, of which the third has the higher
// or the lower metric), "ended" {workload: "decided", "budget", "blocks" or "failed"}, "trials"
// (how many there were then), "gate_percent" and "goals"
// [{"workload", "metric", "candidate", "baseline" (specs), "relation", "ratio"}], "resumed"
// [{"created", "trials" (how many there were), and, where it is another than before, "environment"
// {} with "differs" [[what, before, then]]}]. store_rows.c says what each must be. The writer may
// add fields; readers skip those that they don't know.
#define STORE_SCHEMA 1

enum trial_status { TRIAL_OK, TRIAL_CONTAMINATED, TRIAL_GENERATOR_LIMITED, TRIAL_FAILED };
extern const char *const trial_status_names[];

enum { TRIAL_METRICS_MAX = 64, STORE_TRIALS_MAX = 1 << 18 };

struct metric {
	char name[48];
	double value;
	char unit[24];
	bool higher_is_better;
	bool judged; // false: recorded for the reader, no verdict is made of it
};

struct trial {
	unsigned block;    // from 0
	unsigned position; // within the block, from 0
	unsigned start;    // which start of the tunnels this block belongs to, from 0
	unsigned build;    // which of the layouts that each tunnel was linked in, from 0
	unsigned attempt;  // of the block, from 0; a contaminated block is repeated whole
	unsigned tunnel;   // index into run.json's tunnels
	char workload[96]; // canonical, with parameters: "tcp:flows=1"
	json_t *parameters;
	uint64_t start_ns; // CLOCK_REALTIME
	uint64_t duration_ns;
	enum trial_status status;
	char reason[256];
	size_t metrics;
	struct metric metric[TRIAL_METRICS_MAX];
	json_t *samples;     // raw samples, or NULL
	json_t *environment; // steal, foreign CPU, PSI, ...
};

struct store_tunnel {
	char spec[256];
	char revision[64];
	char sha256[65];
	char version[512];
};

struct store {
	char dir[4096];
	char id[128];
	json_t *run; // run.json as read or to be written
	unsigned trials_per_block;
	size_t tunnels;
	struct store_tunnel tunnel[RUN_TUNNELS_MAX];
	size_t trials;
	struct trial *trial;
	const char *trials_name; // "trials.jsonl", or "trials.jsonl.gz": the same, gzipped
	int trials_fd;           // open for appending, or -1
	bool torn;               // the last line of trials.jsonl was cut off
};

// Creates DIR (must not hold a run already) with run.json written, synced and renamed into place;
// opens it for appending. Takes a reference of `run`. 0; -errno after a printed line.
int store_create(struct store *, const char *dir, json_t *run);

// Reads a folder: exit-2 errors (missing, empty, foreign, newer or older schema, mismatching run
// id, malformed line) are printed in one line, -EINVAL. With `append`, a torn last line is cut and
// said, and the file is opened for appending and locked: -EBUSY where another run appends to it.
int store_open(struct store *, const char *dir, bool append);

// Appends one line and syncs it; st->trial stays as it was read. 0 or -errno (ENOSPC: the line is
// taken back whole; -EINVAL: a value that isn't finite, or a field that can't be read back).
int store_append(struct store *, const struct trial *);

// How many trials run.json speaks of that trials.jsonl doesn't hold (any more): it was cut.
size_t store_lost(const struct store *);

// Writes run.json anew from st->run. 0; -errno after a printed line, the file as it was.
int store_write_run(const struct store *);

void store_close(struct store *);

#endif
