// The machine as run.json remembers it: what a reader needs to judge whether figures are
// comparable. The host's name is not among it.
#ifndef WGBENCH_MACHINE_ENVIRONMENT_H
#define WGBENCH_MACHINE_ENVIRONMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

// A new object.
json_t *environment_collect(void);

// The first line of a file such as those of /proc and /sys, without its newline; "" where it can't
// be read. Returns `line`.
const char *environment_read_line(const char *path, char *line, size_t bytes);

// A field of /proc/cpuinfo's first CPU, "" where there is none.
const char *environment_cpu_field(const char *field, char *value, size_t bytes);

// The first line that a program prints, "" where it can't be run.
const char *environment_program_line(const char *const argv[], char *line, size_t bytes);

// Steal since boot, in seconds over all CPUs; 0 as good as says that it isn't reported.
double environment_steal_s(void);

// Settings of the kernel as the namespace (a descriptor, PROCESS_HERE for the caller's own) has
// them: new namespaces don't take over all that the machine's has. A new object.
json_t *environment_sysctls(int ns);

#endif
