// A run folder with all that is derived from it, read once: what compare prints and report draws.
#ifndef WGBENCH_OUTCOME_H
#define WGBENCH_OUTCOME_H

#include "harness/goal.h"
#include "harness/table.h"
#include "harness/verdict.h"

struct outcome_goal {
	struct goal goal;
	unsigned candidate, baseline; // tunnels
	struct goal_result result;
};

struct outcome {
	struct store store;
	struct series_set series;
	struct verdict_set verdicts; // empty for a run of one tunnel
	size_t goals;
	struct outcome_goal *goal; // of run.json
	const char *missing;       // a planned workload without any result, or NULL: never a pass
	bool unfinished;           // blocks that were planned aren't there: neither a pass
	char remark[2048];         // what else the reader must know, or ""
};

// How a run is to be judged; zero: by its own words.
struct outcome_how {
	double gate_percent;  // 0: the run's own, else 2 %
	const char *metric;   // only this one
	const char *baseline; // spec of a tunnel; NULL: the first one
	bool alone;           // a run of one tunnel isn't an error
};

// 0; -errno after a printed line.
int outcome_load(struct outcome *, const char *dir, const struct outcome_how *);

// By the verdicts and by what is missing, as commands.h has it.
int outcome_exit_code(const struct outcome *);

// Tunnels are named A, B, ... : two of them may be of one spec.
char outcome_letter(unsigned tunnel);

void outcome_tunnels(const struct outcome *, struct table *);
void outcome_verdicts(const struct outcome *, struct table *);
// Both of these, on standard output.
void outcome_print_verdicts(const struct outcome *);

void outcome_goals(const struct outcome *, struct table *);

// A cell with four digits, or "none" for NAN.
void outcome_add_value(struct table *, double value);

// verdict.json's content, a new object.
json_t *outcome_json(const struct outcome *);

void outcome_free(struct outcome *);

extern const char outcome_legend[], outcome_goals_legend[];

#endif
