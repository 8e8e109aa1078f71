#include "harness/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(size_t n, size_t bytes)
{
	void *p = calloc(n ? n : 1, bytes);

	if (!p)
		abort();
	return p;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double stats_mean(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return n ? sum / n : NAN;
}

double stats_sd(const double *x, size_t n)
{
	double mean = stats_mean(x, n), squares = 0;

	if (n < 2)
		return 0;
	for (size_t i = 0; i < n; i++)
		squares += (x[i] - mean) * (x[i] - mean);
	return sqrt(squares / (n - 1));
}

double stats_median(const double *x, size_t n)
{
	return n ? stats_quantile(x, n, 0.5) : NAN;
}

double stats_quantile(const double *x, size_t n, double p)
{
	double *sorted = allocate(n, sizeof(*x)), place = p * (n - 1), value;
	size_t below = (size_t)place;

	memcpy(sorted, x, n * sizeof(*x));
	qsort(sorted, n, sizeof(*x), ascending);
	value = sorted[below];
	if (below + 1 < n)
		value += (place - below) * (sorted[below + 1] - value);
	free(sorted);
	return value;
}

// The n (n + 1) / 2 means of all pairs, each x with itself too, ascending; the caller frees them.
static double *walsh_averages(const double *x, size_t n, size_t *count)
{
	double *walsh = allocate(n * (n + 1) / 2, sizeof(*walsh));

	*count = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i; j < n; j++)
			walsh[(*count)++] = x[i] / 2 + x[j] / 2;
	qsort(walsh, *count, sizeof(*walsh), ascending);
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

// The probability of each sum of those ranks whose signs are positive, all signs equally likely.
// Ranks are doubled, so that mid-ranks are whole; so are the sums: 0..n (n + 1).
static double *sum_distribution(const unsigned *doubled_rank, size_t n)
{
	double *p = allocate(n * (n + 1) + 1, sizeof(*p));
	size_t top = 0;

	p[0] = 1;
	for (size_t i = 0; i < n; i++) {
		unsigned rank = doubled_rank[i];

		top += rank;
		for (size_t s = top + 1; s-- > 0;)
			p[s] = (p[s] + (s >= rank ? p[s - rank] : 0)) / 2;
	}
	return p;
}

struct difference {
	double size;
	bool positive;
};

static int by_size(const void *a, const void *b)
{
	return ascending(&((const struct difference *)a)->size,
	                 &((const struct difference *)b)->size);
}

// Gives each of the sorted differences twice its mid-rank; returns the positive ones' sum.
static unsigned rank_differences(const struct difference *d, size_t n, unsigned *doubled_rank)
{
	unsigned sum = 0;

	for (size_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && d[end].size == d[i].size; end++)
			;
		for (size_t j = i; j < end; j++) {
			doubled_rank[j] = i + 1 + end;
			sum += d[j].positive ? doubled_rank[j] : 0;
		}
	}
	return sum;
}

double stats_signed_rank_p(const double *x, size_t n, double center)
{
	struct difference *d = allocate(n, sizeof(*d));
	unsigned *rank = allocate(n, sizeof(*rank)), sum;
	double *distribution, below = 0, above = 0;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (x[i] != center)
			d[kept++] = (struct difference){fabs(x[i] - center), x[i] > center};
	qsort(d, kept, sizeof(*d), by_size);
	sum = rank_differences(d, kept, rank);
	distribution = sum_distribution(rank, kept);
	for (size_t s = 0; s <= kept * (kept + 1); s++) {
		below += s <= sum ? distribution[s] : 0;
		above += s >= sum ? distribution[s] : 0;
	}
	free(distribution);
	free(rank);
	free(d);
	return fmin(1, 2 * fmin(below, above));
}

struct stats_interval stats_signed_rank_interval(const double *x, size_t n, double level)
{
	struct stats_interval interval = {-INFINITY, INFINITY, 0};
	unsigned *rank = allocate(n, sizeof(*rank));
	double *distribution, *walsh, tail = 0;
	size_t outside = 0, count;

	for (size_t i = 0; i < n; i++)
		rank[i] = 2 * (i + 1);
	distribution = sum_distribution(rank, n);
	// As many of the outermost averages on each side lie outside as the sum may be unlikely.
	while (outside < n * (n + 1) / 2 && 2 * (tail + distribution[2 * outside]) <= 1 - level)
		tail += distribution[2 * outside++];
	if (outside) {
		walsh = walsh_averages(x, n, &count);
		interval.low = walsh[outside - 1];
		interval.high = walsh[count - outside];
		interval.coverage = 1 - 2 * tail;
		free(walsh);
	}
	free(distribution);
	free(rank);
	return interval;
}
