// In what two machines, or one at two times, differ.
#ifndef WGBENCH_RECORD_ENVIRONMENT_COMPARE_H
#define WGBENCH_RECORD_ENVIRONMENT_COMPARE_H

#include <jansson.h>

// A new flat object of an environment's texts: {"sysctls.net.core.rmem_max": "212992"}.
json_t *environment_flatten(const json_t *environment);

// A new array of [what, first, second]: what isn't the same in both, null where it isn't recorded.
// Prices, which are measured and so never quite the same, don't count.
json_t *environment_differences(const json_t *first, const json_t *second);

// Likewise of two run.json: the environments in which they were begun, and the offloads and
// interfaces of the tunnels that both have. -EINVAL (NULL) where one has no environment.
json_t *environment_differences_of_runs(const json_t *first, const json_t *second);

// The environment that the run was last in: run.json's, or that of a later --resume.
const json_t *environment_latest(const json_t *run);

// Appends to run.json's "resumed" {"created", "trials" (those before it), "environment",
// "differs"}: the last two only where it isn't environment_latest()'s. Returns those differences,
// borrowed.
const json_t *environment_note_resumed(json_t *run, size_t trials, json_t *environment);

// "kernel 'a', then 'b'; ...": cut to the buffer. Returns `text`.
const char *environment_differences_line(const json_t *differences, char *text, size_t bytes);

// What in an environment changes what is measured, beside the CPU's model, their number, the kernel
// and the mitigations: runs that differ in it are no series. A new object, without the fields that
// the environment doesn't have.
json_t *environment_conditions(const json_t *environment);

#endif
