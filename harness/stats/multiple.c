#include "harness/stats/multiple.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

struct placed {
	double p;
	size_t place;
};

static int by_p(const void *a, const void *b)
{
	double x = ((const struct placed *)a)->p, y = ((const struct placed *)b)->p;

	return (x > y) - (x < y);
}

static struct placed *ascending(const double *p, size_t n)
{
	struct placed *sorted = memory_new(n, sizeof(*sorted));

	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct placed){p[i], i};
	qsort(sorted, n, sizeof(*sorted), by_p);
	return sorted;
}

void stats_adjust_holm(const double *p, size_t n, double *adjusted)
{
	struct placed *sorted = ascending(p, n);
	double greatest = 0;

	for (size_t i = 0; i < n; i++) {
		greatest = fmax(greatest, fmin(1, (n - i) * sorted[i].p));
		adjusted[sorted[i].place] = greatest;
	}
	free(sorted);
}

void stats_adjust_false_discovery(const double *p, size_t n, double *adjusted)
{
	struct placed *sorted = ascending(p, n);
	double least = 1;

	for (size_t i = n; i-- > 0;) {
		least = fmin(least, sorted[i].p * n / (i + 1));
		adjusted[sorted[i].place] = least;
	}
	free(sorted);
}
