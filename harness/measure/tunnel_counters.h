// What a tunnel of ours says of itself when asked by SIGUSR1 (tunnel/control.c): one line of JSON
// with the offloads in effect and its counters.
#ifndef WGBENCH_MEASURE_TUNNEL_COUNTERS_H
#define WGBENCH_MEASURE_TUNNEL_COUNTERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "harness/record/trial.h"

// The first whole line of `text` as a new object {"offloads": {}, "counters": {}}; NULL: not whole
// yet, or not of this shape (an older revision's has counters only).
json_t *tunnel_status_parse(const char *text);

// Whether the offloads in effect of one end differ between `usual` (an "offloads" object), `before`
// and `after`, or changed meanwhile and are as they were: then `reason` says which and how. Nothing
// changes where any of the three is NULL.
bool tunnel_status_changed(const json_t *usual, const json_t *before, const json_t *after,
                           char *reason, size_t bytes);

// One end's work in between, into one that trial_init() made. Nothing where either is NULL or a
// counter ran backwards; counters that only one of both has and quotients by zero are left out.
void tunnel_status_difference(struct trial_end *, const json_t *before, const json_t *after);

#endif
