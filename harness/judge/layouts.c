// The interval is a hierarchical bootstrap's, which draws layouts, within them starts, within them
// blocks.
#include "harness/judge/layouts.h"
#include "base/memory.h"
#include "harness/stats/bootstrap.h"
#include "harness/stats/signed_rank.h"

#include <math.h>
#include <stdlib.h>

static size_t gather_blocks(const struct verdict *v, struct stats_block block[STATS_BLOCKS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < v->series->blocks; i++) {
		const struct series_block *b = &v->series->block[i];
		double effect = verdict_block_effect(b, v->candidate, v->baseline);

		if (!isnan(effect) && !b->contaminated)
			block[n++] = (struct stats_block){b->build, b->start, effect};
	}
	return n;
}

static struct layout estimate_layout(const struct stats_block *block, size_t n, unsigned build)
{
	double value[STATS_BLOCKS_MAX];
	size_t held = 0;

	for (size_t i = 0; i < n; i++)
		if (block[i].build == build)
			value[held++] = block[i].value;
	return (struct layout){held, held ? 100 * expm1(stats_hodges_lehmann(value, held)) : NAN};
}

struct layouts layouts_of(const struct verdict *v)
{
	static const struct stats_bootstrap how = {stats_hodges_lehmann, 0.95, 2000, 1};
	struct stats_block block[STATS_BLOCKS_MAX] = {0};
	size_t n = gather_blocks(v, block);
	struct stats_interval all = stats_hierarchical(block, n, &how);
	struct layouts l = {.low = -INFINITY, .high = INFINITY};

	for (size_t i = 0; i < n; i++)
		l.n = block[i].build >= l.n ? block[i].build + 1 : l.n;
	l.layout = memory_new(l.n, sizeof(*l.layout));
	for (size_t i = 0; i < l.n; i++)
		l.layout[i] = estimate_layout(block, n, i);
	if (all.coverage > 0) {
		l.low = 100 * expm1(all.low);
		l.high = 100 * expm1(all.high);
	}
	return l;
}

void layouts_free(struct layouts *l)
{
	free(l->layout);
	l->layout = NULL;
	l->n = 0;
}
