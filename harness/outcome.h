// A run folder with all that is derived from it, read once: what compare prints and report draws.
#ifndef WGBENCH_OUTCOME_H
#define WGBENCH_OUTCOME_H

#include "harness/table.h"
#include "harness/verdict.h"

struct outcome {
	struct store store;
	struct series_set series;
	struct verdict_set verdicts; // empty for a run of one tunnel
	const char *missing;         // a planned workload without any result, or NULL: never a pass
	char remark[512];            // what else the reader must know, or ""
};

// A gate of 0 is the run's own, else 2 %; `metric` may be NULL. A run of one tunnel is an error
// unless `alone` is allowed. 0; -errno after a printed line.
int outcome_load(struct outcome *, const char *dir, double gate_percent, const char *metric,
                 bool alone);

// By the verdicts and by what is missing, as commands.h has it.
int outcome_exit_code(const struct outcome *);

// Tunnels are named A (the baseline), B, ... : two of them may be of one spec.
char outcome_letter(unsigned tunnel);

void outcome_tunnels(const struct outcome *, struct table *);
void outcome_verdicts(const struct outcome *, struct table *);

// A cell with four digits, or "none" for NAN.
void outcome_add_value(struct table *, double value);

// verdict.json's content, a new object.
json_t *outcome_json(const struct outcome *);

void outcome_free(struct outcome *);

extern const char outcome_legend[];

#endif
