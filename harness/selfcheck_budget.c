#include "harness/selfcheck_budget.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/random.h"
#include "harness/stats.h"
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

// How many of the sorted values' Walsh averages, each value's with itself among them, are the
// center or above it.
static size_t walsh_from(const double *x, size_t n, double center)
{
	size_t low = 0, count = 0;

	// Where the smaller value grows, so does the average.
	for (size_t high = n; low < high;) {
		if ((x[low] + x[high - 1]) / 2 >= center)
			count += high-- - low;
		else
			low++;
	}
	return count;
}

static size_t walsh_to(const double *x, size_t n, double center)
{
	size_t high = n, count = 0;

	for (size_t low = 0; low < high;) {
		if ((x[low] + x[high - 1]) / 2 <= center)
			count += high - low++;
		else
			high--;
	}
	return count;
}

enum word { OPEN, HIGHER, LOWER, SAME };

static enum word decide(const double *sorted, size_t n, size_t outside, double gate_percent)
{
	double up = log1p(gate_percent / 100), down = log1p(-gate_percent / 100);

	if (walsh_to(sorted, n, up) < outside)
		return HIGHER;
	if (walsh_from(sorted, n, down) < outside)
		return LOWER;
	return walsh_to(sorted, n, down) < outside && walsh_from(sorted, n, up) < outside ? SAME
	                                                                                  : OPEN;
}

static bool leaves_out_zero(const double *sorted, size_t n, size_t outside)
{
	return walsh_from(sorted, n, 0) < outside || walsh_to(sorted, n, 0) < outside;
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
			stats_sort(drawn, held);
			word = decide(drawn, held, c.outside[look], gate_percent);
			if (word != OPEN)
				break;
		}
		look -= look == l->plan.n;
		words[word]++;
		different += leaves_out_zero(drawn, held, c.outside[look]);
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
                            double shift, const struct looks *looks, double gate_percent,
                            unsigned stores, unsigned draws, uint64_t seed)
{
	double *share = stats_allocate(stores, sizeof(*share));
	double *drawn = stats_allocate(n, sizeof(*drawn));

	for (unsigned i = 0; i < stores; i++) {
		struct selfcheck_budget s;

		for (size_t j = 0; j < n; j++)
			drawn[j] = ratio[random_below(&seed, n)];
		selfcheck_draw_budget(&s, drawn, n, equal, shift, looks, gate_percent, draws,
		                      random_next(&seed));
		share[i] = s.higher;
	}
	*l = (struct selfcheck_limits){stats_quantile(share, stores, 0.05),
	                               stats_quantile(share, stores, 0.95)};
	free(drawn);
	free(share);
}
