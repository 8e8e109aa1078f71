// Goals of a plan: a ratio between two of its tunnels that one metric of one workload is to reach.
// A plan's line is `goal WORKLOAD METRIC CANDIDATE/BASELINE >= RATIO`, or <=.
#ifndef WGBENCH_PLAN_GOAL_H
#define WGBENCH_PLAN_GOAL_H

#include "harness/plan/workload.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct text;

struct goal {
	char workload[WORKLOAD_NAME_MAX], metric[48]; // the workload's canonical name
	char candidate[256], baseline[256];           // specs
	bool at_least;                                // else at most
	double ratio;                                 // of the candidate's value to the baseline's
};

// Parses the words after `goal`; `specs` and `uses` are what the goal may refer to. 0; -EINVAL
// with what is wrong, which names the word, in `fault`.
int goal_parse(struct goal *, const char *text, const char *const *specs, size_t n_specs,
               const struct workload_use *uses, size_t n_uses, struct text *fault);

// As run.json's "goals" has it; a new object.
json_t *goal_to_json(const struct goal *);

// 0; -EINVAL: not what goal_to_json() makes.
int goal_from_json(struct goal *, const json_t *);

const char *goal_relation(const struct goal *); // ">=" or "<="

#endif
