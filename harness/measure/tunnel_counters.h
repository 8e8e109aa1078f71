// What a tunnel of ours says of itself when asked by SIGUSR1 (tunnel/control.c): one line of JSON
// with the offloads in effect and its counters.
#ifndef WGBENCH_MEASURE_TUNNEL_COUNTERS_H
#define WGBENCH_MEASURE_TUNNEL_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/record/trial.h"

// Zeroed: it hasn't told.
struct tunnel_status {
	json_t *offloads; // by name: on or not, or a number
	size_t counters;
	struct trial_counter *counter;
};

// Reads the first whole line of `text` into a zeroed one. False: it isn't whole yet, or not of this
// shape (an older revision's has counters only).
bool tunnel_status_parse(struct tunnel_status *, const char *text);
void tunnel_status_free(struct tunnel_status *);

// Whether the offloads in effect of one end differ between `usual` (an "offloads" object), `before`
// and `after`, or changed meanwhile and are as they were: then `reason` says which and how. Nothing
// changes where `usual` is NULL or one of both hasn't told.
bool tunnel_status_changed(const json_t *usual, const struct tunnel_status *before,
                           const struct tunnel_status *after, char *reason, size_t bytes);

// One end's work in between, into one that trial_init() made. Nothing where either hasn't told or
// a counter ran backwards; counters that only one of both has and quotients by zero are left out.
void tunnel_status_difference(struct trial_end *, const struct tunnel_status *before,
                              const struct tunnel_status *after);

#endif
