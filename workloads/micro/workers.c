// What a hand-off costs: empty jobs from submission to finish. The submitter waits by polling, as
// a busy path thread would be busy with something else.
#include "workloads/micro/micro.h"
#include "variants/ring/backoff.h"
#include "variants/workers/workers.h"

const char *const micro_slot = "workers", *const micro_variant = workers_variant;

enum { LANES_MAX = 8, JOBS = 256 };

struct job {
	struct workers_job job;
	atomic_bool finished;
};

static struct {
	struct workers *workers;
	struct workers_lane *lane[LANES_MAX];
	size_t lanes;
	struct job job[JOBS];
} work;

static void ignore(void *context)
{
	(void)context;
}

static void do_nothing(struct workers_job *job)
{
	(void)job;
}

static void finish(struct workers_job *job)
{
	atomic_store_explicit(&((struct job *)job)->finished, true, memory_order_release);
}

static void set_up(struct cbenchmark_state *state, void *context)
{
	static const struct workers_hooks hooks = {ignore, ignore, ignore, ignore, NULL};
	static const struct workers_stage stage = {do_nothing, finish, NULL};

	(void)context;
	work.lanes = cbenchmark_argument(state, 0);
	work.workers = workers_new(&hooks, 0, 1);
	for (size_t i = 0; i < JOBS; i++)
		atomic_init(&work.job[i].finished, true);
	for (size_t i = 0; i < work.lanes && work.workers; i++) {
		work.lane[i] = workers_lane_new(work.workers, &stage, NULL);
		if (!work.lane[i])
			cbenchmark_skip(state, "workers_lane_new: out of memory");
	}
	if (!work.workers)
		cbenchmark_skip(state, "workers_new: out of memory or threads");
}

static void tear_down(struct cbenchmark_state *state, void *context)
{
	(void)state;
	(void)context;
	for (size_t i = 0; i < work.lanes; i++)
		workers_lane_free(work.lane[i]);
	workers_free(work.workers);
}

static void await(struct job *job)
{
	unsigned waited = 0;

	while (!atomic_load_explicit(&job->finished, memory_order_acquire))
		backoff(&waited);
}

static void submit(size_t number)
{
	struct job *job = &work.job[number % JOBS];
	unsigned waited = 0;

	await(job);
	atomic_store_explicit(&job->finished, false, memory_order_relaxed);
	while (!workers_submit(work.lane[number % work.lanes], &job->job))
		backoff(&waited);
}

// One job a lane, and all are awaited before the next: what a lone batch has to wait for.
static void hand_off(struct cbenchmark_state *state, void *context)
{
	(void)context;
	while (cbenchmark_keep_running_batch(state, work.lanes)) {
		for (size_t i = 0; i < work.lanes; i++)
			submit(i);
		for (size_t i = 0; i < work.lanes; i++)
			await(&work.job[i]);
	}
}

// Up to JOBS under way, round the lanes: what each of many batches costs.
static void stream(struct cbenchmark_state *state, void *context)
{
	size_t number = 0;

	(void)context;
	while (cbenchmark_keep_running_batch(state, JOBS))
		for (size_t i = 0; i < JOBS; i++)
			submit(number++);
	for (size_t i = 0; i < JOBS; i++)
		await(&work.job[i]);
}

void micro_register(void)
{
	static const int64_t lanes[] = {1, LANES_MAX};
	struct cbenchmark entry = {.setup = set_up,
	                           .teardown = tear_down,
	                           .dimension = {CBENCHMARK_VALUES("lanes", lanes)},
	                           .time = CBENCHMARK_REAL_TIME};

	entry.name = "hand_off";
	entry.run = hand_off;
	micro_add(&entry);
	entry.name = "stream";
	entry.run = stream;
	micro_add(&entry);
}
