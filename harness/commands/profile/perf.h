// perf(1) over the whole machine: started asleep, switched on and off from here, read back as text.
#ifndef WGBENCH_PROFILE_PERF_H
#define WGBENCH_PROFILE_PERF_H

#include "base/process.h"

struct perf {
	struct process record;
	int control, ack; // pipes to and from it
	char *data;       // its file
};

// The event that CPU time is sampled by: cycles, or cpu-clock where there is no PMU.
const char *perf_event(void);

// Whether there is a perf; else a printed line says what to install: -ENOENT.
int perf_check(void);

// Starts `perf record` with call graphs by frame pointers, `hz` samples a second and CPU, not yet
// sampling, with its file in `dir`. 0; -errno after a printed line that says what is in the way.
int perf_begin(struct perf *, const char *dir, unsigned hz);

// Begins and ends sampling; returns once it has. 0; -EINTR; -errno after a printed line.
int perf_switch(struct perf *, bool on);

// Ends it and sets *script to what `perf script` makes of the samples, the caller's. 0; -EINTR;
// -errno after a printed line.
int perf_read(struct perf *, char **script);

// Ends what still runs and removes the file. After perf_begin() in any case.
void perf_end(struct perf *);

#endif
