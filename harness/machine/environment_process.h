// What wgbench's own process was granted and all its children inherit: CPUs, quotas, priorities,
// limits and variables.
#ifndef WGBENCH_MACHINE_ENVIRONMENT_PROCESS_H
#define WGBENCH_MACHINE_ENVIRONMENT_PROCESS_H

#include <jansson.h>

// Adds its fields to an environment.
void environment_add_process(json_t *environment);

#endif
