// Gathering the frames of one burst into batches by peer and outer TOS. The frames of one peer keep
// their order.
#ifndef WGBENCH_GATHER_H
#define WGBENCH_GATHER_H

#include <stddef.h>
#include <stdint.h>

struct batch;
struct frame;
struct queue;

enum { GATHER_OPEN_MAX = 8 };

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

#endif
