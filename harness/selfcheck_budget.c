#include "harness/selfcheck_budget.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/random.h"
#include "harness/stats_rank.h"

// How many of the outermost Walsh averages on each side each look's interval leaves out.
struct criticals {
	size_t outside[STATS_LOOKS_MAX];
};

static void find_criticals(struct criticals *c, const struct looks *l)
{
	for (size_t i = 0; i < l->plan.n; i++) {
		size_t n = l->plan.blocks[i];

		c->outside[i] = stats_signed_rank_outside(n, looks_error(l, n, i + 1 == l->plan.n));
	}
}

struct distance {
	double size;
	bool above;
};

static int by_size(const void *a, const void *b)
{
	double x = ((const struct distance *)a)->size, y = ((const struct distance *)b)->size;

	return (x > y) - (x < y);
}

// The Walsh averages above the center and below are as many as the ranks of the values' distances
// from it come to (Tukey, 1949).
static void count_walsh(const double *x, size_t n, double center, double *above, double *below)
{
	struct distance d[STATS_BLOCKS_MAX];

	*above = *below = 0;
	for (size_t i = 0; i < n; i++)
		d[i] = (struct distance){fabs(x[i] - center), x[i] > center};
	qsort(d, n, sizeof(*d), by_size);
	for (size_t i = 0; i < n; i++)
		*(d[i].above ? above : below) += i + 1;
}

enum word { OPEN, HIGHER, LOWER, SAME };

static enum word decide(const double *x, size_t n, size_t outside, double gate_percent)
{
	double up = log1p(gate_percent / 100), down = log1p(-gate_percent / 100);
	double above_up, below_up, above_down, below_down;

	count_walsh(x, n, up, &above_up, &below_up);
	count_walsh(x, n, down, &above_down, &below_down);
	if (below_up < outside)
		return HIGHER;
	if (above_down < outside)
		return LOWER;
	return below_down < outside && above_up < outside ? SAME : OPEN;
}

static bool leaves_out_zero(const double *x, size_t n, size_t outside)
{
	double above, below;

	count_walsh(x, n, 0, &above, &below);
	return above < outside || below < outside;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void selfcheck_draw_budget(struct selfcheck_budget *s, const double *ratio, size_t n, bool equal,
                           double shift, const struct looks *l, double gate_percent, unsigned draws,
                           uint64_t seed)
{
	unsigned words[SAME + 1] = {0}, different = 0;
	double drawn[STATS_BLOCKS_MAX], *blocks = stats_allocate(draws, sizeof(*blocks));
	struct criticals c;

	find_criticals(&c, l);
	for (unsigned d = 0; d < draws; d++) {
		enum word word = OPEN;
		size_t held = 0, look;

		for (look = 0; look < l->plan.n; look++) {
			for (; held < l->plan.blocks[look]; held++) {
				double r = ratio[random_below(&seed, n)];

				drawn[held] = (equal && random_next(&seed) & 1 ? -r : r) + shift;
			}
			word = decide(drawn, held, c.outside[look], gate_percent);
			if (word != OPEN)
				break;
		}
		look -= look == l->plan.n;
		words[word]++;
		different += leaves_out_zero(drawn, held, c.outside[look]);
		blocks[d] = held;
	}
	qsort(blocks, draws, sizeof(*blocks), ascending);
	*s = (struct selfcheck_budget){.draws = draws,
	                               .higher = words[HIGHER] / (double)draws,
	                               .lower = words[LOWER] / (double)draws,
	                               .same = words[SAME] / (double)draws,
	                               .different = different / (double)draws,
	                               .blocks = blocks[draws / 2]};
	free(blocks);
}
