// What the kernel merged into one buffer (UDP_GRO): datagrams of one size, the last perhaps
// shorter.
#ifndef WGBENCH_GRO_H
#define WGBENCH_GRO_H

#include <stdbool.h>
#include <stdint.h>

// Set the first two; gro_next() leads through the datagrams.
struct gro {
	uint32_t bytes;          // of all
	uint32_t datagram_bytes; // of each but the last; 0: there is only one
	uint32_t at, size;       // of the current one
};

static inline bool gro_next(struct gro *g)
{
	g->at += g->size;
	g->size = g->bytes - g->at;
	if (g->datagram_bytes && g->size > g->datagram_bytes)
		g->size = g->datagram_bytes;
	return g->size;
}

#endif
