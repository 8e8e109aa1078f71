// What the variants `auto` and `numa` of `workers` share: run to completion while that keeps up,
// threads where it doesn't; they differ in where the threads run. Without a thread in use the
// submitter does a job's work and finish itself, as in variant `inline`. When
// its turns leave work waiting for long, a thread takes part, then another (policy.h); jobs are
// queued for them (body/pool.c), and beyond HELP_JOBS waiting for each thread the submitter does
// the work itself again: all CPUs are busy then, and a submitter that read on would only lengthen
// the queue. So whether its turns leave work waiting goes on to tell whether one more is wanted.
//
// Order within a lane while threads come and go: the submitter bypasses the rings only when nothing
// of the lane is on them; else its job is queued as done and leaves in its place.
//
// Threads are made when first wanted and then kept asleep. They come and go in the order of their
// numbers, the last that came first. At most: the CPUs that the process may run on, but one for
// each submitter and one for the applications; none on two CPUs, where all that is left of this
// are the loads of three variables for each job.
//
// Complexity, memory and thread safety: body/pool.c. Source: systems that park surplus workers, and
// control with hysteresis in general; the decision is ours.
#include "variants/workers/body/pool.c"
#include "variants/workers/policy.h"

#define HELP_JOBS 4
#define THREADS_MAX (RING_ENTRIES / HELP_JOBS / 2) // so that the queue isn't full before that

struct workers {
	struct pool pool;   // first: a lane's pool is its workers
	uint64_t serial;    // of all that were ever made: tells a thread's turns apart
	atomic_uint active; // the policy's, for submitters

	// Over all submitters since the last decision: how long work has been waiting; and when
	// that was, on the clock of their turns.
	atomic_uint_fast64_t backlog_ns, decided_ns;

	// Never waited for; guards the policy, the time of the last decision in pool_clock_ns(),
	// and how long the threads had slept until then.
	atomic_flag deciding;
	struct policy policy;
	int64_t real_ns, slept_ns;
};

// This thread's last turn. (Turns of one thread for several `workers` in alternation would count no
// backlog; the tunnel has one.)
static __thread struct {
	uint64_t serial, now_ns;
	bool backlog;
} turn;

// `workers` is zeroed. 0 or -ENOMEM.
static inline int adaptive_init(struct workers *workers, const struct workers_hooks *hooks,
                                unsigned max)
{
	static atomic_uint_fast64_t made;

	if (max > THREADS_MAX)
		max = THREADS_MAX;
	if (pool_init(&workers->pool, hooks, max, true))
		return -ENOMEM;
	policy_init(&workers->policy, max);
	workers->serial = atomic_fetch_add(&made, 1) + 1;
	workers->real_ns = pool_clock_ns();
	atomic_flag_clear(&workers->deciding);
	return 0;
}

struct workers_lane *workers_lane_new(struct workers *workers, const struct workers_stage *stage,
                                      void *context)
{
	return pool_lane_new(&workers->pool, stage, context);
}

bool workers_submit(struct workers_lane *lane, struct workers_job *job)
{
	struct workers *workers = (struct workers *)lane->pool;
	unsigned active = atomic_load_explicit(&workers->active, memory_order_relaxed);

	if (!active && lane_is_idle(lane)) {
		lane->stage.work(job);
		lane->stage.finish(job);
		lane->unflushed = true;
		return true;
	}
	size_t queued = atomic_load_explicit(&workers->pool.queued, memory_order_relaxed);
	bool taken =
	    queued >= (size_t)active * HELP_JOBS ? pool_do(lane, job) : pool_submit(lane, job);
	if (taken)
		lane->unflushed = false; // the drain that this job brings flushes for all
	return taken;
}

void workers_flush(struct workers_lane *lane)
{
	if (!lane->unflushed)
		return;
	lane->unflushed = false;
	if (lane->stage.flush)
		lane->stage.flush(lane->context);
}

static void decide(struct workers *workers, uint64_t now_ns)
{
	struct policy *policy = &workers->policy;
	struct pool *pool = &workers->pool;
	unsigned before = policy->active;
	int64_t elapsed_ns = now_ns - atomic_load(&workers->decided_ns);

	if (elapsed_ns < POLICY_WINDOW_NS)
		return; // another thread was faster
	int64_t real_ns = pool_clock_ns(), slept_ns = pool_slept_ns(pool, real_ns);
	int64_t real_elapsed_ns = real_ns - workers->real_ns;
	int64_t busy_ns =
	    atomic_load(&pool->started) * real_elapsed_ns - (slept_ns - workers->slept_ns);

	workers->real_ns = real_ns;
	workers->slept_ns = slept_ns;
	atomic_store(&workers->decided_ns, now_ns);
	policy_decide(policy, elapsed_ns, atomic_exchange(&workers->backlog_ns, 0),
	              busy_ns > 0 && real_elapsed_ns > 0 ? busy_ns * 1000 / real_elapsed_ns : 0);
	if (policy->active == before)
		return;
	if (pool_allow(pool, policy->active ? policy->active : 1))
		policy->active = policy->max = before; // the system gives no more threads
	atomic_store(&workers->active, policy->active);
}

void workers_turn(struct workers *workers, bool backlog, uint64_t now_ns)
{
	if (!workers->pool.max)
		return;
	if (turn.backlog && turn.serial == workers->serial)
		atomic_fetch_add(&workers->backlog_ns, now_ns - turn.now_ns);
	turn.serial = workers->serial;
	turn.now_ns = now_ns;
	turn.backlog = backlog;
	if ((int64_t)(now_ns - atomic_load_explicit(&workers->decided_ns, memory_order_relaxed)) <
	        POLICY_WINDOW_NS ||
	    atomic_flag_test_and_set(&workers->deciding))
		return;
	decide(workers, now_ns);
	atomic_flag_clear(&workers->deciding);
}
