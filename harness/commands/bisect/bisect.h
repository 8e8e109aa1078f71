// `wgbench bisect` between its loop (bisect.c), its commits (commits.c), its measuring
// (measure.c), its file (file.c) and its printing (print.c).
#ifndef WGBENCH_BISECT_BISECT_H
#define WGBENCH_BISECT_BISECT_H

#include "harness/judge/side.h"
#include "harness/commands/bisect/search.h"
#include "harness/plan/plan.h"

#include <jansson.h>

struct bisect_commit {
	char hash[64];
	char subject[256];
	char skipped[520]; // why it can't be measured or tells no side, or ""
	unsigned open;     // measurements that left its side open, in this budget
};

// A measurement of one commit, or of the bad end against the good one: then good is that they don't
// differ by more than the gate, and open that this isn't known.
struct bisect_step {
	size_t commit;
	struct place place;
	char run[64];     // the run's folder, below the search's; "" where there is none
	char reason[520]; // why it tells no side, or ""
	double seconds;
};

struct bisect {
	char good[128], bad[128]; // revisions as given
	char tunnel[200], workload[WORKLOAD_NAME_MAX], metric[48];
	double gate_percent, confidence, budget_s;
	char dir[4000]; // absolute

	char *root; // of the source tree
	char good_hash[64];
	size_t commits; // that came after the good one; the last is the bad one
	struct bisect_commit *commit;
	size_t steps;
	struct bisect_step *step;
	size_t steps_before; // that there were when the budget was given
	struct bisect_search search;
	double count[2]; // instructions of the good and the bad end, once they are counted
};

// Whether the metric is counted (`wgbench count`) and not measured.
bool bisect_counts(const struct bisect *);

double bisect_spent_s(const struct bisect *);

// The last measurement of the ends, or NULL. Where one has told whether they differ it is that one:
// they aren't measured again.
const struct bisect_step *bisect_ends(const struct bisect *);
bool bisect_is_end(const struct bisect *, size_t commit);

// How often a measurement tells the wrong side.
double bisect_error(const struct bisect *);

// Finds the commits of good..bad along first parents. 0; -errno after a printed line.
int bisect_list_commits(struct bisect *);

// Whether the words can be measured, here. 0; -errno after a printed line.
int bisect_check(const struct bisect *);

// Measures a commit, the last one as the end that it is. An exit code: 0 it was, or is found to be
// what can't be measured (PLACE_NONE); 3 not in what is left of the budget; others after a printed
// line.
int bisect_measure(struct bisect *, size_t commit, struct bisect_step *);

// The search as bisect.json holds it, a new object, NULL where a text isn't UTF-8; saved after each
// step. 0; -errno after a printed line.
json_t *bisect_to_json(const struct bisect *);
int bisect_save(const struct bisect *);
int bisect_load(struct bisect *, const char *dir);

// How the search stands, on stderr.
void bisect_print_progress(const struct bisect *, size_t next);
// What it has found, on stdout.
void bisect_print(const struct bisect *);

#endif
