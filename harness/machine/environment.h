// The machine as run.json records it: what a reader needs to judge whether figures are comparable.
// The host's name is not part of it.
#ifndef WGBENCH_MACHINE_ENVIRONMENT_H
#define WGBENCH_MACHINE_ENVIRONMENT_H

#include <jansson.h>

// A new object.
json_t *environment_collect(void);

// Lines without their newline, which the caller frees; "" where there is none: the first of a file
// such as those of /proc, the value after the first `FIELD:` in one, the first that a program
// prints.
char *environment_read_line(const char *path);
char *environment_read_field(const char *path, const char *field);
char *environment_program_line(const char *const argv[]);

// Steal since boot, in seconds over all CPUs; 0 almost always means: not reported.
double environment_steal_s(void);

// The kernel's settings in a network namespace (a descriptor, or PROCESS_HERE for the caller's
// own), which doesn't inherit all of them. A new object.
json_t *environment_sysctls(int ns);

#endif
