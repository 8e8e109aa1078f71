#include "harness/judge/draw_fixed.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "harness/stats/signed_rank.h"

// The share of draws that the smallest effect must be found in.
static const double wanted = 0.9;

// Ratios sorted by start: where each start's begin; `begin` has room for n + 1.
static size_t find_starts(const unsigned *start, size_t n, size_t *begin)
{
	size_t starts = 0;

	for (size_t i = 0; i < n; i++)
		if (!i || start[i] != start[i - 1])
			begin[starts++] = i;
	begin[starts] = n;
	return starts;
}

// As many blocks from each drawn start as it has, until there are enough. Which of two equal
// tunnels is the candidate in a start is a toss of a coin, so a sign is drawn for each: without,
// what the blocks at hand show by chance would be in every draw.
static void draw(double *drawn, size_t blocks, const double *ratio, const size_t *begin,
                 size_t starts, uint64_t *state)
{
	for (size_t i = 0; i < blocks;) {
		size_t s = random_below(state, starts), held = begin[s + 1] - begin[s];
		int sign = random_next(state) & 1 ? 1 : -1;

		for (size_t j = 0; j < held && i < blocks; j++)
			drawn[i++] = sign * ratio[begin[s] + random_below(state, held)];
	}
}

static bool leaves_out(const struct stats_interval *i, double low, double high)
{
	return stats_above(i->low, high) || stats_above(low, i->high);
}

void selfcheck_draw(struct selfcheck_draws *p, const double *ratio, const unsigned *start, size_t n,
                    size_t blocks, double gate_percent, double error, unsigned draws, uint64_t seed)
{
	double *room = calloc((size_t)draws + blocks, sizeof(*room));
	size_t *begin = calloc(n + 1, sizeof(*begin));
	double *low = room, *drawn = room + draws;
	double gate = log1p(gate_percent / 100);
	uint64_t state = seed;

	if (!room || !begin)
		abort();
	*p = (struct selfcheck_draws){.blocks = blocks, .draws = draws, .found_percent = INFINITY};
	size_t starts = find_starts(start, n, begin);
	for (unsigned d = 0; starts && d < draws; d++) {
		draw(drawn, blocks, ratio, begin, starts, &state);
		// Ties among what is drawn come of drawing, so the interval isn't settled by them.
		struct stats_interval i = stats_walsh_interval(drawn, blocks, 1 - error);

		p->different += leaves_out(&i, 0, 0) / (double)draws;
		p->called += leaves_out(&i, log1p(-gate_percent / 100), gate) / (double)draws;
		low[d] = i.low;
	}
	// An effect e only moves the interval: it is found where low + e is above the gate.
	double lowest = starts ? stats_quantile(low, draws, 1 - wanted) : -INFINITY;
	if (isfinite(lowest))
		p->found_percent = 100 * expm1(gate - lowest);
	free(begin);
	free(room);
}
