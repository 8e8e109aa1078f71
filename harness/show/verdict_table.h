// A run's tunnels, verdicts and goals as tables.
#ifndef WGBENCH_SHOW_VERDICT_TABLE_H
#define WGBENCH_SHOW_VERDICT_TABLE_H

#include "harness/judge/outcome.h"
#include "harness/show/table.h"

void outcome_tunnels(const struct outcome *, struct table *);
void outcome_verdicts(const struct outcome *, struct table *);
// Both of these, on standard output.
void outcome_print_verdicts(const struct outcome *);

void outcome_goals(const struct outcome *, struct table *);

// A cell with four digits, or "none" for NAN.
void outcome_add_value(struct table *, double value);

extern const char outcome_legend[], outcome_goals_legend[];

#endif
