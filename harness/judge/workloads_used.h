// What a run's workloads were, with every default: what a name such as "udp" stands for.
#ifndef WGBENCH_JUDGE_WORKLOADS_USED_H
#define WGBENCH_JUDGE_WORKLOADS_USED_H

#include <jansson.h>
#include <stddef.h>

#include "harness/record/store.h"

// Of each workload that has trials, as they recorded it: [{"name", "duration_s", "parameters"
// {name:
// {"value", "help" (with the unit)}}, and, where its trials used TCP, "tcp_congestion_control"}]. A
// new array.
json_t *workload_used(const struct store *);

// One of these as a sentence: "udp: rate=100 (Mbit/s of UDP payload), ...; 1 s a trial".
const char *workload_used_line(const json_t *row, char *line, size_t bytes);

// The congestion control of the trials, several with commas between; "" where none used TCP.
const char *workload_used_congestion(const json_t *rows, char *names, size_t bytes);

#endif
