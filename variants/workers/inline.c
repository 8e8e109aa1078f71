// Workers variant `inline`: run to completion. The thread that submits a job does its work and its
// finish at once, so there are no threads, no queue and no hand-off: a submission is never refused,
// and the hooks are never called, since the submitting thread is inside the path bracket already.
//
// Complexity: two calls a job. Memory: a stage a lane. Thread safety: a lane has one
// submitter at a time, and the order of submission is the order of finish.
// Source: the run-to-completion model of packet processing.
#include "variants/workers/workers.h"

#include <stdlib.h>

const char workers_variant[] = "inline";

struct workers {
	char nothing;
};

struct workers_lane {
	struct workers_stage stage;
	void *context;
	bool unflushed; // jobs were finished since the last flush
};

struct workers *workers_new(const struct workers_hooks *hooks, unsigned threads,
                            unsigned submitters)
{
	(void)hooks;
	(void)threads;
	(void)submitters;
	return malloc(sizeof(struct workers));
}

void workers_free(struct workers *workers)
{
	free(workers);
}

struct workers_lane *workers_lane_new(struct workers *workers, const struct workers_stage *stage,
                                      void *context)
{
	struct workers_lane *lane = malloc(sizeof(*lane));

	(void)workers;
	if (lane)
		*lane = (struct workers_lane){*stage, context, false};
	return lane;
}

void workers_lane_free(struct workers_lane *lane)
{
	free(lane);
}

bool workers_submit(struct workers_lane *lane, struct workers_job *job)
{
	lane->stage.work(job);
	lane->stage.finish(job);
	lane->unflushed = true;
	return true;
}

void workers_flush(struct workers_lane *lane)
{
	if (!lane->unflushed)
		return;
	lane->unflushed = false;
	if (lane->stage.flush)
		lane->stage.flush(lane->context);
}

void workers_turn(struct workers *workers, bool backlog, uint64_t now_ns)
{
	(void)workers;
	(void)backlog;
	(void)now_ns;
}
