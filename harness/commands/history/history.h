// Stored runs as series over time, kept in an SQLite file that is derived from their folders.
#ifndef WGBENCH_HISTORY_HISTORY_H
#define WGBENCH_HISTORY_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

// One run's clean blocks.
struct history_point {
	char run[128], created[32], revision[64]; // created: in UTC, to the second
	time_t time;                              // likewise
	double median;
	double low, high; // 95 %, exact; infinite where there are too few blocks
	size_t blocks;
};

// The point before which something changed.
struct history_change {
	size_t at;              // its index
	bool grouped;           // the shortest message for the series has another group here
	double p;               // of E-divisive; NAN: it sees none here
	double before, after;   // medians of the points up to the neighbouring changes
	char acknowledged[200]; // why it is known, or ""
};

// What is alike in these is comparable over time: the same traffic for the same time, on the same
// tunnel spec, in the same environment, measured by the same code.
struct history_series {
	char workload[96], metric[48], unit[24], tunnel[256], measuring[64];
	bool higher_is_better;
	unsigned duration_s, environment; // environment: a number of this database
	size_t n;
	struct history_point *point; // in order of time
	size_t changes;
	struct history_change *change; // likewise; by history_find_changes()
};

struct history_environment {
	unsigned number, cpus;
	char cpu_model[128], kernel[128];
	json_t *mitigations;
	json_t *conditions; // environment_conditions(), and the tunnel's libraries
};

struct history {
	size_t n, environments;
	struct history_series *series;
	struct history_environment *environment; // those that the series name
};

// What to show; NULL: everything, but of metrics only those that are judged.
struct history_filter {
	const char *workload, *metric, *tunnel;
};

// Brings the database at `path` up to date with the run folders that `dirs` are or hold, and reads
// of those what the filter lets pass. `rebuild`: from nothing. Folders that can't be read are said
// and counted in *unreadable. 0; -errno after a printed line.
int history_load(struct history *, const char *path, const char *const *dirs, size_t n,
                 bool rebuild, const struct history_filter *, size_t *unreadable);

void history_free(struct history *);

#endif
