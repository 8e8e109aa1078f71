// selfcheck.json: what verdicts are worth on a machine. selfcheck.c has its rows, which say what
// each field must be.
#ifndef WGBENCH_RECORD_SELFCHECK_H
#define WGBENCH_RECORD_SELFCHECK_H

#include "harness/record/limits.h"

#include <jansson.h>
#include <stddef.h>

struct text;

// Of runs of so many blocks, drawn from the A/A blocks. Shares are of those runs.
struct selfcheck_row {
	char workload[RUN_WORKLOAD_BYTES + 1], metric[RUN_METRIC_BYTES + 1];
	unsigned blocks;
	size_t from_blocks;   // that they were drawn from
	double sd_percent;    // of a block's effect
	double different;     // the interval leaves out zero
	double called;        // better or worse by more than the threshold
	double found_percent; // the smallest effect that nine of ten call worse; NAN: none
};

// Of runs with a budget, drawn likewise, with an effect added.
struct selfcheck_budget_row {
	char workload[RUN_WORKLOAD_BYTES + 1], metric[RUN_METRIC_BYTES + 1];
	double budget_s, effect_percent;
	double beyond;                  // called above the threshold
	double beyond_low, beyond_high; // limits of that
	double same, different;
	double blocks; // the median of what such a run takes
};

struct selfcheck {
	size_t runs;
	char **run; // ids of those the blocks are of
	char *created;
	json_t *machine; // as environment_machine() has it, or NULL
	double gate_percent;
	unsigned draws, limit_sets;
	size_t rows, budgets;
	struct selfcheck_row *row;
	struct selfcheck_budget_row *budget;
};

// Reads a file into a zeroed struct. 0; -errno with the reason in `fault`, to stand right behind
// the path and a colon.
int selfcheck_load(struct selfcheck *, const char *path, struct text *fault);

// The file's content, a new object; NULL: a value that JSON can't hold.
json_t *selfcheck_write(const struct selfcheck *);

void selfcheck_free(struct selfcheck *);

#endif
