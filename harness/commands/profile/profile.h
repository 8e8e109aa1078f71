// A profile between its measuring (profile.c) and its writing (write.c, facts.c).
#ifndef WGBENCH_PROFILE_PROFILE_H
#define WGBENCH_PROFILE_PROFILE_H

#include "base/stamp.h"
#include "base/text.h"
#include "harness/commands/profile/folded.h"
#include "harness/measure/testbed.h"
#include "harness/record/store.h"

struct profile_options {
	const char *tunnel, *against, *workload, *out;
	unsigned long long duration_s, hz;
};

// One tunnel's.
struct profile_side {
	struct session_tunnel tunnel;
	struct trial trial;
	struct folded part[FOLDED_PARTS], ends; // ends: what the difference is made of
	double scale; // µs of CPU that a sample stands for, per Gbit or per s
	const char *per;
	struct text note;
};

enum { PROFILE_BASELINE, PROFILE_CANDIDATE, PROFILE_ROLES };

struct profile {
	struct profile_options o;
	struct plan plan;                        // its workload
	struct profile_side side[PROFILE_ROLES]; // without --vs the candidate only
	const char *event;
	char *dir, stamp[STAMP_BYTES];
	bool made; // the folder
};

// Writes profile.json, the folded stacks and the flame graphs. 0; -EINTR; -errno after a printed
// line.
int profile_write(const struct profile *);

// profile.json alone. 0; -errno after a printed line.
int profile_write_facts(const struct profile *);

void profile_print(const struct profile *);

#endif
