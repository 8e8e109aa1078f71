#include "base/memory.h"
#include "base/random.h"
#include "harness/stats/change.h"

#include <math.h>
#include <stdlib.h>

struct segment {
	size_t begin, end;
};

// Sums of distances: row i, column j holds that of |x[a] - x[b]| over a < i and b < j. Rows are
// `width` apart.
struct sums {
	double *sum;
	size_t width;
};

static bool farther(double distance, double than)
{
	return distance > than && !stats_tied(distance, than);
}

static double at(const struct sums *s, size_t i, size_t j)
{
	return s->sum[i * s->width + j];
}

static void add_up(struct sums *s, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const double *above = &s->sum[i * s->width];
		double *row = &s->sum[(i + 1) * s->width], so_far = 0;

		for (size_t j = 0; j < n; j++) {
			so_far += fabs(x[i] - x[j]);
			row[j + 1] = above[j + 1] + so_far;
		}
	}
}

// Of the mean distance within a sample of n whose ordered pairs' distances sum up so.
static double within(double sum, double n)
{
	return n > 1 ? sum / (n * (n - 1)) : 0;
}

// The division of x whose sides are farthest apart: before `at`, and from it up to any end, since
// another change may follow. `change->distance` stays 0 where x is too short.
static void find_best(struct sums *s, const double *x, size_t n, size_t guard,
                      struct stats_change *change)
{
	*change = (struct stats_change){0};
	if (n < 2 * guard)
		return;
	add_up(s, x, n);
	for (size_t i = guard; i + guard <= n; i++) {
		double left = at(s, i, i), inside = within(left, i);

		for (size_t end = i + guard; end <= n; end++) {
			double both = at(s, i, end), m = i, k = end - i;
			double across = both - left, right = at(s, end, end) - 2 * both + left;
			double between = 2 * across / (m * k),
			       both_inside = inside + within(right, k);
			double distance = (between - both_inside) * m * k / (m + k);

			if (!stats_tied(between, both_inside) &&
			    farther(distance, change->distance))
				*change = (struct stats_change){.at = i, .distance = distance};
		}
	}
}

static void shuffle(double *x, size_t n, uint64_t *random)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = random_below(random, i);
		double kept = x[i - 1];

		x[i - 1] = x[j];
		x[j] = kept;
	}
}

// In how many permutations of each segment's values some segment divides as far apart as that.
static unsigned count_farther(struct sums *s, double *x, const struct segment *segment,
                              size_t segments, const struct stats_divisive *o, double distance,
                              uint64_t *random)
{
	unsigned count = 0;

	for (unsigned i = 0; i < o->permutations; i++) {
		double farthest = 0;

		for (size_t j = 0; j < segments && farther(distance, farthest); j++) {
			size_t n = segment[j].end - segment[j].begin;
			struct stats_change change;

			shuffle(&x[segment[j].begin], n, random);
			find_best(s, &x[segment[j].begin], n, o->guard, &change);
			farthest = fmax(farthest, change.distance);
		}
		count += !farther(distance, farthest);
	}
	return count;
}

static int by_place(const void *a, const void *b)
{
	size_t x = ((const struct stats_change *)a)->at, y = ((const struct stats_change *)b)->at;

	return (x > y) - (x < y);
}

size_t stats_divide(const double *x, size_t n, const struct stats_divisive *o,
                    struct stats_change *change)
{
	struct segment *segment = memory_new(n + 1, sizeof(*segment));
	struct stats_change *best = memory_new(n + 1, sizeof(*best));
	double *permuted = memory_new(n, sizeof(*permuted));
	double *unified = memory_new(n, sizeof(*unified));
	struct sums s = {memory_new((n + 1) * (n + 1), sizeof(*s.sum)), n + 1};
	uint64_t random = o->seed;
	size_t changes = 0, which;

	segment[0] = (struct segment){0, n};
	for (size_t i = 0; i < n; i++)
		unified[i] = x[i];
	stats_unify(unified, n);
	find_best(&s, unified, n, o->guard, &best[0]);
	for (;;) {
		which = 0;
		for (size_t i = 1; i <= changes; i++)
			if (farther(best[i].distance, best[which].distance))
				which = i;
		if (!(best[which].distance > 0))
			break;
		for (size_t i = 0; i < n; i++)
			permuted[i] = unified[i];
		best[which].p = (count_farther(&s, permuted, segment, changes + 1, o,
		                               best[which].distance, &random) +
		                 1.0) /
		                (o->permutations + 1);
		if (best[which].p > o->significance)
			break;
		// Both parts are divided on.
		struct segment *left = &segment[which], *right = &segment[changes + 1];
		change[changes] = best[which];
		change[changes].at += left->begin;
		*right = (struct segment){change[changes].at, left->end};
		left->end = right->begin;
		find_best(&s, &unified[left->begin], left->end - left->begin, o->guard,
		          &best[which]);
		changes++;
		find_best(&s, &unified[right->begin], right->end - right->begin, o->guard,
		          &best[changes]);
	}
	qsort(change, changes, sizeof(*change), by_place);
	free(s.sum);
	free(permuted);
	free(unified);
	free(best);
	free(segment);
	return changes;
}
