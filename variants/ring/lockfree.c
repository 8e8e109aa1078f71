// Ring variant `lockfree`: producers reserve a run of slots by a compare-and-swap on the producer
// head, write, wait until all earlier runs are published, and publish theirs by the producer tail.
// Consumers copy a run and claim it by a compare-and-swap on the consumer head; a lost race
// discards the copy.
//
// Each side keeps what it last saw of the other beside its own head and looks again only when that
// isn't enough for the whole call: neither's line goes to and fro with every pointer (two producers
// on one CPU, two consumers on another, one by one: 16 ns a pointer against some 50; with a
// producer and a consumer on each CPU it gains nothing, 70 ns and more against 62).
//
// A producer that finds a run reserved but not published waits a little before it reserves behind
// it. Without that, one that was preempted in between leaves a convoy, on as many threads as there
// are CPUs or more: each publishes, reserves behind the other, and has to be switched away for it
// to go on; that lasts, and costs two switches a pointer (1400 to 2100 ns, as above).
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
	atomic_size_t seen_head; // the producers' copy of consumer_head, never ahead of it
	_Alignas(LINE_BYTES) atomic_size_t producer_tail;
	_Alignas(LINE_BYTES) atomic_size_t consumer_head;
	atomic_size_t seen_tail; // the consumers' copy of producer_tail, never ahead of it
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
	atomic_init(&ring->seen_head, 0);
	atomic_init(&ring->seen_tail, 0);
	for (size_t i = 0; i < capacity; i++)
		atomic_init(&ring->slots[i], NULL);
	return ring;
}

void ring_free(struct ring *ring)
{
	free(ring);
}

// The producer head, once nothing is reserved and unpublished behind it or the wait has gone on for
// long enough to have yielded once.
static size_t head_to_reserve(struct ring *ring)
{
	size_t head = atomic_load_explicit(&ring->producer_head, memory_order_acquire);
	unsigned waited = 0;

	while (waited < BACKOFF_PAUSES &&
	       atomic_load_explicit(&ring->producer_tail, memory_order_relaxed) != head) {
		backoff(&waited);
		head = atomic_load_explicit(&ring->producer_head, memory_order_acquire);
	}
	return head;
}

// How many slots are in use below `head`, if at least `n` are free as far as the producers have
// seen; else how many really are. More than the capacity: `head` is out of date.
//
// Acquire, of either: the consumers' copies end before their slots are written again. The copy is
// passed on with what came before it, hence released. It may go back to an older value, which only
// asks for another look.
static size_t used_below(struct ring *ring, size_t head, size_t n)
{
	size_t capacity = ring->mask + 1;
	size_t used = head - atomic_load_explicit(&ring->seen_head, memory_order_acquire);

	if (used <= capacity && capacity - used >= n)
		return used;
	size_t seen = atomic_load_explicit(&ring->consumer_head, memory_order_acquire);
	atomic_store_explicit(&ring->seen_head, seen, memory_order_release);
	return head - seen;
}

size_t ring_push(struct ring *ring, void *const *items, size_t n)
{
	size_t capacity = ring->mask + 1, count, used, head = head_to_reserve(ring);

	do {
		// A head that is out of date may have been passed, and then the exchange fails.
		used = used_below(ring, head, n);
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

// How many slots are filled from `head` on, if at least `n` are as far as the consumers have seen;
// else how many really are. Orders as in used_below(). The real tail is read after the head, hence
// never behind it; the copy may be.
static size_t filled_from(struct ring *ring, size_t head, size_t n)
{
	size_t seen = atomic_load_explicit(&ring->seen_tail, memory_order_acquire);

	if ((ptrdiff_t)(seen - head) >= (ptrdiff_t)n)
		return seen - head;
	seen = atomic_load_explicit(&ring->producer_tail, memory_order_acquire);
	atomic_store_explicit(&ring->seen_tail, seen, memory_order_release);
	return seen - head;
}

size_t ring_pop(struct ring *ring, void **items, size_t n)
{
	size_t head = atomic_load_explicit(&ring->consumer_head, memory_order_acquire), count;

	do {
		count = filled_from(ring, head, n);
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
