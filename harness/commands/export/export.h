// A run's trials as other programs read them. Every trial is exported whatever its status: where a
// format would pool them, the status is part of the name or of the configuration.
#ifndef WGBENCH_EXPORT_EXPORT_H
#define WGBENCH_EXPORT_EXPORT_H

#include "harness/record/store.h"

#include <stdio.h>

// RFC 4180: a line for each trial and metric, and one without a metric for a trial that has none.
void export_csv(FILE *, const struct store *);

// Google Benchmark's JSON (1.7): each trial a repetition, with the aggregates over those of one
// workload, tunnel and status. Times are of one unit of work: see export_gbench.c.
void export_gbench(FILE *, const struct store *);

// Go's benchmark format, version 2 of golang.org/design/14313-benchmark-format, as benchstat reads
// it: configuration, units, and a line for each trial.
void export_benchstat(FILE *, const struct store *);

// OpenMetrics 1.0: gauges in base units, timed at each trial's start.
void export_openmetrics(FILE *, const struct store *);

// What a format calls a tunnel, which no other one of the run is called: its spec, numbered where
// others are of the same one ("default", "default#2"), by quote_word() with `also`.
enum { EXPORT_NAME_BYTES = 1024 };
const char *export_tunnel_name(const struct store *, unsigned tunnel, const char *also,
                               char name[EXPORT_NAME_BYTES]);

// A text that may not have been recorded: "" then. 1 CPU at least.
const char *export_known(const char *text);
unsigned export_cpus(const struct store *);

// Whether no earlier trial is of this one's workload.
bool export_first_of_workload(const struct store *, size_t trial);

#endif
