// What else the machine does before a run begins.
#ifndef WGBENCH_MACHINE_BUSY_H
#define WGBENCH_MACHINE_BUSY_H

#include <jansson.h>

// Watches for half a second, in which no tunnel runs. Where others use more of the machine than
// this share, says so in a line on stderr with the three heaviest. A new object for environment{}:
// {"share", "heaviest": [{"name", "share"}]}, of all CPUs together; null where it can't be known.
json_t *busy_watch(double limit);

#endif
