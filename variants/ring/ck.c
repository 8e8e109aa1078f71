// Ring variant `ck`: ConcurrencyKit's own ck_ring, multi-producer and multi-consumer, as Debian
// packages it: the reference for `lockfree`.
//
// ck_ring has no batch operations, so a batch is a loop of single ones, and other producers'
// pointers may come between. One of its slots is always empty: so that `capacity` pointers fit, it
// has twice the slots and a producer looks at the count first. Producers that look at the same time
// may put one pointer each in beyond the capacity.
//
// Complexity: one compare-and-swap per pointer and side. Memory: 16 bytes an entry and four cache
// lines.
//
// Thread safety: as told in lockfree.c, but a producer that waits for its turn never yields. The
// atomic operations are assembler, which ThreadSanitizer can't see: to it, the order between a push
// and its pop is stated by annotations, on trust, and the slots are hidden, since a consumer copies
// one before it knows whether the copy counts.
// Source: libck-dev, ck_ring.h (S. A. Bahra).
#include "variants/ring/ring.h"

#include <ck_ring.h>
#include <limits.h>
#include <stdlib.h>

const char ring_variant[] = "ck";

#define LINE_BYTES 64

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ANNOTATED
#endif
#elif defined(__SANITIZE_THREAD__)
#define ANNOTATED
#endif

#ifdef ANNOTATED
// The interface of the sanitizer's runtime; its header isn't shipped with every compiler.
void __tsan_acquire(void *);
void __tsan_release(void *);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#else
#define __tsan_acquire(at) ((void)(at))
#define __tsan_release(at) ((void)(at))
#define AnnotateIgnoreReadsBegin(file, line) ((void)0)
#define AnnotateIgnoreReadsEnd(file, line) ((void)0)
#define AnnotateIgnoreWritesBegin(file, line) ((void)0)
#define AnnotateIgnoreWritesEnd(file, line) ((void)0)
#endif

struct ring {
	_Alignas(LINE_BYTES) unsigned capacity;
	_Alignas(LINE_BYTES) ck_ring_t ring;
	_Alignas(LINE_BYTES) ck_ring_buffer_t slots[];
};

struct ring *ring_new(size_t capacity)
{
	if (capacity < 2 || capacity & (capacity - 1) || capacity > UINT_MAX / 4 + 1)
		return NULL;
	size_t bytes = sizeof(struct ring) + 2 * capacity * sizeof(ck_ring_buffer_t);
	struct ring *ring = aligned_alloc(LINE_BYTES, (bytes + LINE_BYTES - 1) & -LINE_BYTES);
	if (!ring)
		return NULL;
	ring->capacity = capacity;
	ck_ring_init(&ring->ring, 2 * capacity);
	return ring;
}

void ring_free(struct ring *ring)
{
	free(ring);
}

static void hide_accesses(void)
{
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

static void show_accesses(void)
{
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

size_t ring_push(struct ring *ring, void *const *items, size_t n)
{
	size_t done = 0;

	__tsan_release(ring);
	hide_accesses();
	while (done < n && ck_ring_size(&ring->ring) < ring->capacity &&
	       ck_ring_enqueue_mpmc(&ring->ring, ring->slots, items[done]))
		done++;
	show_accesses();
	return done;
}

size_t ring_pop(struct ring *ring, void **items, size_t n)
{
	size_t done = 0;

	hide_accesses();
	while (done < n && ck_ring_dequeue_mpmc(&ring->ring, ring->slots, &items[done]))
		done++;
	show_accesses();
	__tsan_acquire(ring);
	return done;
}

size_t ring_count(const struct ring *ring)
{
	unsigned count = ck_ring_size(&ring->ring);

	return count < ring->capacity ? count : ring->capacity;
}
