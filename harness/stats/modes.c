#include "harness/stats/modes.h"

#include <math.h>
#include <string.h>

enum { FEWEST = 8, FEWEST_IN_GROUP = 3 };

struct sums {
	double x, square;
};

static double spread(struct sums s, double n)
{
	return fmax(0, s.square - s.x * s.x / n);
}

// How much likelier two groups are than one, labels paid for; x is sorted and centred.
static double gain_of(const double *x, size_t n, size_t *split)
{
	size_t least = fmax(FEWEST_IN_GROUP, ceil(n / 5.0));
	struct sums all = {0}, low = {0};
	double best = -INFINITY;

	for (size_t i = 0; i < n; i++) {
		all.x += x[i];
		all.square += x[i] * x[i];
	}
	for (size_t k = 1; k + least <= n; k++) {
		low.x += x[k - 1];
		low.square += x[k - 1] * x[k - 1];
		if (k < least)
			continue;
		struct sums high = {all.x - low.x, all.square - low.square};
		double p = (double)k / n, within = spread(low, k) + spread(high, n - k);
		double labels = -(double)n * (p * log(p) + (1 - p) * log(1 - p));
		double gain = n / 2.0 * log(spread(all, n) / within) - labels;
		if (gain > best) {
			best = gain;
			*split = k;
		}
	}
	return best;
}

bool stats_modes(struct stats_modes *m, const double *x, size_t n)
{
	double sorted[STATS_BLOCKS_MAX], centred[STATS_BLOCKS_MAX], mean = stats_mean(x, n);
	size_t split = 0;

	if (n < FEWEST)
		return false;
	memcpy(sorted, x, n * sizeof(*x));
	stats_sort(sorted, n);
	if (stats_tied(sorted[0], sorted[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		centred[i] = sorted[i] - mean;
	if (!(gain_of(centred, n, &split) > 8 + n / 8.0))
		return false;
	*m = (struct stats_modes){.low = stats_median(sorted, split),
	                          .high = stats_median(sorted + split, n - split),
	                          .n_low = split,
	                          .n_high = n - split};
	return true;
}
