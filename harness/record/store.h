// A run folder: run.json (what was planned and where) and trials.jsonl (one line a trial, appended
// and synced; of a finished run it may be gzipped, as trials.jsonl.gz). Everything else is derived
// from these two.
#ifndef WGBENCH_RECORD_STORE_H
#define WGBENCH_RECORD_STORE_H

#include "harness/record/trial.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store {
	char *dir;
	struct run run;
	size_t trials, room;
	struct trial *trial;     // those of the file
	const char *trials_name; // "trials.jsonl", or "trials.jsonl.gz": the same, gzipped
	int trials_fd;           // open for appending, or -1
	bool torn;               // the last line of trials.jsonl was cut off
};

// Creates DIR (must not hold a run already) with run.json written, synced and renamed into place;
// opens it for appending. Takes the run over, also on failure. 0; -errno after a printed line.
int store_create(struct store *, const char *dir, struct run *run);

// Reads a folder: exit-2 errors (missing, empty, foreign, newer or older schema, mismatching run
// id, malformed line) are printed in one line, -EINVAL. With `append`, a torn last line is cut and
// said, and the file is opened for appending and locked: -EBUSY where another run appends to it.
int store_open(struct store *, const char *dir, bool append);

// Appends one line and syncs it; the trial is then in st->trial as it would be read back. Metrics
// that the run doesn't know yet come into run.json first. 0 or -errno (ENOSPC: the line is taken
// back whole; -EINVAL: a value that isn't finite, or a field that can't be read back).
int store_append(struct store *, const struct trial *);

// How many trials run.json speaks of that trials.jsonl doesn't hold (any more): it was cut.
size_t store_lost(const struct store *);

// Writes run.json anew from st->run. 0; -errno after a printed line, the file as it was.
int store_write_run(const struct store *);

void store_close(struct store *);

#endif
