// The threads, queues and lanes that the variants of `workers` with threads share; a variant adds
// its policy: which jobs are queued, and how many threads take part.
//
// A job goes on its lane's ring, which keeps the order, then on the pool's ring, which feeds the
// threads; whichever thread is free takes it. A thread does the work, marks the job done, and
// becomes the lane's drainer unless there is one: the drainer finishes jobs from the head of the
// lane until it meets one that isn't done, and flushes. A submitter may do the work itself
// (pool_do): its job is on the lane's ring as well, done from the start, and it drains like a
// thread.
//
// Room is reserved by counting before anything is queued, so both pushes find room and a refused
// job has never been on a ring. (The rejected alternative, to push and take back when the second
// ring is full, would need rings from whose middle one can remove.)
//
// Complexity: a constant number of atomic operations a job, and a wake-up (a system call) only
// when a thread sleeps that takes part. Memory: a ring of 1024 entries for the pool and for each
// lane. Thread safety: that of the contract; the protocols are told at the fields below.
// Source: the parallel queueing of the Linux kernel's WireGuard driver (queueing.h).
#include "variants/workers/workers.h"
#include "variants/ring/ring.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#define RING_ENTRIES 1024
#define POP_MAX 4

enum { QUEUED, DONE };

struct pool_thread {
	pthread_t id;
	struct pool *pool;
	pthread_cond_t wanted; // with the pool's `lock`: it takes part again, or the pool ends
	// Of a timed pool, in pool_clock_ns(): how long the thread has slept in all; while it
	// sleeps, that less the time at which it lay down, which is negative. One word, so that
	// whoever reads it never sees half a change.
	_Alignas(64) atomic_int_fast64_t slept_ns;
};

struct pool {
	struct workers_hooks hooks;
	bool timed; // how long threads sleep is measured
	// Called in each thread before all else, with its number from 0 on; NULL: nothing is.
	void (*begin)(struct pool *, unsigned thread);
	struct ring *jobs;
	// Reserved before the push, given back after the pop: never below what the ring holds.
	atomic_size_t queued;

	// A thread that is about to sleep counts itself and looks at `queued` again; who submits
	// looks at `sleepers` after `queued`. Who takes one off `sleepers` owes one permit, so a
	// sleeper is woken once, and nobody is woken when all are awake.
	atomic_uint sleepers;
	sem_t permits;
	atomic_bool stopping;

	// The first so many threads take part, at least one from the first pool_allow on; `lock`
	// guards changes. The others rest, uncounted. One that lay down as a sleeper before goes
	// to rest when a permit reaches it, and hands that on: while jobs are queued, a sleeper
	// is taken off, or there is none, and then the first thread is awake and looks at `queued`
	// before it sleeps. (The rejected alternative, to let any so many threads sleep, needs no
	// rest, but then chance decides which CPUs are left.)
	atomic_uint allowed;

	// Those who wait in workers_lane_free; a thread that lets go of a lane looks here
	// afterwards.
	atomic_uint closers;
	pthread_mutex_t lock;
	pthread_cond_t released;

	unsigned max;
	atomic_uint started;
	struct pool_thread *threads; // `max`
};

struct workers_lane {
	struct pool *pool;
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

	bool
	    unflushed; // the submitter's: it has finished jobs past the rings, the last ones so far
};

// ---- draining

static inline bool head_is_done(struct workers_lane *lane)
{
	void *next;

	if (!lane->head && ring_pop(lane->order, &next, 1))
		lane->head = next;
	return lane->head && atomic_load_explicit(&lane->head->state, memory_order_acquire) == DONE;
}

// bracketed: the caller is inside the path bracket.
static inline void drain(struct workers_lane *lane, bool bracketed)
{
	const struct workers_hooks *hooks = &lane->pool->hooks;
	bool inside = bracketed, unflushed = false;
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
	if (inside && !bracketed)
		hooks->path_leave(hooks->context);
}

static inline void release(struct workers_lane *lane, size_t jobs)
{
	struct pool *pool = lane->pool; // the lane may go with the next line

	atomic_fetch_add(&lane->released, jobs);
	if (!atomic_load(&pool->closers))
		return;
	pthread_mutex_lock(&pool->lock);
	pthread_cond_broadcast(&pool->released);
	pthread_mutex_unlock(&pool->lock);
}

// ---- the threads

static inline int64_t pool_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline bool take_sleeper(struct pool *pool)
{
	unsigned sleepers = atomic_load(&pool->sleepers);

	while (sleepers)
		if (atomic_compare_exchange_weak(&pool->sleepers, &sleepers, sleepers - 1))
			return true;
	return false;
}

static inline void wake_sleeper(struct pool *pool)
{
	if (take_sleeper(pool))
		sem_post(&pool->permits);
}

static inline void lie_down(struct pool_thread *self)
{
	if (self->pool->timed)
		atomic_fetch_sub(&self->slept_ns, pool_clock_ns());
}

static inline void get_up(struct pool_thread *self)
{
	if (self->pool->timed)
		atomic_fetch_add(&self->slept_ns, pool_clock_ns());
}

static inline void sleep_unless_queued(struct pool_thread *self)
{
	struct pool *pool = self->pool;

	atomic_fetch_add(&pool->sleepers, 1);
	if ((atomic_load(&pool->queued) || atomic_load(&pool->stopping)) && take_sleeper(pool)) {
		sched_yield(); // what is reserved may not have been pushed yet
		return;
	}
	lie_down(self);
	while (sem_wait(&pool->permits))
		;
	get_up(self);
}

static inline bool takes_part(const struct pool_thread *self)
{
	return self - self->pool->threads < (ptrdiff_t)atomic_load(&self->pool->allowed);
}

static inline void rest(struct pool_thread *self)
{
	struct pool *pool = self->pool;

	if (atomic_load(&pool->queued))
		wake_sleeper(pool);
	lie_down(self);
	pthread_mutex_lock(&pool->lock);
	while (!takes_part(self) && !atomic_load(&pool->stopping))
		pthread_cond_wait(&self->wanted, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	get_up(self);
}

// The time that all threads together have slept until now_ns, in pool_clock_ns().
static inline int64_t pool_slept_ns(struct pool *pool, int64_t now_ns)
{
	unsigned n = atomic_load(&pool->started);
	int64_t sum_ns = 0;

	for (unsigned i = 0; i < n; i++) {
		int64_t slept_ns = atomic_load(&pool->threads[i].slept_ns);
		sum_ns += slept_ns < 0 ? slept_ns + now_ns : slept_ns;
	}
	return sum_ns;
}

// This thread's share of what waits, so that it doesn't hoard work while others sleep.
static inline size_t pop(struct pool *pool, void **jobs)
{
	size_t share = ring_count(pool->jobs) / atomic_load(&pool->allowed);
	size_t n = ring_pop(pool->jobs, jobs, share < 1 ? 1 : share > POP_MAX ? POP_MAX : share);

	if (n)
		atomic_fetch_sub(&pool->queued, n);
	return n;
}

static inline void process(void **jobs, size_t n)
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
		drain(lane, false);
		release(lane, run);
		run = 0;
	}
}

static void *run_thread(void *context)
{
	struct pool_thread *self = context;
	struct pool *pool = self->pool;
	void *jobs[POP_MAX];

	if (pool->begin)
		pool->begin(pool, self - pool->threads);
	pool->hooks.thread_start(pool->hooks.context);
	while (!atomic_load(&pool->stopping)) {
		if (!takes_part(self)) {
			rest(self);
			continue;
		}
		size_t n = pop(pool, jobs);
		if (n)
			process(jobs, n);
		else
			sleep_unless_queued(self);
	}
	pool->hooks.thread_stop(pool->hooks.context);
	return NULL;
}

// Lets the first `n` threads take part, 1 to `max`, and makes those that there aren't yet. One
// caller at a time. 0 or -errno: then nothing has changed but the number of threads.
static inline int pool_allow(struct pool *pool, unsigned n)
{
	sigset_t all, before;
	int ret = 0;

	// Signals are for the program's own threads.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = atomic_load(&pool->started); !ret && i < n; i++) {
		struct pool_thread *t = &pool->threads[i];
		t->pool = pool;
		ret = -pthread_create(&t->id, NULL, run_thread, t);
		if (!ret)
			atomic_store(&pool->started, i + 1);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return ret;
	pthread_mutex_lock(&pool->lock);
	for (unsigned i = atomic_exchange(&pool->allowed, n); i < n; i++)
		pthread_cond_signal(&pool->threads[i].wanted);
	pthread_mutex_unlock(&pool->lock);
	if (atomic_load(&pool->queued))
		wake_sleeper(pool);
	return 0;
}

// ---- life

// No thread yet. 0 or -ENOMEM.
static inline int pool_init(struct pool *pool, const struct workers_hooks *hooks, unsigned max,
                            bool timed)
{
	pool->hooks = *hooks;
	pool->timed = timed;
	pool->max = max;
	pool->jobs = ring_new(RING_ENTRIES);
	if (!pool->jobs)
		return -ENOMEM;
	size_t bytes = (max ? max : 1) * sizeof(pool->threads[0]);
	pool->threads = aligned_alloc(_Alignof(struct pool_thread), bytes);
	if (!pool->threads) {
		ring_free(pool->jobs);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < max; i++) {
		pool->threads[i] = (struct pool_thread){0};
		pthread_cond_init(&pool->threads[i].wanted, NULL);
	}
	sem_init(&pool->permits, 0, 0);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->released, NULL);
	return 0;
}

// Every lane must have been freed.
static inline void pool_destroy(struct pool *pool)
{
	unsigned started = atomic_load(&pool->started);

	atomic_store(&pool->stopping, true);
	while (take_sleeper(pool))
		sem_post(&pool->permits);
	pthread_mutex_lock(&pool->lock);
	for (unsigned i = 0; i < started; i++)
		pthread_cond_signal(&pool->threads[i].wanted);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < started; i++)
		pthread_join(pool->threads[i].id, NULL);
	for (unsigned i = 0; i < pool->max; i++)
		pthread_cond_destroy(&pool->threads[i].wanted);
	sem_destroy(&pool->permits);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->released);
	free(pool->threads);
	ring_free(pool->jobs);
}

static inline struct workers_lane *pool_lane_new(struct pool *pool,
                                                 const struct workers_stage *stage, void *context)
{
	struct workers_lane *lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	lane->order = ring_new(RING_ENTRIES);
	if (!lane->order) {
		free(lane);
		return NULL;
	}
	lane->pool = pool;
	lane->stage = *stage;
	lane->context = context;
	return lane;
}

void workers_lane_free(struct workers_lane *lane)
{
	if (!lane)
		return;
	struct pool *pool = lane->pool;

	atomic_fetch_add(&pool->closers, 1);
	pthread_mutex_lock(&pool->lock);
	while (atomic_load(&lane->released) != lane->submitted)
		pthread_cond_wait(&pool->released, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	atomic_fetch_sub(&pool->closers, 1);
	ring_free(lane->order);
	free(lane);
}

// ---- submitting

// There is room; a ring may need another thread to end its own pop before it sees so.
static inline void push(struct ring *ring, struct workers_job *job)
{
	while (!ring_push(ring, (void *[]){job}, 1))
		sched_yield();
}

static inline void push_order(struct workers_lane *lane, struct workers_job *job, int state)
{
	lane->submitted++;
	job->lane = lane;
	atomic_store_explicit(&job->state, state, memory_order_relaxed);
	push(lane->order, job);
}

static inline bool lane_is_full(struct workers_lane *lane)
{
	return lane->submitted - atomic_load(&lane->finished) >= RING_ENTRIES;
}

// Queues the job for the threads, of which there must be one. false: there is no room.
static inline bool pool_submit(struct workers_lane *lane, struct workers_job *job)
{
	struct pool *pool = lane->pool;

	if (lane_is_full(lane))
		return false;
	if (atomic_fetch_add(&pool->queued, 1) >= RING_ENTRIES) {
		atomic_fetch_sub(&pool->queued, 1);
		return false;
	}
	push_order(lane, job, QUEUED);
	push(pool->jobs, job);
	wake_sleeper(pool);
	return true;
}

// Does the work here and lets the job leave in its order. false: the lane is full.
static inline bool pool_do(struct workers_lane *lane, struct workers_job *job)
{
	if (lane_is_full(lane))
		return false;
	lane->stage.work(job);
	push_order(lane, job, DONE);
	drain(lane, true);
	release(lane, 1);
	return true;
}

// The submitter's: whether nothing of the lane is on a ring and nobody drains it. What threads did
// for the lane is visible then.
static inline bool lane_is_idle(struct workers_lane *lane)
{
	return atomic_load_explicit(&lane->released, memory_order_acquire) == lane->submitted;
}
