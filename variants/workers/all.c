// Workers variant `all`: a thread per online CPU, whichever is free takes the next job. A job goes
// on its lane's ring, which keeps the order, then on the device's ring, which feeds the threads. A
// thread does the work, marks the job done, and becomes the lane's drainer unless there is one: the
// drainer finishes jobs from the head of the lane until it meets one that isn't done, and flushes.
//
// Room is reserved by counting before anything is queued, so both pushes find room and a refused
// job has never been on a ring. (The rejected alternative, to push and take back when the second
// ring is full, would need rings from whose middle one can remove.)
//
// Complexity: a constant number of atomic operations a job, and a wake-up (a system call) only
// when a thread sleeps. Memory: a ring of 1024 entries for the device and for each lane.
// Thread safety: that of the contract; the protocols are told at the fields below.
// Source: the parallel queueing of the Linux kernel's WireGuard driver (queueing.h).
#include "variants/workers/workers.h"
#include "variants/ring/ring.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

const char workers_variant[] = "all";

#define RING_ENTRIES 1024
#define POP_MAX 4

enum { QUEUED, DONE };

struct workers {
	struct workers_hooks hooks;
	struct ring *jobs;
	// Reserved before the push, given back after the pop: never below what the ring holds.
	atomic_size_t queued;

	// A thread that is about to sleep counts itself and looks at `queued` again; who submits
	// looks at `sleepers` after `queued`. Who takes one off `sleepers` owes one permit, so a
	// sleeper is woken once, and nobody is woken when all are awake.
	atomic_uint sleepers;
	sem_t permits;
	atomic_bool stopping;

	// Those who wait in lane_free; a thread that lets go of a lane looks here afterwards.
	atomic_uint closers;
	pthread_mutex_t lock;
	pthread_cond_t released;

	unsigned n, started; // threads: wanted, and made so far
	pthread_t threads[];
};

struct workers_lane {
	struct workers *workers;
	struct workers_stage stage;
	void *context;
	struct ring *order;
	struct workers_job *head; // the drainer's: popped off `order`, not done when last seen

	// Raised by every thread that has marked a job done. Who raises it from 0 is the drainer
	// until it has put it back to 0, which fails when another raised it in between.
	atomic_uint signals;

	// Jobs since the lane was made. `released` counts those whose thread won't touch the lane
	// again; when all are, all are finished and flushed, as the last drainer was one of these
	// threads.
	size_t submitted;       // the submitter's
	atomic_size_t finished; // the drainer's
	atomic_size_t released;
};

// ---- draining

static bool head_is_done(struct workers_lane *lane)
{
	void *next;

	if (!lane->head && ring_pop(lane->order, &next, 1))
		lane->head = next;
	return lane->head && atomic_load_explicit(&lane->head->state, memory_order_acquire) == DONE;
}

static void drain(struct workers_lane *lane)
{
	const struct workers_hooks *hooks = &lane->workers->hooks;
	bool inside = false, unflushed = false;
	unsigned seen;

	if (atomic_fetch_add(&lane->signals, 1))
		return;
	do {
		seen = atomic_load(&lane->signals);
		while (head_is_done(lane)) {
			struct workers_job *job = lane->head;
			lane->head = NULL;
			if (!inside)
				hooks->path_enter(hooks->context);
			inside = true;
			lane->stage.finish(job);
			unflushed = true;
			atomic_fetch_add(&lane->finished, 1);
		}
		// Not while another signal shows that there is more to finish.
		if (unflushed && lane->stage.flush && atomic_load(&lane->signals) == seen) {
			lane->stage.flush(lane->context);
			unflushed = false;
		}
	} while (!atomic_compare_exchange_strong(&lane->signals, &seen, 0));
	if (inside)
		hooks->path_leave(hooks->context);
}

static void release(struct workers_lane *lane, size_t jobs)
{
	struct workers *workers = lane->workers; // the lane may go with the next line

	atomic_fetch_add(&lane->released, jobs);
	if (!atomic_load(&workers->closers))
		return;
	pthread_mutex_lock(&workers->lock);
	pthread_cond_broadcast(&workers->released);
	pthread_mutex_unlock(&workers->lock);
}

// ---- the threads

static bool take_sleeper(struct workers *workers)
{
	unsigned sleepers = atomic_load(&workers->sleepers);

	while (sleepers &&
	       !atomic_compare_exchange_weak(&workers->sleepers, &sleepers, sleepers - 1))
		;
	return sleepers;
}

static void sleep_unless_queued(struct workers *workers)
{
	atomic_fetch_add(&workers->sleepers, 1);
	if ((atomic_load(&workers->queued) || atomic_load(&workers->stopping)) &&
	    take_sleeper(workers)) {
		sched_yield(); // what is reserved may not have been pushed yet
		return;
	}
	while (sem_wait(&workers->permits))
		;
}

// This thread's share of what waits, so that it doesn't hoard work while others sleep.
static size_t pop(struct workers *workers, void **jobs)
{
	size_t share = ring_count(workers->jobs) / workers->n;
	size_t n = ring_pop(workers->jobs, jobs, share < 1 ? 1 : share > POP_MAX ? POP_MAX : share);

	if (n)
		atomic_fetch_sub(&workers->queued, n);
	return n;
}

static void process(void **jobs, size_t n)
{
	size_t run = 0; // jobs in a row of one lane

	for (size_t i = 0; i < n; i++) {
		struct workers_job *job = jobs[i], *next = i + 1 < n ? jobs[i + 1] : NULL;
		struct workers_lane *lane = job->lane;

		lane->stage.work(job);
		atomic_store_explicit(&job->state, DONE, memory_order_release);
		run++;
		if (next && next->lane == lane)
			continue;
		drain(lane);
		release(lane, run);
		run = 0;
	}
}

static void *run_thread(void *context)
{
	struct workers *workers = context;
	void *jobs[POP_MAX];

	workers->hooks.thread_start(workers->hooks.context);
	while (!atomic_load(&workers->stopping)) {
		size_t n = pop(workers, jobs);
		if (n)
			process(jobs, n);
		else
			sleep_unless_queued(workers);
	}
	workers->hooks.thread_stop(workers->hooks.context);
	return NULL;
}

// Signals are for the program's own threads.
static int start_threads(struct workers *workers)
{
	sigset_t all, before;
	int ret = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (!ret && workers->started < workers->n) {
		ret =
		    -pthread_create(&workers->threads[workers->started], NULL, run_thread, workers);
		workers->started += !ret;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

static void stop_threads(struct workers *workers)
{
	atomic_store(&workers->stopping, true);
	while (take_sleeper(workers))
		sem_post(&workers->permits);
	for (unsigned i = 0; i < workers->started; i++)
		pthread_join(workers->threads[i], NULL);
}

// ---- the contract

struct workers *workers_new(const struct workers_hooks *hooks, unsigned threads)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = threads ? threads : online > 0 ? online : 1;
	struct workers *workers = calloc(1, sizeof(*workers) + n * sizeof(workers->threads[0]));
	if (!workers)
		return NULL;
	workers->hooks = *hooks;
	workers->jobs = ring_new(RING_ENTRIES);
	if (!workers->jobs)
		goto err_ring;
	sem_init(&workers->permits, 0, 0);
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->released, NULL);
	workers->n = n;
	if (start_threads(workers))
		goto err_threads;
	return workers;
err_threads:
	workers_free(workers);
	return NULL;
err_ring:
	free(workers);
	return NULL;
}

void workers_free(struct workers *workers)
{
	if (!workers)
		return;
	stop_threads(workers);
	sem_destroy(&workers->permits);
	pthread_mutex_destroy(&workers->lock);
	pthread_cond_destroy(&workers->released);
	ring_free(workers->jobs);
	free(workers);
}

struct workers_lane *workers_lane_new(struct workers *workers, const struct workers_stage *stage,
                                      void *context)
{
	struct workers_lane *lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	lane->order = ring_new(RING_ENTRIES);
	if (!lane->order) {
		free(lane);
		return NULL;
	}
	lane->workers = workers;
	lane->stage = *stage;
	lane->context = context;
	return lane;
}

void workers_lane_free(struct workers_lane *lane)
{
	if (!lane)
		return;
	struct workers *workers = lane->workers;

	atomic_fetch_add(&workers->closers, 1);
	pthread_mutex_lock(&workers->lock);
	while (atomic_load(&lane->released) != lane->submitted)
		pthread_cond_wait(&workers->released, &workers->lock);
	pthread_mutex_unlock(&workers->lock);
	atomic_fetch_sub(&workers->closers, 1);
	ring_free(lane->order);
	free(lane);
}

// There is room; a ring may need another thread to end its own pop before it sees so.
static void push(struct ring *ring, struct workers_job *job)
{
	while (!ring_push(ring, (void *[]){job}, 1))
		sched_yield();
}

bool workers_submit(struct workers_lane *lane, struct workers_job *job)
{
	struct workers *workers = lane->workers;

	if (lane->submitted - atomic_load(&lane->finished) >= RING_ENTRIES)
		return false;
	if (atomic_fetch_add(&workers->queued, 1) >= RING_ENTRIES) {
		atomic_fetch_sub(&workers->queued, 1);
		return false;
	}
	lane->submitted++;
	job->lane = lane;
	atomic_store_explicit(&job->state, QUEUED, memory_order_relaxed);
	push(lane->order, job);
	push(workers->jobs, job);
	if (take_sleeper(workers))
		sem_post(&workers->permits);
	return true;
}

// The threads flush what they finish.
void workers_flush(struct workers_lane *lane)
{
	(void)lane;
}

void workers_turn(struct workers *workers, bool backlog, uint64_t now_ns)
{
	(void)workers;
	(void)backlog;
	(void)now_ns;
}
