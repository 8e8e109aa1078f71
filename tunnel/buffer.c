// The pool of buffers, one for each queue. Last in, first out: the buffer that was used last is
// warm in the cache.
#include "tunnel/buffer.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "tunnel/device.h"

static struct buffer *new (struct queue *queue)
{
	struct device *d = queue->device;
	struct buffer *b = NULL;

	if (atomic_fetch_add(&d->buffers, 1) < BUFFERS_MAX)
		b = calloc(1, sizeof(*b));
	if (!b)
		goto err_count;
	// Mapped, not allocated: only the pages that packets touch become memory.
	b->bytes =
	    mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->bytes == MAP_FAILED)
		goto err_buffer;
	b->queue = queue;
	return b;

err_buffer:
	free(b);
err_count:
	atomic_fetch_sub(&d->buffers, 1);
	return NULL;
}

struct buffer *buffer_get(struct queue *queue)
{
	pthread_mutex_lock(&queue->pool_lock);
	struct buffer *b = queue->buffers;
	if (b)
		queue->buffers = b->next;
	pthread_mutex_unlock(&queue->pool_lock);
	if (!b)
		b = new (queue);
	if (b)
		atomic_store_explicit(&b->references, 1, memory_order_relaxed);
	return b;
}

struct buffer *buffer_hold(struct buffer *b)
{
	atomic_fetch_add_explicit(&b->references, 1, memory_order_relaxed);
	return b;
}

void buffer_put(struct buffer *b)
{
	struct queue *queue = b->queue;

	// Release: what this holder did comes before; acquire: what others did, before its reuse.
	if (atomic_fetch_sub_explicit(&b->references, 1, memory_order_acq_rel) > 1)
		return;
	pthread_mutex_lock(&queue->pool_lock);
	b->next = queue->buffers;
	queue->buffers = b;
	pthread_mutex_unlock(&queue->pool_lock);
}

void buffer_pool_free(struct queue *queue)
{
	struct buffer *next;

	for (struct buffer *b = queue->buffers; b; b = next) {
		next = b->next;
		munmap(b->bytes, BUFFER_BYTES);
		free(b);
		atomic_fetch_sub(&queue->device->buffers, 1);
	}
	queue->buffers = NULL;
}
