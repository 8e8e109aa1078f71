// Ring variant `vyukov`: every slot has a sequence number that says whose turn it is. At position p
// it is p while the slot is free for the producer of p, p + 1 once filled, p + capacity once
// consumed. A call counts the run of slots from its side's position that are ready for it, takes
// the run by one compare-and-swap of the position, then writes (or reads) and hands over each slot
// by its own number. The two sides meet in the slots alone: neither reads the other's position.
//
// A run is handed over youngest first, so that whoever waits at the oldest slot finds the whole
// run. Both sides read a slot's line first and write it later, which costs its way between two CPUs
// twice, one after another; so once the oldest slot is ready, the lines of all are asked for, to be
// written. Both producers on one CPU and
// both consumers on the other, batches of 64: 2.0 to 2.3 ns a pointer against 2.5 to 2.9. A
// producer and a consumer on each: no gain, rather a loss (4.1 to 6.2 against 3.1 to 4.6).
//
// Rejected: four-byte sequence numbers in an array of their own, 12 bytes a slot: batches of
// 64 took 3.1 to 3.4 ns a pointer against 2.9 (two producers on one CPU, two consumers on another).
//
// Complexity: one compare-and-swap per call, two loads and two stores per pointer. Memory: 16 bytes
// a slot and three cache lines.
//
// Thread safety: no locks, yet not lock-free in the formal sense. Producers never wait for one
// another, nor consumers. But a producer preempted between taking a run and handing it over hides
// all that is pushed behind it: consumers find the ring empty at its slot. A consumer preempted so
// has producers find the ring full at its slot, though others are free.
// Source: D. Vyukov, Bounded MPMC queue, 1024cores.net; the runs are ours.
#include "variants/ring/ring.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

const char ring_variant[] = "vyukov";

#define LINE_BYTES 64

struct slot {
	atomic_size_t sequence;
	void *item; // whose turn it is owns it
};

#define LINE_SLOTS (LINE_BYTES / sizeof(struct slot))

// Positions count up for ever; a slot's index is position & mask.
struct ring {
	size_t mask;
	_Alignas(LINE_BYTES) atomic_size_t tail; // producers'
	_Alignas(LINE_BYTES) atomic_size_t head; // consumers'
	_Alignas(LINE_BYTES) struct slot slots[];
};

struct ring *ring_new(size_t capacity)
{
	if (capacity < 2 || capacity & (capacity - 1) ||
	    capacity > SIZE_MAX / 2 / sizeof(struct slot))
		return NULL;
	size_t bytes = sizeof(struct ring) + capacity * sizeof(struct slot);
	struct ring *ring = aligned_alloc(LINE_BYTES, (bytes + LINE_BYTES - 1) & -LINE_BYTES);
	if (!ring)
		return NULL;
	ring->mask = capacity - 1;
	atomic_init(&ring->tail, 0);
	atomic_init(&ring->head, 0);
	for (size_t i = 0; i < capacity; i++)
		atomic_init(&ring->slots[i].sequence, i);
	return ring;
}

void ring_free(struct ring *ring)
{
	free(ring);
}

static struct slot *slot_at(struct ring *ring, size_t at)
{
	return &ring->slots[at & ring->mask];
}

// Asks for the lines of the slots after this position, to be written, where the CPU has an
// instruction for it (on x86-64 it does nothing where it doesn't).
static void claim_lines(struct ring *ring, size_t at, size_t n)
{
	for (size_t i = LINE_SLOTS; i < n; i += LINE_SLOTS) {
#ifdef __x86_64__
		// A compiler that isn't told of the instruction makes a prefetch to read of the
		// builtin.
		__asm__ volatile("prefetchw %0" : : "m"(*slot_at(ring, at + i)));
#else
		__builtin_prefetch(slot_at(ring, at + i), 1);
#endif
	}
}

// Takes up to `n` positions from `*position` whose slots are `lead` ahead of them: 0 for free, 1
// for filled. Returns how many, from `*first`.
//
// Acquire: what the other side did with a slot ends before we touch it. The exchange orders
// nothing, it only decides who has the run: a slot's number is changed by the owner of its position
// alone, so the run is as it was seen unless the position has moved, and positions never return.
static size_t take(struct ring *ring, atomic_size_t *position, size_t lead, size_t n, size_t *first)
{
	size_t at = atomic_load_explicit(position, memory_order_relaxed);

	while (n) {
		size_t run = 0, sequence;

		do {
			sequence = atomic_load_explicit(&slot_at(ring, at + run)->sequence,
			                                memory_order_acquire);
			if (sequence != at + run + lead)
				break;
			if (!run)
				claim_lines(ring, at, n);
		} while (++run < n);
		if (run) {
			*first = at;
			if (atomic_compare_exchange_weak_explicit(position, &at, at + run,
			                                          memory_order_relaxed,
			                                          memory_order_relaxed))
				return run;
			continue;
		}
		if ((ptrdiff_t)(sequence - (at + lead)) < 0)
			return 0;
		// The slot is past this turn, so the position has moved.
		at = atomic_load_explicit(position, memory_order_relaxed);
	}
	return 0;
}

size_t ring_push(struct ring *ring, void *const *items, size_t n)
{
	size_t first, run = take(ring, &ring->tail, 0, n, &first);

	// Release: the pointer, and what the caller wrote behind it, come before the number.
	for (size_t i = run; i--;) {
		struct slot *slot = slot_at(ring, first + i);
		slot->item = items[i];
		atomic_store_explicit(&slot->sequence, first + i + 1, memory_order_release);
	}
	return run;
}

size_t ring_pop(struct ring *ring, void **items, size_t n)
{
	size_t first, run = take(ring, &ring->head, 1, n, &first);

	// Release: the pointer has been read before its slot is free.
	for (size_t i = run; i--;) {
		struct slot *slot = slot_at(ring, first + i);
		items[i] = slot->item;
		atomic_store_explicit(&slot->sequence, first + i + ring->mask + 1,
		                      memory_order_release);
	}
	return run;
}

// The head is read first: the tail is never behind it then, only too far ahead.
size_t ring_count(const struct ring *ring)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	size_t count = atomic_load_explicit(&ring->tail, memory_order_relaxed) - head;

	return count <= ring->mask + 1 ? count : ring->mask + 1;
}
