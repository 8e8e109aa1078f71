#include "harness/plan/extension.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/stamp.h"
#include "base/text.h"
#include "harness/plan/interim_plan.h"

// Blocks are numbered from 0, and each that was begun is whole in a run that has ended.
static unsigned count_blocks(const struct store *st, const char *workload)
{
	unsigned blocks = 0;

	for (size_t i = 0; i < st->trials; i++)
		if (!strcmp(st->trial[i].workload, workload) && st->trial[i].block >= blocks)
			blocks = st->trial[i].block + 1;
	return blocks;
}

static double spent_s(const struct store *st)
{
	double spent = 0;

	for (size_t i = 0; i < st->trials; i++)
		spent += st->trial[i].duration_ns * 1e-9;
	return spent;
}

static bool goes_on(const struct run *r, const char *workload)
{
	enum end_reason end = run_end_of(r, workload);

	return end == END_BLOCKS || end == END_BUDGET;
}

// Why it can't be extended, and what to do; NULL: it can.
static const char *find_fault(const struct store *st)
{
	const struct run *r = &st->run;
	bool any = false;

	if (r->between)
		return "searches for a commit's side: wgbench bisect --resume goes on with that";
	if (r->times_extended == RUN_EXTENSIONS_MAX)
		return "was extended three times, after which hardly any error is left: begin a "
		       "new run";
	if (store_lost(st))
		return "has lost trials: measure them again first, by --resume alone";
	for (size_t i = 0; i < r->workloads; i++) {
		if (run_end_of(r, r->workload[i]) == END_NONE)
			return "isn't finished: finish it first, by --resume alone";
		any |= goes_on(r, r->workload[i]);
	}
	return any ? NULL : "is decided in every workload: there is nothing to add";
}

// Whether the test after the new blocks could reject anything, were all blocks clean. With a time,
// as many blocks are expected as it has had in the same time.
static bool has_error_left(const struct store *st, const struct run_extension *e, double share)
{
	const struct run *r = &st->run;
	struct interim analyses;

	if (interim_of_run(&analyses, r))
		return false;
	for (size_t i = 0; i < e->ends; i++) {
		size_t at[RUN_EXTENSIONS_MAX + 2], n = 0;
		const char *workload = e->end[i].workload;
		double more = ceil(e->end[i].blocks * share);

		for (size_t k = 0; k < r->times_extended; k++)
			if (run_extended_at(&r->extension[k], workload))
				at[n++] = run_extended_at(&r->extension[k], workload);
		at[n++] = e->end[i].blocks;
		at[n] = fmin(e->blocks, at[n - 1] + fmax(1, more));
		if (interim_error_extended(&analyses, at[0], at, n + 1) > 0)
			return true;
	}
	return false;
}

static void keep(struct run *r, const struct run_extension *e)
{
	r->extension = memory_resize(r->extension, r->times_extended + 1, sizeof(*r->extension));
	r->extension[r->times_extended++] = *e;
	for (size_t i = 0; i < e->ends; i++)
		run_set_end(r, e->end[i].workload, END_NONE);
}

static void free_extension(struct run_extension *e)
{
	for (size_t i = 0; i < e->ends; i++)
		free(e->end[i].workload);
	free(e->end);
	free(e->created);
}

static void plan_extension(struct run_extension *e, const struct store *st,
                           const struct extension *by)
{
	const struct run *r = &st->run;
	char created[STAMP_BYTES];
	unsigned most = 0;

	stamp_record(created, time(NULL));
	*e = (struct run_extension){.created = text_format("%s", created),
	                            .end = memory_new(r->workloads, sizeof(*e->end)),
	                            .budget_s = by->budget_s > 0 ? spent_s(st) + by->budget_s : 0};
	for (size_t i = 0; i < r->workloads; i++) {
		unsigned blocks = count_blocks(st, r->workload[i]);

		if (!goes_on(r, r->workload[i]) || !blocks)
			continue;
		e->end[e->ends++] = (struct run_blocks){text_format("%s", r->workload[i]), blocks};
		most = blocks > most ? blocks : most;
	}
	e->blocks = by->blocks ? most + by->blocks : RUN_BLOCKS_MAX;
}

int extension_add(struct store *st, const struct extension *by)
{
	const char *fault = find_fault(st);
	struct run_extension e;

	if (fault) {
		fprintf(stderr, "wgbench: %s %s\n", st->dir, fault);
		return -EINVAL;
	}
	plan_extension(&e, st, by);
	double share = by->budget_s > 0 ? by->budget_s / fmax(spent_s(st), 1e-9) : RUN_BLOCKS_MAX;
	if (e.blocks <= RUN_BLOCKS_MAX && has_error_left(st, &e, share)) {
		keep(&st->run, &e);
		return 0;
	}
	if (e.blocks > RUN_BLOCKS_MAX)
		fprintf(stderr, "wgbench: %s would have %u blocks, but at most %d can be judged\n",
		        st->dir, e.blocks, RUN_BLOCKS_MAX);
	else
		fprintf(stderr,
		        "wgbench: %s has too little of its %g %% of error left to decide anything "
		        "with so many more blocks: begin a new run of more blocks\n",
		        st->dir, 100 * INTERIM_ERROR);
	free_extension(&e);
	return -EINVAL;
}
