#include "harness/stats/basic.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

bool stats_same(double a, double b)
{
	return a == b || fabs(a - b) <= STATS_ROUNDING * fmax(1, fmin(fabs(a), fabs(b)));
}

bool stats_above(double a, double b)
{
	return a > b && !stats_same(a, b);
}

bool stats_tied(double a, double b)
{
	return a == b || fabs(a - b) <= STATS_ROUNDING * fmin(fabs(a), fabs(b));
}

bool stats_within(double p, double error)
{
	return p <= error * (1 + STATS_ROUNDING);
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

void stats_sort(double *x, size_t n)
{
	qsort(x, n, sizeof(*x), ascending);
}

// A copy in ascending order; the caller frees it.
static double *copy_sorted(const double *x, size_t n)
{
	double *sorted = memory_new(n, sizeof(*sorted));

	for (size_t i = 0; i < n; i++)
		sorted[i] = x[i];
	stats_sort(sorted, n);
	return sorted;
}

void stats_unify(double *x, size_t n)
{
	double *sorted = copy_sorted(x, n);

	for (size_t i = 0; i < n; i++) {
		const double *at = bsearch(&x[i], sorted, n, sizeof(*sorted), ascending);

		while (at > sorted && stats_tied(at[0], at[-1]))
			at--;
		x[i] = *at;
	}
	free(sorted);
}

double stats_quantile(const double *x, size_t n, double p)
{
	double *sorted = copy_sorted(x, n), place = p * (n - 1), value;
	size_t below = (size_t)place;

	value = sorted[below];
	if (below + 1 < n)
		value += (place - below) * (sorted[below + 1] - value);
	free(sorted);
	return value;
}

// That k of n happen, of probability p each.
static double binomial(size_t n, size_t k, double p)
{
	return exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) + (k ? k * log(p) : 0) +
	           (n > k ? (n - k) * log1p(-p) : 0));
}

struct stats_interval stats_quantile_interval(const double *x, size_t n, double p, double level)
{
	struct stats_interval interval = {-INFINITY, INFINITY, 0};
	double *sorted = copy_sorted(x, n), below = 0, above = 0, next;
	size_t low = 0, high = n + 1; // ranks

	while (low < n && stats_within(below + (next = binomial(n, low, p)), (1 - level) / 2)) {
		below += next;
		low++;
	}
	while (high > 1 &&
	       stats_within(above + (next = binomial(n, high - 1, p)), (1 - level) / 2)) {
		above += next;
		high--;
	}
	if (low)
		interval.low = sorted[low - 1];
	if (high <= n)
		interval.high = sorted[high - 1];
	if (low || high <= n)
		interval.coverage = 1 - below - above;
	free(sorted);
	return interval;
}

double stats_normal_below(double z)
{
	return erfc(-z * M_SQRT1_2) / 2;
}

double stats_normal_quantile(double p)
{
	double low = -39, high = 0, middle; // below -39 a double has no more probability

	if (p > 0.5)
		return -stats_normal_quantile(1 - p);
	if (p <= 0)
		return -INFINITY;
	while ((middle = (low + high) / 2) > low && middle < high)
		*(stats_normal_below(middle) < p ? &low : &high) = middle;
	return middle;
}
