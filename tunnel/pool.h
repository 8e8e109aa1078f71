// Batches, and the buffers that packets live in from their arrival until they have left: a pool of
// both for each queue. Last in, first out: what was used last is warm in the cache. Nothing is
// wiped: plaintext is overwritten by what comes next. Any thread, unless said.
#ifndef WGBENCH_POOL_H
#define WGBENCH_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include "tunnel/buffer.h"

struct batch;
struct queue;

enum pool_kind { POOL_BATCHES, POOL_BUFFERS, POOL_KINDS };

// How many there are of a device, in use or not.
struct pool_made {
	atomic_uint count[POOL_KINDS];
};

struct pool {
	struct queue *queue; // whose the batches are
	struct pool_made *made;
	pthread_mutex_t lock;
	struct pool_item *kept[POOL_KINDS]; // that nobody uses
};

void pool_init(struct pool *, struct queue *, struct pool_made *);
// Frees what nobody uses. One thread.
void pool_drain(struct pool *);
void pool_destroy(struct pool *);

// NULL when out of memory or when the device has as many as it may: then the caller drops.
struct batch *pool_get_batch(struct pool *);
// Drops what it refers to as well: peer, key pair, buffers.
void pool_put_batch(struct batch *);

// With one reference. NULL likewise.
struct buffer *pool_get_buffer(struct pool *);
struct buffer *pool_hold_buffer(struct buffer *);
// The last one puts it into its pool.
void pool_put_buffer(struct buffer *);

#endif
