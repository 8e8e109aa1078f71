// Slot `workers`: on which threads the cipher's work of a batch is done, and in which order the
// batches leave. The work of jobs may run at once on several threads; the finish of the jobs of
// one lane runs in the order of their submission, one at a time. A lane is one direction of one
// peer, so a flow stays in order however many threads take part.
#ifndef WGBENCH_WORKERS_H
#define WGBENCH_WORKERS_H

#include <stdatomic.h>
#include <stdbool.h>

extern const char workers_variant[];

struct workers;
struct workers_lane;

// Embedded in each batch. All fields are the variant's between submit and finish.
struct workers_job {
	struct workers_lane *lane;
	atomic_int state;
};

// How a variant's own threads (if it has any) live in the tunnel. `path_enter` and `path_leave`
// bracket every call of a lane's finish on a thread of the variant's; a thread that submits is
// inside that bracket already. Each may sleep for a short time.
struct workers_hooks {
	void (*thread_start)(void *context);
	void (*thread_stop)(void *context);
	void (*path_enter)(void *context);
	void (*path_leave)(void *context);
	void *context;
};

// threads: how many at the most; 0: one per online CPU. NULL when out of memory or threads.
struct workers *workers_new(const struct workers_hooks *, unsigned threads);
// Every lane must have been freed.
void workers_free(struct workers *);

// work: any thread, any order, no lock held. finish: in the lane's order, one at a time, inside
// the path bracket; the job is the caller's again from then on. NULL when out of memory.
struct workers_lane *workers_lane_new(struct workers *, void (*work)(struct workers_job *),
                                      void (*finish)(struct workers_job *));
// Waits until every job of the lane is finished. The caller is outside the path bracket and sees
// to it that nobody submits any more.
void workers_lane_free(struct workers_lane *);

// false: the queue is full and the job stays the caller's, to be dropped. Submissions to one lane
// must be ordered by the caller (the path's readers never share a lane in one direction).
bool workers_submit(struct workers_lane *, struct workers_job *);

#endif
