// Ring variant `spinlock`: one lock for all producers and one for all consumers. A slot that isn't
// NULL is full, so the two sides read each other through the slots alone and the lines of their
// indices stay with their own side.
//
// Complexity: one lock per call, then one load and one store per pointer. Memory: 8 bytes a slot
// and three cache lines. Consumed slots are zeroed a batch at a time, youngest first: a producer
// that polls the oldest one doesn't take the line from the consumer until all are free. A producer
// that meets such a slot has them zeroed at once, so that the capacity is exact.
//
// Thread safety: by the two locks, producer before consumer. A thread preempted inside its lock
// stalls its own side, hence the backoff that yields.
// Source: the idea of the Linux kernel's ptr_ring (include/linux/ptr_ring.h).
#include "variants/ring/ring.h"
#include "variants/ring/backoff.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

const char ring_variant[] = "spinlock";

#define LINE_BYTES 64
#define ZERO_BATCH (2 * LINE_BYTES / sizeof(void *))

// Positions count up for ever; a slot's index is position & mask. Each is written under its side's
// lock and is atomic for ring_count and the producer's look at the consumer.
struct ring {
	size_t mask, zero_batch;
	struct {
		_Alignas(LINE_BYTES) atomic_bool locked;
		atomic_size_t tail;
	} producer;
	struct {
		_Alignas(LINE_BYTES) atomic_bool locked;
		atomic_size_t head;
		atomic_size_t zeroed; // slots in [zeroed, head) are consumed and not NULL yet
	} consumer;
	_Alignas(LINE_BYTES) _Atomic(void *) slots[];
};

static void lock(atomic_bool *locked)
{
	unsigned waited = 0;

	while (atomic_exchange_explicit(locked, true, memory_order_acquire))
		while (atomic_load_explicit(locked, memory_order_relaxed))
			backoff(&waited);
}

static void unlock(atomic_bool *locked)
{
	atomic_store_explicit(locked, false, memory_order_release);
}

static size_t position(const atomic_size_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static void set_position(atomic_size_t *at, size_t to)
{
	atomic_store_explicit(at, to, memory_order_relaxed);
}

struct ring *ring_new(size_t capacity)
{
	if (capacity < 2 || capacity & (capacity - 1) || capacity > SIZE_MAX / 2 / sizeof(void *))
		return NULL;
	size_t bytes = sizeof(struct ring) + capacity * sizeof(void *);
	struct ring *ring = aligned_alloc(LINE_BYTES, (bytes + LINE_BYTES - 1) & -LINE_BYTES);
	if (!ring)
		return NULL;
	ring->mask = capacity - 1;
	ring->zero_batch = ZERO_BATCH <= capacity / 2 ? ZERO_BATCH : 1;
	atomic_init(&ring->producer.locked, false);
	atomic_init(&ring->producer.tail, 0);
	atomic_init(&ring->consumer.locked, false);
	atomic_init(&ring->consumer.head, 0);
	atomic_init(&ring->consumer.zeroed, 0);
	for (size_t i = 0; i < capacity; i++)
		atomic_init(&ring->slots[i], NULL);
	return ring;
}

void ring_free(struct ring *ring)
{
	free(ring);
}

// Under the consumer lock. Release: the pointers have been read before their slots are free.
static void zero_consumed(struct ring *ring, size_t head)
{
	size_t zeroed = position(&ring->consumer.zeroed);

	for (size_t at = head; at != zeroed;)
		atomic_store_explicit(&ring->slots[--at & ring->mask], NULL, memory_order_release);
	set_position(&ring->consumer.zeroed, head);
}

// Under the producer lock, when the slot at the tail isn't NULL: false when the ring is really
// full.
static bool reclaim(struct ring *ring, size_t tail)
{
	if (tail - position(&ring->consumer.head) > ring->mask)
		return false;
	lock(&ring->consumer.locked);
	zero_consumed(ring, position(&ring->consumer.head));
	unlock(&ring->consumer.locked);
	return true;
}

size_t ring_push(struct ring *ring, void *const *items, size_t n)
{
	size_t done = 0;

	lock(&ring->producer.locked);
	size_t tail = position(&ring->producer.tail);
	while (done < n) {
		_Atomic(void *) *slot = &ring->slots[tail & ring->mask];
		if (atomic_load_explicit(slot, memory_order_acquire)) {
			if (!reclaim(ring, tail))
				break;
			continue;
		}
		atomic_store_explicit(slot, items[done++], memory_order_release);
		tail++;
	}
	set_position(&ring->producer.tail, tail);
	unlock(&ring->producer.locked);
	return done;
}

size_t ring_pop(struct ring *ring, void **items, size_t n)
{
	size_t done = 0;

	lock(&ring->consumer.locked);
	size_t head = position(&ring->consumer.head), zeroed = position(&ring->consumer.zeroed);
	// A whole round of consumed slots would look full again.
	if (n > ring->mask + 1 - (head - zeroed))
		n = ring->mask + 1 - (head - zeroed);
	while (done < n) {
		void *item =
		    atomic_load_explicit(&ring->slots[head & ring->mask], memory_order_acquire);
		if (!item)
			break;
		items[done++] = item;
		head++;
	}
	set_position(&ring->consumer.head, head);
	if (head - zeroed >= ring->zero_batch)
		zero_consumed(ring, head);
	unlock(&ring->consumer.locked);
	return done;
}

// The head is read first: the tail is never behind it then, only too far ahead.
size_t ring_count(const struct ring *ring)
{
	size_t head = atomic_load_explicit(&ring->consumer.head, memory_order_acquire);
	size_t count = position(&ring->producer.tail) - head;

	return count <= ring->mask + 1 ? count : ring->mask + 1;
}
