// Microbenchmarks of a slot: one file workloads/micro/SLOT.c, linked with each variant of the slot
// (the object that the tunnel is linked with) to a program of its own, build/PROFILE/micro/SLOT/
// VARIANT. `wgbench micro` runs these against one another. Adding a slot is adding such a file;
// parts of it may lie in files SLOT_*.c.
//
// Names: NAME/PARAMETER:VALUE/..., where entries that share NAME are a sweep: measured together,
// alternating between variants, and drawn over the parameter.
#ifndef WGBENCH_MICRO_H
#define WGBENCH_MICRO_H

#include "workloads/micro/cbenchmark.h"

#include <stddef.h>
#include <stdint.h>

enum { MICRO_BATCH = 1024 }; // operations of nanoseconds between two looks at the loop's end

// ---- what each slot's file defines

extern const char *const micro_slot, *const micro_variant;

// Calls micro_add() for each sweep.
void micro_register(void);

// ---- what main.c provides

// Ends the program with a message where the entry is refused. Arguments and texts are copied.
void micro_add(const struct cbenchmark *);

// CLOCK_MONOTONIC.
uint64_t micro_now_ns(void);

// Or ends the program.
void *micro_allocate(size_t bytes);

// Keeps a result that nobody uses.
#define MICRO_USE(value) __asm__ volatile("" : : "r"(value) : "memory")

#endif
