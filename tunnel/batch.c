// The pool of batches. Last in, first out: the batch that was used last is warm in the cache.
#include "tunnel/batch.h"

#include <stdlib.h>
#include <sys/mman.h>
#include "tunnel/device.h"

enum { BUFFER_BYTES = BATCH_HEADROOM + BATCH_IN_BYTES + BATCH_OUT_BYTES };

static struct batch *new (struct device *d)
{
	if (atomic_fetch_add(&d->batches, 1) >= BATCHES_MAX)
		goto err_count;
	struct batch *b = calloc(1, sizeof(*b));
	if (!b)
		goto err_count;
	// Mapped, not allocated: only the pages that packets touch become memory.
	b->in =
	    mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->in == MAP_FAILED)
		goto err_batch;
	b->in += BATCH_HEADROOM;
	b->out = b->in + BATCH_IN_BYTES;
	b->device = d;
	return b;

err_batch:
	free(b);
err_count:
	atomic_fetch_sub(&d->batches, 1);
	return NULL;
}

struct batch *batch_get(struct device *d)
{
	pthread_mutex_lock(&d->pool_lock);
	struct batch *b = d->pool;
	if (b)
		d->pool = b->next;
	pthread_mutex_unlock(&d->pool_lock);
	if (!b)
		b = new (d);
	if (!b)
		return NULL;
	b->next = NULL;
	b->peer = NULL;
	b->keypair = NULL;
	b->packets = b->frames = b->in_bytes = b->out_bytes = 0;
	b->keepalive = b->failed = false;
	return b;
}

void batch_put(struct batch *b)
{
	struct device *d = b->device;

	if (b->keypair)
		keypair_release(b->keypair);
	if (b->peer)
		peer_release(b->peer);
	pthread_mutex_lock(&d->pool_lock);
	b->next = d->pool;
	d->pool = b;
	pthread_mutex_unlock(&d->pool_lock);
}

void batch_pool_free(struct device *d)
{
	struct batch *next;

	for (struct batch *b = d->pool; b; b = next) {
		next = b->next;
		munmap(b->in - BATCH_HEADROOM, BUFFER_BYTES);
		free(b);
		atomic_fetch_sub(&d->batches, 1);
	}
	d->pool = NULL;
}
