#include "tunnel/lanes.h"

#include <stdlib.h>
#include <string.h>
#include "tunnel/queue.h"
#include "tunnel/state.h"

void lanes_free(struct device *d, struct lanes *all)
{
	for (unsigned i = 0; all && i < d->queues; i++) {
		if (all[i].send)
			workers_lane_free(all[i].send);
		if (all[i].receive)
			workers_lane_free(all[i].receive);
		if (all[i].up)
			receive_free(all[i].up);
	}
	free(all);
}

struct lanes *lanes_new(struct device *d, const struct workers_stage *send,
                        const struct workers_stage *receive, const struct receive_hooks *hooks)
{
	size_t bytes = d->queues * sizeof(struct lanes);
	struct lanes *all = aligned_alloc(_Alignof(struct lanes), bytes);

	if (!all)
		return NULL;
	memset(all, 0, bytes);
	for (unsigned i = 0; i < d->queues; i++) {
		struct lanes *l = &all[i];

		l->send = workers_lane_new(d->workers, send, NULL);
		l->up = receive_new(hooks, &d->queue[i]);
		if (l->up)
			l->receive = workers_lane_new(d->workers, receive, l->up);
		if (!l->send || !l->receive) {
			lanes_free(d, all);
			return NULL;
		}
	}
	return all;
}

void lanes_touch(struct queue *q, struct lanes *lanes)
{
	if (lanes->touched)
		return;
	lanes->touched = true;
	lanes->next = q->touched;
	q->touched = lanes;
}

void lanes_flush(struct queue *q)
{
	struct lanes *lanes;

	while ((lanes = q->touched)) {
		q->touched = lanes->next;
		lanes->touched = false;
		workers_flush(lanes->send);
		workers_flush(lanes->receive);
	}
}
