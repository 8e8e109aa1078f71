// In what two machines, or one at two times, differ.
#ifndef WGBENCH_RECORD_ENVIRONMENT_COMPARE_H
#define WGBENCH_RECORD_ENVIRONMENT_COMPARE_H

#include "harness/record/run.h"

// A new flat object of an environment's texts: {"sysctls.net.core.rmem_max": "212992"}.
json_t *environment_flatten(const json_t *environment);

// What an environment has of the machine: where two agree in it, verdicts are worth the same. A new
// object.
json_t *environment_machine(const json_t *environment);

// Whether two do; either may be environment_machine()'s.
bool environment_same_machine(const json_t *, const json_t *);

// A new array of [what, first, second]: what isn't the same in both, null where it isn't recorded.
// Prices, which are measured and so never quite the same, don't count.
json_t *environment_differences(const json_t *first, const json_t *second);

// Likewise of two runs: the environments in which they were begun, and the offloads and
// interfaces of the tunnels that both have. NULL where one has no environment.
json_t *environment_differences_of_runs(const struct run *first, const struct run *second);

// The environment that the run was last in: run.json's, or that of a later --resume.
const json_t *environment_latest(const struct run *);

// Notes a --resume after so many trials, with the environment and its differences where it isn't
// environment_latest()'s. Returns those differences, borrowed, or NULL.
const json_t *environment_note_resumed(struct run *, size_t trials, json_t *environment);

// "kernel 'a', then 'b'; ...": cut to the buffer. Returns `text`.
const char *environment_differences_line(const json_t *differences, char *text, size_t bytes);

// What in an environment changes what is measured, beside the CPU's model, their number, the kernel
// and the mitigations: runs that differ in it are no series. A new object, without the fields that
// the environment doesn't have.
json_t *environment_conditions(const json_t *environment);

#endif
