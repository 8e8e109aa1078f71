// Memory that packets live in from their arrival until they have left: what a read of the TUN or of
// a socket fills. Packets share it, each holding a reference; none is ever copied into another.
#ifndef WGBENCH_BUFFER_H
#define WGBENCH_BUFFER_H

#include <stdatomic.h>
#include <stdint.h>

struct queue;

enum {
	BUFFER_BYTES = 3 * 65536, // pages that aren't used cost nothing
	BUFFERS_MAX = 4096,       // of a device
};

struct buffer {
	atomic_uint references;
	struct queue *queue; // whose pool is its home
	struct buffer *next; // in the pool
	uint8_t *bytes;      // page-aligned
};

// From the queue's pool, with one reference; any thread. NULL when out of memory or at BUFFERS_MAX
// (then the caller drops).
struct buffer *buffer_get(struct queue *);
struct buffer *buffer_hold(struct buffer *);
// The last one puts it into its pool; any thread. Nothing is wiped: plaintext is overwritten by
// what comes next.
void buffer_put(struct buffer *);
// Frees what the pool holds.
void buffer_pool_free(struct queue *);

#endif
