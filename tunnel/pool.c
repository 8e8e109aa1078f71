#include "tunnel/pool.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "tunnel/batch.h"
#include "tunnel/keypair.h"
#include "tunnel/peer.h"

static const struct {
	size_t bytes, item_at, mapped;
	unsigned max; // of a device
} kinds[POOL_KINDS] = {
    [POOL_BATCHES] = {sizeof(struct batch), offsetof(struct batch, item), BATCH_OUT_BYTES, 4096},
    [POOL_BUFFERS] = {sizeof(struct buffer), offsetof(struct buffer, item), BUFFER_BYTES, 4096},
};

static __attribute__((noinline)) struct pool_item *make_item(struct pool *p, enum pool_kind kind)
{
	char *whole = NULL;

	if (atomic_fetch_add(&p->made->count[kind], 1) < kinds[kind].max)
		whole = calloc(1, kinds[kind].bytes);
	if (!whole)
		goto err_count;
	struct pool_item *item = (struct pool_item *)(whole + kinds[kind].item_at);
	item->home = p;
	// Mapped, not allocated: only the pages that packets touch become memory.
	item->bytes = mmap(NULL, kinds[kind].mapped, PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (item->bytes != MAP_FAILED)
		return item;
	free(whole);
err_count:
	atomic_fetch_sub(&p->made->count[kind], 1);
	return NULL;
}

// Inlined, as is the next one, so that the kind is a constant: 20 instructions a batch less.
static inline void *get_item(struct pool *p, enum pool_kind kind)
{
	pthread_mutex_lock(&p->lock);
	struct pool_item *item = p->kept[kind];
	if (item)
		p->kept[kind] = item->next;
	pthread_mutex_unlock(&p->lock);
	if (!item)
		item = make_item(p, kind);
	return item ? (char *)item - kinds[kind].item_at : NULL;
}

static inline void keep_item(struct pool_item *item, enum pool_kind kind)
{
	struct pool *p = item->home;

	pthread_mutex_lock(&p->lock);
	item->next = p->kept[kind];
	p->kept[kind] = item;
	pthread_mutex_unlock(&p->lock);
}

void pool_init(struct pool *p, struct queue *queue, struct pool_made *made)
{
	*p = (struct pool){.queue = queue, .made = made};
	pthread_mutex_init(&p->lock, NULL);
}

void pool_drain(struct pool *p)
{
	for (enum pool_kind kind = 0; kind < POOL_KINDS; kind++) {
		for (struct pool_item *item; (item = p->kept[kind]);) {
			p->kept[kind] = item->next;
			munmap(item->bytes, kinds[kind].mapped);
			free((char *)item - kinds[kind].item_at);
			atomic_fetch_sub(&p->made->count[kind], 1);
		}
	}
}

void pool_destroy(struct pool *p)
{
	pool_drain(p);
	pthread_mutex_destroy(&p->lock);
}

struct batch *pool_get_batch(struct pool *p)
{
	struct batch *b = get_item(p, POOL_BATCHES);

	if (!b)
		return NULL;
	b->queue = p->queue;
	b->out = b->item.bytes;
	b->next = NULL;
	b->peer = NULL;
	b->keypair = NULL;
	b->in = NULL;
	b->packets = b->frames = b->in_bytes = b->out_bytes = 0;
	b->keepalive = b->failed = false;
	return b;
}

void pool_put_batch(struct batch *b)
{
	if (b->keypair)
		keypair_release(b->keypair);
	if (b->peer)
		peer_release(b->peer);
	if (b->in)
		pool_put_buffer(b->in);
	for (uint32_t i = 0; i < b->frames; i++)
		pool_put_buffer(b->frame[i].buffer);
	keep_item(&b->item, POOL_BATCHES);
}

struct buffer *pool_get_buffer(struct pool *p)
{
	struct buffer *b = get_item(p, POOL_BUFFERS);

	if (b)
		atomic_store_explicit(&b->references, 1, memory_order_relaxed);
	return b;
}

struct buffer *pool_hold_buffer(struct buffer *b)
{
	atomic_fetch_add_explicit(&b->references, 1, memory_order_relaxed);
	return b;
}

void pool_put_buffer(struct buffer *b)
{
	// Release: what this holder did comes before; acquire: what others did, before its reuse.
	if (atomic_fetch_sub_explicit(&b->references, 1, memory_order_acq_rel) == 1)
		keep_item(&b->item, POOL_BUFFERS);
}
