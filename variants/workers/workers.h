// Slot `workers`: on which threads the cipher's work of a batch is done, and in which order the
// batches leave. The work of jobs may run at once on several threads; the finish of the jobs of
// one lane runs in the order of their submission, one at a time. A lane is one direction of one
// peer, so a flow stays in order however many threads take part.
#ifndef WGBENCH_WORKERS_H
#define WGBENCH_WORKERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

extern const char workers_variant[];

struct workers;
struct workers_lane;

// Embedded in each batch. All fields are the variant's between submit and finish.
struct workers_job {
	struct workers_lane *lane;
	atomic_int state;
};

// How a variant's own threads (if it has any) live in the tunnel. `path_enter` and `path_leave`
// bracket every call of a lane's finish and flush on a thread of the variant's; a thread that
// submits is inside that bracket already. Each may sleep for a short time.
struct workers_hooks {
	void (*thread_start)(void *context);
	void (*thread_stop)(void *context);
	void (*path_enter)(void *context);
	void (*path_leave)(void *context);
	void *context;
};

// What is done with the jobs of a lane.
struct workers_stage {
	// Any thread, any order, no lock held.
	void (*work)(struct workers_job *);
	// In the lane's order, one at a time, inside the path bracket; the job is the caller's
	// again from then on.
	void (*finish)(struct workers_job *);
	// NULL: none. Inside the path bracket and never at once with a finish or flush of the lane:
	// at some time after each run of finishes, never without a finish since the last, so that
	// what finishes have held back goes on. After the last finish there is one more.
	void (*flush)(void *context);
};

// threads: how many at the most; 0: as many as the variant finds right. submitters: how many
// threads will submit, at least 1; a variant that fits its threads to the CPUs leaves one to each
// of them. NULL when out of memory or threads.
struct workers *workers_new(const struct workers_hooks *, unsigned threads, unsigned submitters);
// Every lane must have been freed.
void workers_free(struct workers *);

// The stage is copied; context: what its flush gets. NULL when out of memory.
struct workers_lane *workers_lane_new(struct workers *, const struct workers_stage *,
                                      void *context);
// Waits until every job of the lane is finished and flushed. The caller is outside the path bracket
// and sees to it that nobody submits any more and that workers_flush came after the last
// submission.
void workers_lane_free(struct workers_lane *);

// false: the queue is full and the job stays the caller's, to be dropped. Submissions to one lane
// must be ordered by the caller (the path's readers never share a lane in one direction).
bool workers_submit(struct workers_lane *, struct workers_job *);

// The submitter, still inside the path bracket, has no more for this lane in its present turn. Jobs
// that were finished in its own thread are flushed here; those that a thread of the variant's
// finished were, or will be, flushed there.
void workers_flush(struct workers_lane *);

// A thread that submits says at the end of each of its turns, outside the path bracket, whether it
// leaves work waiting: its reads ended by a budget and not because there was no more. false also
// before it sleeps. now_ns: never less than in the thread's last call. Any number of threads at
// once; no system call and no lock unless the variant then changes how many threads it uses.
void workers_turn(struct workers *, bool backlog, uint64_t now_ns);

#endif
