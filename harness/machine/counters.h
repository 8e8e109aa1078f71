// Counters of one thread through perf_event_open(2), their events named as libpfm4 names them
// ("instructions", "perf::TASK-CLOCK", "amd64_fam19h_zen4::RETIRED_OPS:u"). What this machine can't
// count is unavailable, which is a state of its own and never 0.
//
// Events are opened in groups: those of a group are on the PMU at the same time or not at all, so
// their quotients are sound. An event that doesn't fit begins the next group, and the kernel takes
// turns between groups; values are scaled by how long theirs was on.
#ifndef WGBENCH_MACHINE_COUNTERS_H
#define WGBENCH_MACHINE_COUNTERS_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;

enum { COUNTERS_MAX = 16 };

struct counters_event {
	char name[64]; // as given
	struct perf_event_attr attr;
};

struct counters_set {
	size_t n;
	struct counters_event event[COUNTERS_MAX];
};

struct counters_value {
	bool available;
	double count;        // scaled; only where available
	double running;      // the share of the time for which it was counted, 0 to 1
	const char *because; // why it is unavailable, else NULL
};

struct counters {
	size_t n;
	struct {
		int fd; // -1: unavailable
		bool leads;
		const char *because;
	} event[COUNTERS_MAX];
};

// "NAME,NAME,...". 0; -EINVAL with a line in `fault` that names the word.
int counters_parse(struct counters_set *, const char *list, struct text *fault);

// Opens what can be for the calling thread, wherever it runs, user and kernel (unless the event's
// own modifiers say else); none counts yet. Always succeeds: an event that fails is unavailable.
void counters_open(struct counters *, const struct counters_set *);

void counters_start(const struct counters *);
void counters_stop(const struct counters *);

// What was counted since opening, for event `i`.
void counters_read(const struct counters *, size_t i, struct counters_value *);

void counters_close(struct counters *);

// The whole's estimate from a part: count * enabled / running; false where nothing ran (or more
// than all the time, which no kernel should report).
bool counters_scale(uint64_t count, uint64_t enabled_ns, uint64_t running_ns,
                    struct counters_value *);

#endif
