// A device's life: made, started, freed.
#ifndef WGBENCH_DEVICE_H
#define WGBENCH_DEVICE_H

#include "tunnel/state.h"

// Makes the TUN, tables, workers and control structures; no queue's thread runs yet. sysfs: of
// tun_sysfs(), or -1. 0 or -errno after a printed line.
int device_new(struct device **, const char *name, const struct switches *, int sysfs);
// The same without the TUN (as many queues as wanted): no root, no traffic.
int device_create(struct device **, const char *name, const struct switches *);
// Starts the queues' threads. 0 or -errno after a printed line.
int device_start(struct device *);
// Stops the threads, wipes keys, closes and frees everything.
void device_free(struct device *);

#endif
