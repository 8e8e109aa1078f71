#include "harness/judge/draw_budget.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "harness/stats/basic.h"
#include "harness/stats/signed_rank.h"

// How many of the outermost Walsh averages on each side each analysis's interval leaves out.
struct criticals {
	size_t outside[STATS_ANALYSES_MAX];
};

static void find_criticals(struct criticals *c, const struct interim *l)
{
	for (size_t i = 0; i < l->plan.n; i++) {
		size_t n = l->plan.blocks[i];

		c->outside[i] =
		    stats_signed_rank_outside(n, interim_error(l, n, i + 1 == l->plan.n));
	}
}

// How many of the sorted values' Walsh averages, each value's with itself among them, are at least
// so much.
static size_t count_from(const double *x, size_t n, double least)
{
	size_t low = 0, count = 0;

	// Where the smaller value grows, so does the average.
	for (size_t high = n; low < high;) {
		if ((x[low] + x[high - 1]) / 2 >= least)
			count += high-- - low;
		else
			low++;
	}
	return count;
}

// Twice the Walsh averages above the center. One that is the same counts half: a block that is
// drawn with both signs has its average at the effect that was added, which is often the center.
static size_t twice_above(const double *x, size_t n, double center)
{
	return count_from(x, n, center - STATS_ROUNDING) +
	       count_from(x, n, center + STATS_ROUNDING);
}

static size_t twice_below(const double *x, size_t n, double center)
{
	return n * (n + 1) - twice_above(x, n, center);
}

enum word { OPEN, HIGHER, LOWER, SAME };

static enum word decide(const double *sorted, size_t n, size_t outside, double gate_percent)
{
	double up = log1p(gate_percent / 100), down = log1p(-gate_percent / 100);
	size_t above_up = twice_above(sorted, n, up), all = n * (n + 1);
	size_t below_down = twice_below(sorted, n, down);

	if (all - above_up < 2 * outside)
		return HIGHER;
	if (all - below_down < 2 * outside)
		return LOWER;
	return below_down < 2 * outside && above_up < 2 * outside ? SAME : OPEN;
}

static bool leaves_out_zero(const double *sorted, size_t n, size_t outside)
{
	return twice_above(sorted, n, 0) < 2 * outside || twice_below(sorted, n, 0) < 2 * outside;
}

void selfcheck_draw_budget(struct selfcheck_budget *s, const double *ratio, size_t n, bool equal,
                           double shift, const struct interim *l, double gate_percent,
                           unsigned draws, uint64_t seed)
{
	unsigned words[SAME + 1] = {0}, different = 0;
	double drawn[STATS_BLOCKS_MAX], *blocks = memory_new(draws, sizeof(*blocks));
	struct criticals c;

	find_criticals(&c, l);
	for (unsigned d = 0; d < draws; d++) {
		enum word word = OPEN;
		size_t held = 0, analysis;

		for (analysis = 0; analysis < l->plan.n; analysis++) {
			for (; held < l->plan.blocks[analysis]; held++) {
				double r = ratio[random_below(&seed, n)];

				drawn[held] = (equal && random_next(&seed) & 1 ? -r : r) + shift;
			}
			stats_sort(drawn, held);
			word = decide(drawn, held, c.outside[analysis], gate_percent);
			if (word != OPEN)
				break;
		}
		analysis -= analysis == l->plan.n;
		words[word]++;
		different += leaves_out_zero(drawn, held, c.outside[analysis]);
		blocks[d] = held;
	}
	stats_sort(blocks, draws);
	*s = (struct selfcheck_budget){.draws = draws,
	                               .higher = words[HIGHER] / (double)draws,
	                               .lower = words[LOWER] / (double)draws,
	                               .same = words[SAME] / (double)draws,
	                               .different = different / (double)draws,
	                               .blocks = blocks[draws / 2]};
	free(blocks);
}

void selfcheck_limit_budget(struct selfcheck_limits *l, const double *ratio, size_t n, bool equal,
                            double shift, const struct interim *analyses, double gate_percent,
                            unsigned stores, unsigned draws, uint64_t seed)
{
	double *share = memory_new(stores, sizeof(*share));
	double *drawn = memory_new(n, sizeof(*drawn));

	for (unsigned i = 0; i < stores; i++) {
		struct selfcheck_budget s;

		for (size_t j = 0; j < n; j++)
			drawn[j] = ratio[random_below(&seed, n)];
		selfcheck_draw_budget(&s, drawn, n, equal, shift, analyses, gate_percent, draws,
		                      random_next(&seed));
		share[i] = s.higher;
	}
	*l = (struct selfcheck_limits){stats_quantile(share, stores, 0.05),
	                               stats_quantile(share, stores, 0.95)};
	free(drawn);
	free(share);
}
