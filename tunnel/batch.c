// The pool of batches, one for each queue. Last in, first out: the batch that was used last is warm
// in the cache.
#include "tunnel/batch.h"

#include <stdlib.h>
#include <sys/mman.h>
#include "tunnel/device.h"

static struct batch *new (struct queue *queue)
{
	struct device *d = queue->device;

	if (atomic_fetch_add(&d->batches, 1) >= BATCHES_MAX)
		goto err_count;
	struct batch *b = calloc(1, sizeof(*b));
	if (!b)
		goto err_count;
	// Mapped, not allocated: only the pages that packets touch become memory.
	b->out =
	    mmap(NULL, BATCH_OUT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->out == MAP_FAILED)
		goto err_batch;
	b->queue = queue;
	return b;

err_batch:
	free(b);
err_count:
	atomic_fetch_sub(&d->batches, 1);
	return NULL;
}

struct batch *batch_get(struct queue *queue)
{
	pthread_mutex_lock(&queue->pool_lock);
	struct batch *b = queue->pool;
	if (b)
		queue->pool = b->next;
	pthread_mutex_unlock(&queue->pool_lock);
	if (!b)
		b = new (queue);
	if (!b)
		return NULL;
	b->next = NULL;
	b->peer = NULL;
	b->keypair = NULL;
	b->in = NULL;
	b->packets = b->frames = b->in_bytes = b->out_bytes = 0;
	b->keepalive = b->failed = false;
	return b;
}

void batch_put(struct batch *b)
{
	struct queue *queue = b->queue;

	if (b->keypair)
		keypair_release(b->keypair);
	if (b->peer)
		peer_release(b->peer);
	if (b->in)
		buffer_put(b->in);
	for (uint32_t i = 0; i < b->frames; i++)
		buffer_put(b->frame[i].buffer);
	pthread_mutex_lock(&queue->pool_lock);
	b->next = queue->pool;
	queue->pool = b;
	pthread_mutex_unlock(&queue->pool_lock);
}

void batch_pool_free(struct queue *queue)
{
	struct batch *next;

	for (struct batch *b = queue->pool; b; b = next) {
		next = b->next;
		munmap(b->out, BATCH_OUT_BYTES);
		free(b);
		atomic_fetch_sub(&queue->device->batches, 1);
	}
	queue->pool = NULL;
}
