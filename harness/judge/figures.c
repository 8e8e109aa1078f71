#include "harness/judge/figures.h"
#include "harness/plan/interim_plan.h"
#include "harness/stats/signed_rank.h"

#include <math.h>

static size_t gather_clean(double value[STATS_BLOCKS_MAX], const struct series *s, unsigned tunnel)
{
	size_t n = 0;

	for (size_t i = 0; i < s->blocks; i++)
		if (!s->block[i].contaminated && s->block[i].tunnel[tunnel].state == SERIES_OK)
			value[n++] = s->block[i].tunnel[tunnel].mean;
	return n;
}

struct figure figure_of(const struct series *s, unsigned tunnel)
{
	double value[STATS_BLOCKS_MAX] = {0};
	size_t n = gather_clean(value, s, tunnel);
	struct stats_interval i = stats_walsh_interval(value, n, 1 - INTERIM_ERROR);

	return (struct figure){
	    .value = n ? stats_hodges_lehmann(value, n) : NAN,
	    .low = i.coverage > 0 ? i.low : -INFINITY,
	    .high = i.coverage > 0 ? i.high : INFINITY,
	    .blocks = n,
	};
}

bool figure_modes(struct stats_modes *m, const struct series *s, unsigned tunnel)
{
	double value[STATS_BLOCKS_MAX] = {0};

	return stats_modes(m, value, gather_clean(value, s, tunnel));
}
