#include "harness/stats/power.h"

#include "harness/stats/signed_rank.h"

#include <math.h>

// The spread is itself uncertain: the standard error of its logarithm is about 0.87 / sqrt(n).
// Three values, with the weights of Gauss and Hermite, stand for all.
static const double spread_error = 0.87;
static const struct {
	double errors, weight;
} spreads[] = {{0, 2 / 3.0}, {1.7320508075688772, 1 / 6.0}, {-1.7320508075688772, 1 / 6.0}};

struct evidence {
	double n, effect, spread;
	double half_width; // of the interval over a single block, in spreads
};

// What the Hodges-Lehmann estimate of a single block would spread by: from the width of the 80 %
// interval. It is as exact as the standard deviation for normal blocks (at 6 of them both are off
// by 36 %) and isn't misled by heavy tails. NAN below 4 blocks.
static double spread_of(const double *x, size_t n)
{
	struct stats_interval i = stats_walsh_interval(x, n, 0.8);

	if (i.coverage <= 0)
		return NAN;
	return (i.high - i.low) / 2 / stats_normal_quantile((1 + i.coverage) / 2) * sqrt(n);
}

// Of a decision after `all` blocks.
static double chance_of(const struct evidence *s, double all, const struct stats_aim *aim)
{
	double half_width = s->half_width * s->spread / sqrt(all);
	double sd = fmax(s->spread * sqrt(1 / s->n - 1 / all), 1e-300);
	double above = stats_normal_below((s->effect - half_width - aim->high) / sd);
	double below = stats_normal_below((aim->low - s->effect - half_width) / sd);
	double between = stats_normal_below((aim->high - half_width - s->effect) / sd) -
	                 stats_normal_below((aim->low + half_width - s->effect) / sd);

	return above + below + fmax(0, between);
}

static double expected_chance(const struct evidence *s, double all, const struct stats_aim *aim)
{
	double chance = 0;

	for (size_t i = 0; i < sizeof(spreads) / sizeof(*spreads); i++) {
		struct evidence other = *s;

		other.spread *= exp(spreads[i].errors * spread_error / sqrt(s->n));
		chance += spreads[i].weight * chance_of(&other, all, aim);
	}
	return chance;
}

size_t stats_blocks_to_decide(const double *x, size_t n, const struct stats_aim *aim, size_t most)
{
	struct evidence s = {n, stats_hodges_lehmann(x, n), spread_of(x, n),
	                     stats_normal_quantile((1 + aim->level) / 2)};

	if (isnan(s.spread))
		return 0;
	for (size_t all = n + 1; all <= most; all++)
		if (stats_within(ldexp(2, -(int)all), 1 - aim->level) &&
		    expected_chance(&s, all, aim) >= aim->chance)
			return all;
	return 0;
}
