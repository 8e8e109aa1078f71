// Workers variant `all`: a thread per online CPU from the start, and every job is theirs. How they
// share the jobs, complexity, memory and source: body/pool.c.
#include "variants/workers/body/pool.c"

#include <unistd.h>

const char workers_variant[] = "all";

struct workers {
	struct pool pool;
};

struct workers *workers_new(const struct workers_hooks *hooks, unsigned threads,
                            unsigned submitters)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = threads ? threads : online > 0 ? online : 1;
	struct workers *workers = calloc(1, sizeof(*workers));
	(void)submitters;
	if (!workers)
		return NULL;
	if (pool_init(&workers->pool, hooks, n, false)) {
		free(workers);
		return NULL;
	}
	if (pool_allow(&workers->pool, n)) {
		workers_free(workers);
		return NULL;
	}
	return workers;
}

void workers_free(struct workers *workers)
{
	if (!workers)
		return;
	pool_destroy(&workers->pool);
	free(workers);
}

struct workers_lane *workers_lane_new(struct workers *workers, const struct workers_stage *stage,
                                      void *context)
{
	return pool_lane_new(&workers->pool, stage, context);
}

bool workers_submit(struct workers_lane *lane, struct workers_job *job)
{
	return pool_submit(lane, job);
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
