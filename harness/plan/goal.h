// Goals of a plan: a ratio between two of its tunnels that one metric of one workload is to reach.
// A plan's line is `goal WORKLOAD METRIC CANDIDATE/BASELINE >= RATIO`, or <=.
#ifndef WGBENCH_PLAN_GOAL_H
#define WGBENCH_PLAN_GOAL_H

#include "harness/plan/workload.h"
#include "harness/record/run.h"

#include <stdbool.h>
#include <stddef.h>

// Parses the words after `goal`; `specs` and `uses` are what the goal may refer to. 0; -EINVAL
// with what is wrong, which names the word, in `fault`.
int goal_parse(struct goal *, const char *text, const char *const *specs, size_t n_specs,
               const struct workload_use *uses, size_t n_uses, struct text *fault);

const char *goal_relation(const struct goal *); // ">=" or "<="

#endif
