#include "harness/show/verdict/axis.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>

static const struct axis axes[] = {{1.05, 1}, {1.1, 1}, {1.2, 1}, {1.5, 1},
                                   {2, 1},    {4, 2},   {8, 3},   {16, 4}};

double axis_improvement(const struct verdict *v, double percent)
{
	double log_ratio = log1p(percent / 100);

	return v->series->higher_is_better ? log_ratio : -log_ratio;
}

const struct axis *axis_choose(const struct verdict_set *set, const struct summary *of)
{
	size_t last = sizeof(axes) / sizeof(*axes) - 1, i = 0;
	double farthest = -log1p(-set->gate_percent / 100);

	for (size_t n = 0; n < set->n; n++) {
		const struct verdict *v = &set->verdict[n];
		const struct verdict_effect *e = &v->clean;
		const double shown[] = {e->effect, e->low, e->high};

		if (of && !summary_holds(of, v))
			continue;
		for (int k = 0; k < 3; k++)
			if (e->blocks && isfinite(shown[k]))
				farthest = fmax(farthest, fabs(axis_improvement(v, shown[k])));
	}
	while (i < last && log(axes[i].ratio) < farthest)
		i++;
	return &axes[i];
}

double axis_place(const struct axis *a, double improvement)
{
	return fmax(-1, fmin(1, improvement / log(a->ratio)));
}

bool axis_holds(const struct axis *a, double improvement)
{
	return fabs(improvement) <= log(a->ratio) * (1 + 1e-9);
}

void axis_label(struct text *t, const struct axis *a, int tick)
{
	double ratio = pow(a->ratio, (double)abs(tick) / a->ticks);
	bool end = abs(tick) == a->ticks, crowded = a->ticks > 2 && (a->ticks - tick) % 2;

	if (!tick)
		text_add(t, "same");
	else if (crowded)
		return;
	else if (ratio < 2)
		text_add(t, "%.0f %% %s", 100 * (ratio - 1), tick < 0 ? "worse" : "better");
	else
		text_add(t, "%.0f×%s", ratio, !end ? "" : tick < 0 ? " worse" : " better");
}
