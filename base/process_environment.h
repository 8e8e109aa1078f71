// The environment that children get: the caller's, without what would change how they behave or
// what they print.
#ifndef WGBENCH_BASE_PROCESS_ENVIRONMENT_H
#define WGBENCH_BASE_PROCESS_ENVIRONMENT_H

#include <stdbool.h>

// A new environment, NULL-terminated; one free() frees all of it.
char **process_environment(void);

// Whether a variable (NAME or NAME=VALUE) is handed on though it may move results: compiler flags,
// what the dynamic linker or a runtime heeds. A run records these.
bool process_environment_matters(const char *variable);

#endif
