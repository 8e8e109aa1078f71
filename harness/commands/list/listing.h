// What there is to be compared, and under what traffic: printed as text or as JSON.
#ifndef WGBENCH_LIST_LISTING_H
#define WGBENCH_LIST_LISTING_H

#include "harness/plan/workload.h"
#include "harness/spec/parse.h"

struct listed_slot {
	const char *name;
	size_t variants;
	const char **variant;
};

struct listed_choice {
	const char *slot, *variant;
};

struct listed_preset {
	const char *name, *meaning;
	size_t choices;
	struct listed_choice *choice;
};

struct listed_external {
	const char *name;
	bool available;
	char *reason; // why it isn't, or a note
};

struct listed_workload {
	const char *name, *summary;
	size_t parameters, metrics;
	const struct workload_parameter *parameter;
	const struct metric *metric;
};

struct listing {
	size_t slots, presets, externals, workloads, plans;
	struct listed_slot *slot;
	struct listed_preset *preset;
	struct listed_external *external;
	struct listed_workload *workload;
	char **plan;
};

// Names that are of the catalog stay its own.
void listing_gather(struct listing *, const struct spec_catalog *);

// A new object; NULL: a name isn't UTF-8.
json_t *listing_write(const struct listing *);

void listing_free(struct listing *);

#endif
