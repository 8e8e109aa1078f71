// Slot `ring`: a bounded multi-producer, multi-consumer FIFO of pointers between the stages. What
// is pointed at is a batch of packets, never a lone one.
//
// Thread safety: every operation but new and free may be called from any number of threads at
// once. What a producer wrote before a push is visible to the consumer that pops the pointer.
// Order: pointers that one thread pushed are popped in that order.
#ifndef WGBENCH_RING_H
#define WGBENCH_RING_H

#include <stddef.h>

extern const char ring_variant[];

struct ring;

// capacity: a power of two, at least 2: how many pointers fit. NULL when out of memory or when the
// capacity isn't a power of two or is beyond what the variant can count.
struct ring *ring_new(size_t capacity);
// Pointers still inside are the caller's to have popped before.
void ring_free(struct ring *);

// Pushes the first of `n` non-NULL pointers that fit, in order; returns how many. Another thread
// that is in the middle of an operation may make the ring look full, or its pop empty, meanwhile.
size_t ring_push(struct ring *, void *const *items, size_t n);

// Pops up to `n` of the oldest pointers, in order; returns how many.
size_t ring_pop(struct ring *, void **items, size_t n);

// How many pointers are inside; exact only while nobody pushes or pops.
size_t ring_count(const struct ring *);

#endif
