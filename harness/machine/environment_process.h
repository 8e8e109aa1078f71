// What wgbench's own process was granted and all its children inherit: CPUs, quotas, priorities,
// limits and variables.
#ifndef WGBENCH_MACHINE_ENVIRONMENT_PROCESS_H
#define WGBENCH_MACHINE_ENVIRONMENT_PROCESS_H

#include <jansson.h>

// Sets a field to a text, "" being "not reported"; the other one frees the text.
void environment_set(json_t *environment, const char *key, const char *text);
void environment_take(json_t *environment, const char *key, char *text);

// Adds its fields to an environment.
void environment_add_process(json_t *environment);

#endif
