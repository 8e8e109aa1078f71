#include "harness/judge/decided.h"

#include <string.h>

#include "harness/judge/outcome.h"
#include "harness/judge/side.h"

static bool is_open(const struct plan *p, const struct verdict *v, double gate_percent)
{
	struct place place;

	if (!p->between && p->question == QUESTION_REGRESSION)
		return v->word != VERDICT_WORSE && !v->regression_excluded;
	if (!p->between)
		return v->word == VERDICT_UNDECIDED;
	place_judge(&place, v->series, gate_percent, p->between);
	return place.word == PLACE_OPEN;
}

int decided_by(const struct plan *p, const struct store *st, bool decided[RUN_WORKLOADS_MAX])
{
	bool open[RUN_WORKLOADS_MAX] = {0}, seen[RUN_WORKLOADS_MAX] = {0};
	struct outcome o;
	int ret = outcome_judge(&o, st, &(struct outcome_how){.alone = true});

	if (ret)
		return ret;
	for (size_t i = 0; i < o.verdicts.n; i++) {
		const struct verdict *v = &o.verdicts.verdict[i];

		for (size_t j = 0; j < p->workloads; j++)
			if (!strcmp(p->workload[j].name, v->series->workload) &&
			    v->series->decides && !v->control) {
				seen[j] = true;
				open[j] |= is_open(p, v, o.verdicts.gate_percent);
			}
	}
	bool all = true, any = false;
	for (size_t j = 0; j < p->workloads; j++) {
		all &= !seen[j] || !open[j];
		any |= seen[j];
	}
	for (size_t j = 0; j < p->workloads; j++)
		decided[j] = seen[j] ? !open[j] : any && all;
	outcome_free(&o);
	return 0;
}
