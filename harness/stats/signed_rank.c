#include "harness/stats/signed_rank.h"

#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

// The n (n + 1) / 2 means of all pairs, each x with itself too, ascending; the caller frees them.
static double *walsh_averages(const double *x, size_t n, size_t *count)
{
	double *walsh = memory_new(n * (n + 1) / 2, sizeof(*walsh));

	*count = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i; j < n; j++)
			walsh[(*count)++] = x[i] / 2 + x[j] / 2;
	stats_sort(walsh, *count);
	return walsh;
}

double stats_hodges_lehmann(const double *x, size_t n)
{
	size_t count;
	double *walsh = walsh_averages(x, n, &count), median = NAN;

	if (count)
		median = walsh[(count - 1) / 2] / 2 + walsh[count / 2] / 2;
	free(walsh);
	return median;
}

// The probability of each sum 0..most of those ranks whose signs are positive, all signs equally
// likely.
static double *sum_distribution(const unsigned *rank, size_t n, size_t most)
{
	double *p = memory_new(most + 1, sizeof(*p));
	size_t top = 0;

	p[0] = 1;
	for (size_t i = 0; i < n; i++) {
		top += rank[i];
		for (size_t s = top + 1; s-- > 0;)
			p[s] = (p[s] + (s >= rank[i] ? p[s - rank[i]] : 0)) / 2;
	}
	return p;
}

struct difference {
	double size;
	bool positive;
};

static int by_size(const void *a, const void *b)
{
	double x = ((const struct difference *)a)->size, y = ((const struct difference *)b)->size;

	return (x > y) - (x < y);
}

// Gives each of the sorted differences twice its mid-rank, which is whole; returns the positive
// ones' sum.
static unsigned rank_differences(const struct difference *d, size_t n, unsigned *rank)
{
	unsigned sum = 0;

	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && stats_same(d[end].size, d[end - 1].size); end++)
			;
		for (size_t j = i; j < end; j++) {
			rank[j] = i + 1 + end;
			sum += d[j].positive ? rank[j] : 0;
		}
	}
	return sum;
}

struct stats_tails stats_signed_rank_tails(const double *x, size_t n, double center)
{
	struct difference *d = memory_new(n, sizeof(*d));
	unsigned *rank = memory_new(n, sizeof(*rank)), sum;
	struct stats_tails tails = {0, 0};
	double *distribution;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!stats_same(x[i], center))
			d[kept++] = (struct difference){fabs(x[i] - center), x[i] > center};
	qsort(d, kept, sizeof(*d), by_size);
	sum = rank_differences(d, kept, rank);
	distribution = sum_distribution(rank, kept, kept * (kept + 1));
	for (size_t s = 0; s <= kept * (kept + 1); s++) {
		tails.below += s <= sum ? distribution[s] : 0;
		tails.above += s >= sum ? distribution[s] : 0;
	}
	free(distribution);
	free(rank);
	free(d);
	return tails;
}

static double two_sided(const struct stats_tails *t)
{
	return fmin(1, 2 * fmin(t->below, t->above));
}

double stats_signed_rank_p(const double *x, size_t n, double center)
{
	struct stats_tails tails = stats_signed_rank_tails(x, n, center);

	return two_sided(&tails);
}

double *stats_signed_rank_distribution(size_t n)
{
	unsigned *rank = memory_new(n, sizeof(*rank));
	double *p;

	for (size_t i = 0; i < n; i++)
		rank[i] = i + 1;
	p = sum_distribution(rank, n, n * (n + 1) / 2);
	free(rank);
	return p;
}

// As many of the outermost averages on each side lie outside as the sum may be unlikely; `tail`:
// how unlikely it is.
static size_t count_outside(size_t n, double error, double *tail)
{
	double *p = stats_signed_rank_distribution(n);
	size_t outside = 0;

	*tail = 0;
	while (outside < n * (n + 1) / 2 && stats_within(2 * (*tail + p[outside]), error))
		*tail += p[outside++];
	free(p);
	return outside;
}

size_t stats_signed_rank_outside(size_t n, double error)
{
	double tail;

	return count_outside(n, error, &tail);
}

struct stats_interval stats_walsh_interval(const double *x, size_t n, double level)
{
	struct stats_interval interval = {-INFINITY, INFINITY, 0};
	double *walsh, tail;
	size_t outside = count_outside(n, 1 - level, &tail), count;

	if (outside) {
		walsh = walsh_averages(x, n, &count);
		interval.low = walsh[outside - 1];
		interval.high = walsh[count - outside];
		interval.coverage = 1 - 2 * tail;
		free(walsh);
	}
	return interval;
}

void stats_signed_rank_settle(struct stats_interval *i, const double *x, size_t n, double level,
                              double value)
{
	// The nearest to the value that isn't the same.
	const double apart = 2 * STATS_ROUNDING * fmax(1, fabs(value));
	struct stats_tails tails;

	if (i->coverage <= 0)
		return;
	tails = stats_signed_rank_tails(x, n, value);
	if (!stats_within(two_sided(&tails), 1 - level)) {
		i->low = fmin(i->low, value);
		i->high = fmax(i->high, value);
	} else if (tails.above < tails.below) {
		i->low = fmax(i->low, value + apart);
		i->high = fmax(i->high, i->low);
	} else {
		i->high = fmin(i->high, value - apart);
		i->low = fmin(i->low, i->high);
	}
}

struct stats_interval stats_signed_rank_interval(const double *x, size_t n, double level)
{
	struct stats_interval interval = stats_walsh_interval(x, n, level);

	stats_signed_rank_settle(&interval, x, n, level, 0);
	return interval;
}

double stats_signed_rank_attained(size_t n, double error)
{
	double tail = 0;

	return n && count_outside(n, error, &tail) ? 2 * tail : 0;
}

size_t stats_signed_rank_blocks(double error)
{
	size_t n = 1;

	while (!stats_within(ldexp(2, -(int)n), error))
		n++;
	return n;
}
