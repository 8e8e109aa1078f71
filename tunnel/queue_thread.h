// The thread of a queue.
#ifndef WGBENCH_QUEUE_THREAD_H
#define WGBENCH_QUEUE_THREAD_H

struct queue;

// Starts the thread, which moves packets until device->stopping. 0 or -errno.
int queue_thread_start(struct queue *);
// Waits for the thread, if it runs; device->stopping is set.
void queue_thread_join(struct queue *);

#endif
