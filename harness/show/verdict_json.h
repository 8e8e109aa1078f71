// A run's verdicts and goals as JSON.
#ifndef WGBENCH_SHOW_VERDICT_JSON_H
#define WGBENCH_SHOW_VERDICT_JSON_H

#include "harness/judge/outcome.h"

// verdict.json's content, a new object.
json_t *outcome_json(const struct outcome *);

#endif
