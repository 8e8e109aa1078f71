#include "base/memory.h"
#include "harness/stats/change.h"

#include <math.h>
#include <stdlib.h>

// The parts of the message, each by its probability: how many values there are, k with 1 / (k (k +
// 1)); the mean, uniform up to the series' maximum or, after another group, less likely the nearer
// it is to that one's mean; the standard deviation, as the count; and the place on the sphere that
// the values lie on, given these. All in units.
static double bits_of(double count, double mean, double sd, double greatest, double mean_before)
{
	double bits = log2(count * (count + 1));

	if (isnan(mean_before))
		bits += log2(greatest + 1);
	else
		bits -= log2((fabs(mean - mean_before) + 1) /
		             (mean_before * mean_before - (mean_before - 1) * greatest +
		              greatest * greatest / 2));
	if (count < 2)
		return bits;
	bits += log2((sd + 1) * (sd + 2)) + log2(1 - 1 / (greatest + 2));
	return bits + 1 + log2(M_PI) * (count - 1) / 2 - lgamma((count - 1) / 2) / M_LN2 +
	       log2(sd + 1) * (count - 2) + log2(count) * (count - 2) / 2;
}

// The shortest message for the values before `end` and its last group, before which is the shortest
// one for the values there.
struct shortest {
	double bits;
	struct stats_group last;
};

// Tries every beginning of the last group, the latest first and then from the front, as jumpavg
// does; of equal ones the first stays.
static void lengthen(struct shortest *best, const double *x, size_t end, double unit,
                     double greatest)
{
	double mean = 0, squares = 0; // of x[begin..end), and from its mean

	best[end].bits = INFINITY;
	for (size_t begin = end; begin-- > 0;) {
		double count = end - begin, away = x[begin] - mean;
		struct stats_group g = {.begin = begin, .end = end};

		mean += away / count;
		squares += away * (x[begin] - mean);
		g.mean = mean;
		g.sd = sqrt(squares / count);
		g.bits = bits_of(count, mean / unit, g.sd / unit, greatest / unit,
		                 begin ? best[begin].last.mean / unit : NAN);
		double bits = best[begin].bits + g.bits;
		if (stats_above(best[end].bits, bits) ||
		    (stats_same(best[end].bits, bits) && end - best[end].last.begin > 1))
			best[end] = (struct shortest){bits, g};
	}
}

size_t stats_group_changes(const double *x, size_t n, double unit, struct stats_group *group)
{
	struct shortest *best = memory_new(n + 1, sizeof(*best));
	double greatest = 0;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		greatest = fmax(greatest, x[i]);
	if (greatest <= 0)
		n = 0;
	for (size_t end = 1; end <= n; end++)
		lengthen(best, x, end, unit, greatest);
	for (size_t end = n; end; end = best[end].last.begin)
		count++;
	for (size_t end = n, i = count; i-- > 0; end = group[i].begin)
		group[i] = best[end].last;
	free(best);
	return count;
}
