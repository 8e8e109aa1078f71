// A peer's lanes (variants/workers), in which its batches keep their order.
#ifndef WGBENCH_LANES_H
#define WGBENCH_LANES_H

#include <stdbool.h>
#include "variants/receive/receive.h"
#include "variants/workers/workers.h"

struct device;
struct queue;

// Of a peer in one queue, whose thread alone submits to them (and the control thread, which keeps
// all others out meanwhile).
struct lanes {
	_Alignas(64) struct workers_lane *send, *receive;
	struct receive *up; // of the receive lane
	struct lanes *next; // of those to be flushed
	bool touched;       // it is one of them
};

// For each of the device's queues. NULL when out of memory.
struct lanes *lanes_new(struct device *, const struct workers_stage *send,
                        const struct workers_stage *receive, const struct receive_hooks *);
// What they still hold drains. NULL: nothing.
void lanes_free(struct device *, struct lanes *);

// Whoever submits to the lanes says so here, and sees to a flush before leaving the path bracket.
void lanes_touch(struct queue *, struct lanes *);
void lanes_flush(struct queue *);

#endif
