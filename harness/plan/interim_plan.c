#include "harness/plan/interim_plan.h"

#include <math.h>

void looks_fix(struct looks *l, unsigned horizon)
{
	size_t at[STATS_LOOKS_MAX], n = stats_looks_default(at, horizon);

	stats_looks_plan(&l->plan, at, n, LOOKS_ERROR);
}

bool looks_due(const struct looks *l, unsigned blocks)
{
	for (size_t i = 0; i < l->plan.n; i++)
		if (l->plan.blocks[i] == blocks)
			return true;
	return false;
}

double looks_error(const struct looks *l, unsigned blocks, bool ended)
{
	double spent = 0, share;
	size_t i = 0;

	if (!l->plan.n)
		return LOOKS_ERROR;
	while (i < l->plan.n && l->plan.blocks[i] < blocks)
		spent = l->plan.spent[i++];
	share = i < l->plan.n && l->plan.blocks[i] == blocks ? l->plan.level[i] : 0;
	return ended ? fmax(share, LOOKS_ERROR - spent) : share;
}

double looks_error_extended(const struct looks *l, unsigned ended, const size_t *clean, size_t n)
{
	size_t at[STATS_LOOKS_MAX], k = 0;
	struct stats_looks extended;
	double before = 0;

	for (size_t i = 0; i < l->plan.n && l->plan.blocks[i] < ended; i++)
		before = l->plan.spent[i];
	for (size_t i = 0; i < n; i++)
		if (clean[i] > (k ? at[k - 1] : 0) && k < STATS_LOOKS_MAX)
			at[k++] = clean[i];
	if (!k ||
	    stats_looks_extend(&extended, at, k, before, looks_error(l, ended, true), LOOKS_ERROR))
		return 0;
	return extended.level[k - 1];
}

int looks_of_run(struct looks *l, const struct run *r)
{
	*l = (struct looks){0};
	return r->looks ? stats_looks_plan(&l->plan, r->look, r->looks, LOOKS_ERROR) : 0;
}
