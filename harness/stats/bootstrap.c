#include "harness/stats/bootstrap.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

static const struct stats_interval unknown = {-INFINITY, INFINITY, 0};

static int by_origin(const void *a, const void *b)
{
	const struct stats_block *x = a, *y = b;

	if (x->build != y->build)
		return x->build < y->build ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

// Blocks in the order of their origin, and where groups of them begin: group i of `start` is from
// start[i] to before start[i + 1], and build[i] is such an index into `start`.
struct tree {
	struct stats_block *block;
	size_t *start, *build;
	size_t starts, builds;
};

static void plant(struct tree *t, const struct stats_block *block, size_t n)
{
	*t = (struct tree){.block = memory_new(n, sizeof(*block)),
	                   .start = memory_new(n + 1, sizeof(*t->start)),
	                   .build = memory_new(n + 1, sizeof(*t->build))};
	for (size_t i = 0; i < n; i++)
		t->block[i] = block[i];
	qsort(t->block, n, sizeof(*block), by_origin);
	for (size_t i = 0; i < n; i++) {
		if (!i || t->block[i].build != t->block[i - 1].build)
			t->build[t->builds++] = t->starts;
		if (!i || by_origin(&t->block[i], &t->block[i - 1]))
			t->start[t->starts++] = i;
	}
	t->start[t->starts] = n;
	t->build[t->builds] = t->starts;
}

static void fell(struct tree *t)
{
	free(t->block);
	free(t->start);
	free(t->build);
}

// The most blocks that a resample can have: as if each build were the one with the most starts,
// and each start the one with the most blocks.
static size_t room_of(const struct tree *t)
{
	size_t most_starts = 0, most_blocks = 0;

	for (size_t i = 0; i < t->builds; i++)
		most_starts = fmax(most_starts, t->build[i + 1] - t->build[i]);
	for (size_t i = 0; i < t->starts; i++)
		most_blocks = fmax(most_blocks, t->start[i + 1] - t->start[i]);
	return t->builds * most_starts * most_blocks;
}

static size_t pick(uint64_t *random, size_t begin, size_t end)
{
	return begin + random_below(random, end - begin);
}

// How many blocks were drawn.
static size_t draw(const struct tree *t, uint64_t *random, double *drawn)
{
	size_t n = 0;

	for (size_t i = 0; i < t->builds; i++) {
		const size_t *build = &t->build[pick(random, 0, t->builds)];

		for (size_t j = build[0]; j < build[1]; j++) {
			const size_t *start = &t->start[pick(random, build[0], build[1])];

			for (size_t k = start[0]; k < start[1]; k++)
				drawn[n++] = t->block[pick(random, start[0], start[1])].value;
		}
	}
	return n;
}

struct stats_interval stats_hierarchical(const struct stats_block *block, size_t n,
                                         const struct stats_bootstrap *b)
{
	struct stats_interval interval = unknown;
	uint64_t random = b->seed;
	double *replicate, *drawn;
	struct tree t;

	if (n < 2)
		return interval;
	plant(&t, block, n);
	replicate = memory_new(b->resamples, sizeof(*replicate));
	drawn = memory_new(room_of(&t), sizeof(*drawn));
	for (unsigned i = 0; i < b->resamples; i++) {
		size_t count = draw(&t, &random, drawn);

		replicate[i] = b->statistic(drawn, count);
	}
	interval.low = stats_quantile(replicate, b->resamples, (1 - b->level) / 2);
	interval.high = stats_quantile(replicate, b->resamples, (1 + b->level) / 2);
	interval.coverage = b->level;
	free(drawn);
	free(replicate);
	fell(&t);
	return interval;
}
