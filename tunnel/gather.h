// Gathering the frames of one burst into batches by peer and outer TOS. The frames of one peer keep
// their order.
#ifndef WGBENCH_GATHER_H
#define WGBENCH_GATHER_H

#include <stddef.h>
#include <stdint.h>

struct batch;
struct frame;
struct queue;

enum {
	GATHER_OPEN_MAX = 8,
	// A super-packet leaves at once: its receiver starts while the next one is read.
	GATHER_BYTES = 32768,
	GATHER_FRAMES = 128,
};

struct gather {
	struct queue *queue;
	uint64_t now_ns;
	size_t open;
	struct batch *batch[GATHER_OPEN_MAX]; // of a peer each, the oldest first
};

void gather_init(struct gather *, struct queue *, uint64_t now_ns);
// Takes the frame, or drops and counts it.
void gather_add(struct gather *, struct frame *);
// Stages what was gathered.
void gather_close(struct gather *);

// Gathers and stages what is next of what waits (egress.h), a super-packet or some small ones.
// Bytes; 0: there is nothing, or the lower queue is full.
uint32_t gather_send(struct queue *, uint64_t now_ns);

#endif
