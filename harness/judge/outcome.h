// A run with all that is derived from it, judged once: what compare prints and report draws.
#ifndef WGBENCH_JUDGE_OUTCOME_H
#define WGBENCH_JUDGE_OUTCOME_H

#include "base/text.h"
#include "harness/judge/goal_judge.h"
#include "harness/judge/verdict.h"

struct outcome_goal {
	struct goal goal;
	unsigned candidate, baseline; // tunnels
	struct goal_result result;
};

struct outcome {
	const struct store *store;
	struct store own; // of outcome_load()
	struct series_set series;
	struct verdict_set verdicts; // empty for a run of one tunnel
	size_t goals;
	struct outcome_goal *goal; // of run.json
	const char *missing;       // a planned workload without any result, or NULL: never a pass
	bool unfinished;           // blocks that were planned aren't there: neither a pass
	bool biased;               // the control differs from the baseline: no pass either
	struct text remark;        // what else the reader must know, or ""
};

// How a run is to be judged; zero: by its own words.
struct outcome_how {
	double gate_percent;  // 0: the run's own, else the default
	const char *metric;   // only this one
	const char *baseline; // spec of a tunnel; NULL: the first one
	bool alone;           // a run of one tunnel isn't an error
};

// Of a run that is in memory, and must outlive the outcome. 0; -errno after a printed line.
int outcome_judge(struct outcome *, const struct store *, const struct outcome_how *);

// Reads the folder first. The outcome stays where it is.
int outcome_load(struct outcome *, const char *dir, const struct outcome_how *);

// What a run says of regressions. A pass needs the verdicts that decide (struct series); the others
// may be undecided, but not worse. The values are the exit codes of `wgbench compare`.
enum outcome_answer {
	OUTCOME_NO_REGRESSION = 0, // excluded in each
	OUTCOME_REGRESSION = 1,    // shown in one
	OUTCOME_UNDECIDED = 3,     // also where something planned is missing
};
enum outcome_answer outcome_answer(const struct outcome *);

// Tunnels are named A, B, ... : two of them may be of one spec.
char outcome_letter(unsigned tunnel);

void outcome_free(struct outcome *);

#endif
