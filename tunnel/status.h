// What the tunnel tells of itself.
#ifndef WGBENCH_STATUS_H
#define WGBENCH_STATUS_H

#include <stdio.h>

struct device;

// Prints one line of JSON: {"offloads": {...}, "memory": {...}, "counters": {...}}; the offloads
// are those in effect, after what the kernel and the path refused. Control thread.
void status_print(struct device *, FILE *);

#endif
