#include "harness/judge/causes.h"
#include "harness/judge/tunnel_ends.h"

#include <math.h>
#include <string.h>

static double size_of(const struct cause *c)
{
	return fabs(log(c->candidate / c->baseline));
}

// Keeps the array sorted, largest first.
static void insert(struct cause *cause, size_t *n, size_t most, const struct cause *c)
{
	static const double least = 0.0953; // log 1.1
	size_t at = *n;

	if (!(c->baseline > 0 && c->candidate > 0 && size_of(c) > least))
		return;
	while (at && size_of(&cause[at - 1]) < size_of(c))
		at--;
	if (at >= most)
		return;
	*n += *n < most;
	memmove(&cause[at + 1], &cause[at], (*n - at - 1) * sizeof(*c));
	cause[at] = *c;
}

static void find_counts(const struct outcome *o, const char *workload, unsigned candidate,
                        unsigned baseline, struct cause *cause, size_t *n, size_t most)
{
	static const char *const ends[] = {"left end", "right end"};

	for (size_t i = 0; i < 2 * TUNNEL_ENDS_COUNTS; i++) {
		const struct tunnel_ends_count *count = &tunnel_ends_counts[i / 2];

		insert(
		    cause, n, most,
		    &(struct cause){
		        .workload = workload,
		        .what = count->name,
		        .end = ends[i % 2],
		        .baseline = tunnel_ends_median(o, baseline, workload, i % 2, count->at),
		        .candidate = tunnel_ends_median(o, candidate, workload, i % 2, count->at),
		    });
	}
}

size_t causes_find(const struct outcome *o, unsigned candidate, unsigned baseline,
                   struct cause *cause, size_t most)
{
	const char *before = "";
	size_t n = 0;

	for (size_t i = 0; i < o->series.n; i++) {
		const struct series *s = &o->series.series[i];

		if (!strcmp(s->metric, "context_switches_per_s"))
			insert(cause, &n, most,
			       &(struct cause){.workload = s->workload,
			                       .what = "context switches/s",
			                       .end = "",
			                       .baseline = series_median(s, baseline, true),
			                       .candidate = series_median(s, candidate, true)});
		if (strcmp(before, s->workload))
			find_counts(o, s->workload, candidate, baseline, cause, &n, most);
		before = s->workload;
	}
	return n;
}
