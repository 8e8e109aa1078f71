// Ring variant `lockfree`: producers reserve a run of slots by a compare-and-swap on the producer
// head, write, wait until all earlier runs are published, and publish theirs by the producer tail.
// Consumers copy a run and claim it by a compare-and-swap on the consumer head; a lost race
// discards the copy.
//
// Complexity: one compare-and-swap per call and side, whatever the batch, then a load and a store
// per pointer. Memory: 8 bytes a slot and four cache lines.
//
// Thread safety: no locks, yet not lock-free in the formal sense: a producer preempted between
// reserving and publishing stalls the producers behind it (they yield) and hides their pointers
// from the consumers. Consumers never wait for one another.
// Source: the algorithm of ConcurrencyKit's ck_ring, MPMC case (S. A. Bahra).
#include "variants/ring/ring.h"
#include "variants/ring/backoff.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

const char ring_variant[] = "lockfree";

#define LINE_BYTES 64

// Positions count up for ever, consumer_head <= producer_tail <= producer_head <= consumer_head +
// capacity; a slot's index is position & mask.
struct ring {
	size_t mask;
	_Alignas(LINE_BYTES) atomic_size_t producer_head;
	_Alignas(LINE_BYTES) atomic_size_t producer_tail;
	_Alignas(LINE_BYTES) atomic_size_t consumer_head;
	_Alignas(LINE_BYTES) _Atomic(void *) slots[];
};

struct ring *ring_new(size_t capacity)
{
	if (capacity < 2 || capacity & (capacity - 1) || capacity > SIZE_MAX / 2 / sizeof(void *))
		return NULL;
	size_t bytes = sizeof(struct ring) + capacity * sizeof(void *);
	struct ring *ring = aligned_alloc(LINE_BYTES, (bytes + LINE_BYTES - 1) & -LINE_BYTES);
	if (!ring)
		return NULL;
	ring->mask = capacity - 1;
	atomic_init(&ring->producer_head, 0);
	atomic_init(&ring->producer_tail, 0);
	atomic_init(&ring->consumer_head, 0);
	for (size_t i = 0; i < capacity; i++)
		atomic_init(&ring->slots[i], NULL);
	return ring;
}

void ring_free(struct ring *ring)
{
	free(ring);
}

size_t ring_push(struct ring *ring, void *const *items, size_t n)
{
	size_t capacity = ring->mask + 1, count, used;
	size_t head = atomic_load_explicit(&ring->producer_head, memory_order_acquire);

	do {
		// Acquire: the consumers' copies end before their slots are written again. Read
		// after the head, so it may have passed a head that is out of date, and then the
		// exchange fails.
		used = head - atomic_load_explicit(&ring->consumer_head, memory_order_acquire);
		count = used > capacity ? 0 : capacity - used;
		if (count > n)
			count = n;
		if (!count && used <= capacity)
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(
	    &ring->producer_head, &head, head + count, memory_order_acquire, memory_order_acquire));

	for (size_t i = 0; i < count; i++)
		atomic_store_explicit(&ring->slots[(head + i) & ring->mask], items[i],
		                      memory_order_relaxed);

	// Acquire and release: whoever sees our tail sees the slots of all before us as well.
	unsigned waited = 0;
	while (atomic_load_explicit(&ring->producer_tail, memory_order_acquire) != head)
		backoff(&waited);
	atomic_store_explicit(&ring->producer_tail, head + count, memory_order_release);
	return count;
}

size_t ring_pop(struct ring *ring, void **items, size_t n)
{
	size_t head = atomic_load_explicit(&ring->consumer_head, memory_order_acquire), count;

	do {
		// Read after the head, hence never behind it.
		count = atomic_load_explicit(&ring->producer_tail, memory_order_acquire) - head;
		if (count > n)
			count = n;
		if (!count)
			return 0;
		for (size_t i = 0; i < count; i++)
			items[i] = atomic_load_explicit(&ring->slots[(head + i) & ring->mask],
			                                memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(
	    &ring->consumer_head, &head, head + count, memory_order_acq_rel, memory_order_acquire));
	return count;
}

// The head is read first: the tail is never behind it then, only too far ahead.
size_t ring_count(const struct ring *ring)
{
	size_t head = atomic_load_explicit(&ring->consumer_head, memory_order_acquire);
	size_t count = atomic_load_explicit(&ring->producer_tail, memory_order_acquire) - head;

	return count <= ring->mask + 1 ? count : ring->mask + 1;
}
