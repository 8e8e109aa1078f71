#include "harness/stats/signed_rank.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static const double exact_steps_max = 1e7; // of the Kolmogorov-Smirnov test's lattice

struct pooled {
	double value;
	bool first; // of the first sample
};

static int by_value(const void *a, const void *b)
{
	double x = ((const struct pooled *)a)->value, y = ((const struct pooled *)b)->value;

	return (x > y) - (x < y);
}

static struct pooled *pool(const double *x, size_t m, const double *y, size_t n)
{
	struct pooled *all = stats_allocate(m + n, sizeof(*all));

	for (size_t i = 0; i < m + n; i++)
		all[i] = i < m ? (struct pooled){x[i], true} : (struct pooled){y[i - m], false};
	qsort(all, m + n, sizeof(*all), by_value);
	return all;
}

// One after the last that ties with `begin`.
static size_t tie_end(const struct pooled *all, size_t count, size_t begin)
{
	size_t end = begin + 1;

	while (end < count && stats_tied(all[end].value, all[end - 1].value))
		end++;
	return end;
}

// The probability of each sum of m of the ascending ranks, all choices equally likely, from the
// least sum, of the first m, to the greatest; `*sums` of them. The caller frees it.
static double *choice_distribution(const unsigned *rank, size_t count, size_t m, size_t *sums)
{
	size_t least = 0, greatest = 0, width;
	double *ways, total = 0;

	for (size_t i = 0; i < m; i++) {
		least += rank[i];
		greatest += rank[count - 1 - i];
	}
	width = greatest + 1;
	*sums = greatest - least + 1;
	ways = stats_allocate((m + 1) * width, sizeof(*ways));
	ways[0] = 1;
	for (size_t i = 0; i < count; i++)
		for (size_t k = i < m ? i + 1 : m; k > 0; k--) {
			double *with = &ways[k * width], *without = &ways[(k - 1) * width];

			for (size_t s = rank[i]; s <= greatest; s++)
				with[s] += without[s - rank[i]];
		}
	for (size_t s = 0; s < *sums; s++) {
		ways[s] = ways[m * width + least + s];
		total += ways[s];
	}
	for (size_t s = 0; s < *sums; s++)
		ways[s] /= total;
	return ways;
}

// Twice the mid-ranks of the pooled values; in `sum` the first sample's, in `ties` the sum of
// t^3 - t over ties of t.
static unsigned *rank_pooled(const struct pooled *all, size_t count, size_t *sum, double *ties)
{
	unsigned *rank = stats_allocate(count, sizeof(*rank));

	*sum = 0;
	*ties = 0;
	for (size_t i = 0, end; i < count; i = end) {
		double t;

		end = tie_end(all, count, i);
		t = end - i;
		*ties += t * t * t - t;
		for (size_t j = i; j < end; j++) {
			rank[j] = i + 1 + end;
			*sum += all[j].first ? rank[j] : 0;
		}
	}
	return rank;
}

static bool exact(size_t m, size_t n)
{
	return m <= STATS_SAMPLE_MAX && n <= STATS_SAMPLE_MAX;
}

static double exact_p(const unsigned *rank, size_t count, size_t m, size_t sum)
{
	double below = 0, above = 0, *p;
	size_t least = 0, sums;

	for (size_t i = 0; i < m; i++)
		least += rank[i];
	p = choice_distribution(rank, count, m, &sums);
	for (size_t s = 0; s < sums; s++) {
		below += least + s <= sum ? p[s] : 0;
		above += least + s >= sum ? p[s] : 0;
	}
	free(p);
	return fmin(1, 2 * fmin(below, above));
}

double stats_mann_whitney_p(const double *x, size_t m, const double *y, size_t n)
{
	struct pooled *all = pool(x, m, y, n);
	size_t count = m + n, sum;
	double ties, p;
	unsigned *rank = rank_pooled(all, count, &sum, &ties);

	if (exact(m, n)) {
		p = exact_p(rank, count, m, sum);
	} else {
		double N = count, away = fabs(sum / 2.0 - m * (N + 1) / 2);
		double variance = m * (double)n / 12 * (N + 1 - ties / (N * (N - 1)));

		p = variance > 0 ? fmin(1, 2 * stats_normal_below((0.5 - away) / sqrt(variance)))
		                 : 1;
	}
	free(rank);
	free(all);
	return p;
}

// The m n differences y - x, ascending; the caller frees them.
static double *differences(const double *x, size_t m, const double *y, size_t n)
{
	double *d = stats_allocate(m * n, sizeof(*d));

	for (size_t i = 0; i < m; i++)
		for (size_t j = 0; j < n; j++)
			d[i * n + j] = y[j] - x[i];
	stats_sort(d, m * n);
	return d;
}

double stats_shift(const double *x, size_t m, const double *y, size_t n)
{
	double *d = differences(x, m, y, n), median = NAN;

	if (m && n)
		median = d[(m * n - 1) / 2] / 2 + d[m * n / 2] / 2;
	free(d);
	return median;
}

// How many of the outermost differences on each side the test leaves out at the level; in `tail`
// the probability of that on one side.
static size_t count_outside(size_t m, size_t n, double level, double *tail)
{
	size_t outside = 0, sums = m * n;

	*tail = 0;
	if (exact(m, n)) {
		unsigned *rank = stats_allocate(m + n, sizeof(*rank));
		double *p;

		for (size_t i = 0; i < m + n; i++)
			rank[i] = i + 1;
		p = choice_distribution(rank, m + n, m, &sums);
		while (outside < sums && stats_within(2 * (*tail + p[outside]), 1 - level))
			*tail += p[outside++];
		free(p);
		free(rank);
	} else {
		double sd = sqrt(m * (double)n * (m + n + 1) / 12), below;

		while (2 * (below = stats_normal_below((outside + 0.5 - m * (double)n / 2) / sd)) <=
		       1 - level) {
			*tail = below;
			outside++;
		}
	}
	return outside;
}

struct stats_interval stats_shift_interval(const double *x, size_t m, const double *y, size_t n,
                                           double level)
{
	struct stats_interval interval = {-INFINITY, INFINITY, 0};
	double tail, *d;
	size_t outside = count_outside(m, n, level, &tail);

	if (outside) {
		d = differences(x, m, y, n);
		interval =
		    (struct stats_interval){d[outside - 1], d[m * n - outside], 1 - 2 * tail};
		free(d);
	}
	return interval;
}

// The probability that a random order of the pooled values, a path from (0, 0) to (m, n), is
// anywhere at the end of a tie at least `far` from the diagonal, in units of 1 / (m n).
static double path_beyond(const bool *ends, size_t m, size_t n, size_t far)
{
	double *reach = stats_allocate(n + 1, sizeof(*reach)), beyond = 0;

	for (size_t i = 0; i <= m; i++)
		for (size_t j = 0; j <= n; j++) {
			size_t across = i * n, up = j * m, left = m + n - i - j + 1;
			double from_left = j ? reach[j - 1] * (n - j + 1) / left : 0;

			if (i + j)
				reach[j] = (i ? reach[j] * (m - i + 1) / left : 0) + from_left;
			else
				reach[j] = 1;
			if (ends[i + j] && (across > up ? across - up : up - across) >= far) {
				beyond += reach[j];
				reach[j] = 0;
			}
		}
	free(reach);
	return beyond;
}

// Kolmogorov (1933): the probability of more than `scaled`.
static double kolmogorov_above(double scaled)
{
	double sum = 0;

	if (scaled < 0.18) // 1 to a double's precision, where the series is slow
		return 1;
	for (int k = 1; k < 50; k++)
		sum += (k % 2 ? 2 : -2) * exp(-2 * k * k * scaled * scaled);
	return fmin(1, sum);
}

double stats_smirnov_p(const double *x, size_t m, const double *y, size_t n, double *distance)
{
	struct pooled *all = pool(x, m, y, n);
	bool *ends = stats_allocate(m + n + 1, sizeof(*ends));
	size_t first = 0, far = 0;
	double d, p = 1;

	for (size_t i = 0, end; i < m + n; i = end) {
		size_t across, up;

		end = tie_end(all, m + n, i);
		for (size_t j = i; j < end; j++)
			first += all[j].first;
		across = first * n;
		up = (end - first) * m;
		ends[end] = true;
		far = fmax(far, across > up ? across - up : up - across);
	}
	d = (double)far / m / n;
	if (far)
		p = (double)m * n <= exact_steps_max
		        ? fmin(1, path_beyond(ends, m, n, far))
		        : kolmogorov_above(d * sqrt((double)m * n / (m + n)));
	if (distance)
		*distance = d;
	free(ends);
	free(all);
	return p;
}
