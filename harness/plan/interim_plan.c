#include "harness/plan/interim_plan.h"

#include <errno.h>
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

json_t *looks_to_json(const struct looks *l)
{
	json_t *array = json_array();

	for (size_t i = 0; i < l->plan.n; i++)
		json_array_append_new(array, json_integer(l->plan.blocks[i]));
	return array;
}

int looks_from_json(struct looks *l, const json_t *array)
{
	size_t at[STATS_LOOKS_MAX], i;
	json_t *row;

	*l = (struct looks){0};
	if (!array)
		return 0;
	if (!json_is_array(array) || json_array_size(array) > STATS_LOOKS_MAX)
		return -EINVAL;
	json_array_foreach(array, i, row)
	{
		if (json_integer_value(row) < 1)
			return -EINVAL;
		at[i] = json_integer_value(row);
	}
	return stats_looks_plan(&l->plan, at, json_array_size(array), LOOKS_ERROR);
}
