#include "harness/plan/interim_plan.h"

#include <math.h>

void interim_fix(struct interim *l, unsigned horizon)
{
	size_t at[STATS_ANALYSES_MAX], n = stats_interim_default(at, horizon);

	stats_interim_plan(&l->plan, at, n, INTERIM_ERROR);
}

bool interim_due(const struct interim *l, unsigned blocks)
{
	for (size_t i = 0; i < l->plan.n; i++)
		if (l->plan.blocks[i] == blocks)
			return true;
	return false;
}

double interim_error(const struct interim *l, unsigned blocks, bool ended)
{
	double spent = 0, share;
	size_t i = 0;

	if (!l->plan.n)
		return INTERIM_ERROR;
	while (i < l->plan.n && l->plan.blocks[i] < blocks)
		spent = l->plan.spent[i++];
	share = i < l->plan.n && l->plan.blocks[i] == blocks ? l->plan.level[i] : 0;
	return ended ? fmax(share, INTERIM_ERROR - spent) : share;
}

double interim_error_extended(const struct interim *l, unsigned ended, const size_t *clean,
                              size_t n)
{
	size_t at[STATS_ANALYSES_MAX], k = 0;
	struct stats_interim extended;
	double before = 0;

	for (size_t i = 0; i < l->plan.n && l->plan.blocks[i] < ended; i++)
		before = l->plan.spent[i];
	for (size_t i = 0; i < n; i++)
		if (clean[i] > (k ? at[k - 1] : 0) && k < STATS_ANALYSES_MAX)
			at[k++] = clean[i];
	if (!k || stats_interim_extend(&extended, at, k, before, interim_error(l, ended, true),
	                               INTERIM_ERROR))
		return 0;
	return extended.level[k - 1];
}

int interim_of_run(struct interim *l, const struct run *r)
{
	*l = (struct interim){0};
	return r->analyses ? stats_interim_plan(&l->plan, r->analysis, r->analyses, INTERIM_ERROR)
	                   : 0;
}
