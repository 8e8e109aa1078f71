// The one allocator of the harness. It never fails: a command that runs out of memory has nothing
// to tear down that the kernel doesn't, so it says so and ends. (The tunnel, which must go on,
// allocates by itself.)
#ifndef WGBENCH_BASE_MEMORY_H
#define WGBENCH_BASE_MEMORY_H

#include <stddef.h>

// An array of n zeroed elements; the caller frees it.
void *memory_new(size_t n, size_t bytes);

// Room for n elements. What `old` (or NULL) held is kept, what is new isn't zeroed.
void *memory_resize(void *old, size_t n, size_t bytes);

void *memory_copy(const void *, size_t bytes);

// The pointer, which a function of libc has allocated, if it isn't NULL.
void *memory_had(void *);

// Makes room for one more than the `n` elements in `*array`, doubling it: amortized O(1).
// `*room` is how many it has room for; both begin as zero.
void *memory_more(void *array, size_t n, size_t *room, size_t bytes);

#endif
