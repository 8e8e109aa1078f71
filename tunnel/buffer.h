// What a pool holds (pool.h): memory for packets, by itself or with a batch.
#ifndef WGBENCH_BUFFER_H
#define WGBENCH_BUFFER_H

#include <stdatomic.h>
#include <stdint.h>

struct pool;

enum { BUFFER_BYTES = 3 * 65536 }; // pages that aren't used cost nothing

// What a batch or a buffer is to its pool.
struct pool_item {
	struct pool *home;
	struct pool_item *next; // in it
	uint8_t *bytes;         // page-aligned
};

// What a read of the TUN or of a socket fills. Packets share it, each holding a reference; none is
// ever copied into another.
struct buffer {
	struct pool_item item; // first
	atomic_uint references;
};

#endif
