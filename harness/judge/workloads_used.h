// What a run's workloads were, with every default: what a name such as "udp" stands for.
#ifndef WGBENCH_JUDGE_WORKLOADS_USED_H
#define WGBENCH_JUDGE_WORKLOADS_USED_H

#include "base/text.h"
#include "harness/record/store.h"

struct workload_used {
	const char *name;         // borrowed from the store, as the next
	const json_t *parameters; // {name: value}, as its first trial recorded them
	unsigned duration_s;      // of a trial; 0: not recorded
	struct text congestion; // TCP's in its trials, several with commas between; "" without TCP
};

struct workloads_used {
	size_t n;
	struct workload_used *workload; // in the order of their first trial
};

void workloads_used_gather(struct workloads_used *, const struct store *);
void workloads_used_free(struct workloads_used *);

// What a parameter means, with its unit; "" for one that this wgbench doesn't have.
const char *workload_used_help(const char *workload, const char *parameter);

// Adds a sentence: "udp: rate=100 (Mbit/s of UDP payload), ...; duration 1 s".
void workload_used_describe(struct text *, const struct workload_used *);

// Adds the congestion control of all trials, several with commas between.
void workloads_used_congestion(struct text *, const struct workloads_used *);

#endif
