#include "base/memory.h"
#include "base/text.h"
#include "harness/plan/interim_plan.h"
#include "harness/judge/series.h"
#include "harness/stats/basic.h"
#include "harness/stats/signed_rank.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One attempt at one block of one workload: a range of the sorted trials.
struct attempt {
	const struct trial *const *trial;
	size_t n;
};

static bool same_block(const struct trial *a, const struct trial *b)
{
	return a->block == b->block && !strcmp(a->workload, b->workload);
}

static void fill_value(struct series_value *v, const struct attempt *a, unsigned tunnel,
                       const char *name)
{
	double sum = 0, sum_log = 0;
	size_t n = 0;

	*v = (struct series_value){SERIES_FAILED, NAN, NAN, "no trial in this block"};
	for (size_t i = 0; i < a->n; i++) {
		const struct trial *t = a->trial[i];
		const struct value *m = trial_value(t, name);

		if (t->tunnel != tunnel)
			continue;
		if (t->status == TRIAL_FAILED || t->status == TRIAL_GENERATOR_LIMITED) {
			v->state = t->status == TRIAL_FAILED ? SERIES_FAILED : SERIES_LIMITED;
			v->reason = *t->reason ? t->reason : trial_status_names[t->status];
			return;
		}
		if (!m) {
			v->reason = "not measured";
			return;
		}
		sum += m->value;
		sum_log += m->value > 0 ? log(m->value) : NAN;
		n++;
	}
	if (n)
		*v = (struct series_value){SERIES_OK, sum / n, sum_log / n, NULL};
}

static void add_block(struct series *s, const struct attempt *a, size_t tunnels)
{
	struct series_block *b;

	s->block = memory_resize(s->block, s->blocks + 1, sizeof(*s->block));
	b = &s->block[s->blocks++];
	memset(b, 0, sizeof(*b));
	b->block = a->trial[0]->block;
	b->start = a->trial[0]->start;
	b->build = a->trial[0]->build;
	for (size_t i = 0; i < a->n; i++)
		b->contaminated |= a->trial[i]->status == TRIAL_CONTAMINATED;
	for (size_t t = 0; t < tunnels; t++)
		fill_value(&b->tunnel[t], a, t, s->metric);
}

// Walks the sorted trials, and gives each block's last whole attempt to the workload's series.
static void add_blocks(struct series_set *set, const struct store *st,
                       const struct trial *const *sorted)
{
	for (size_t i = 0, end; i < st->trials; i = end) {
		struct attempt whole = {NULL, 0};

		for (end = i; end < st->trials && same_block(sorted[i], sorted[end]);) {
			size_t first = end;

			while (end < st->trials && same_block(sorted[i], sorted[end]) &&
			       sorted[end]->attempt == sorted[first]->attempt)
				end++;
			if (end - first == st->run.trials_per_block)
				whole = (struct attempt){&sorted[first], end - first};
		}
		set->incomplete += !whole.n;
		for (size_t s = 0; whole.n && s < set->n; s++)
			if (!strcmp(set->series[s].workload, sorted[i]->workload))
				add_block(&set->series[s], &whole, set->tunnels);
	}
}

static bool has_series(const struct series_set *set, const char *workload, const char *metric)
{
	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(set->series[i].metric, metric) &&
		    !strcmp(set->series[i].workload, workload))
			return true;
	return false;
}

// Makes the trial's metrics known as series, in order of appearance.
static void add_series(struct series_set *set, const struct trial *t)
{
	for (size_t i = 0; i < t->values; i++) {
		const struct metric *m = t->value[i].metric;

		if (has_series(set, t->workload, m->name))
			continue;
		set->series = memory_resize(set->series, set->n + 1, sizeof(*set->series));
		set->series[set->n++] = (struct series){.workload = t->workload,
		                                        .metric = m->name,
		                                        .unit = m->unit,
		                                        .higher_is_better = m->higher_is_better,
		                                        .judged = m->judged};
	}
}

static void find_unmeasured(struct series_set *set, const struct store *st)
{
	for (size_t i = 0; i < st->trials && !set->unmeasured; i++) {
		set->unmeasured = st->trial[i].workload;
		for (size_t s = 0; s < set->n && set->unmeasured; s++)
			if (!strcmp(set->series[s].workload, set->unmeasured))
				set->unmeasured = NULL;
	}
}

static bool decides(const struct store *st, const char *metric)
{
	for (size_t i = 0; i < st->run.deciding; i++)
		if (!strcmp(st->run.decides[i], metric))
			return true;
	return !st->run.deciding;
}

static size_t count_clean(const struct series *s, size_t blocks)
{
	size_t clean = 0;

	for (size_t i = 0; i < s->blocks && i < blocks; i++)
		clean += !s->block[i].contaminated;
	return clean;
}

// After the ends that were judged, this one; while the run goes on nothing is.
static double find_extended_error(const struct series *s, const struct interim *analyses,
                                  bool ended)
{
	size_t clean[RUN_EXTENSIONS_MAX + 1];

	if (!ended)
		return 0;
	for (size_t i = 0; i < s->ends; i++)
		clean[i] = count_clean(s, s->end[i]);
	clean[s->ends] = count_clean(s, s->blocks);
	return interim_error_extended(analyses, s->end[0], clean, s->ends + 1);
}

// What an extension may spend, for reckoning how long it would have to be: half of what the first
// end's test and those before couldn't attain, half of that at a second one, and so on
// (stats_interim_extend(), by its bound instead of its simulation). Of a run that goes on, whose
// end is planned already, all of it.
static double find_later_error(const struct series *s, const struct interim *analyses, bool ended)
{
	unsigned first = s->ends ? s->end[0] : s->blocks;
	double before = 0;

	if (!ended || !count_clean(s, first))
		return INTERIM_ERROR;
	for (size_t i = 0; i < analyses->plan.n && analyses->plan.blocks[i] < first; i++)
		before = analyses->plan.spent[i];
	double attained =
	    stats_signed_rank_attained(count_clean(s, first), interim_error(analyses, first, true));
	return fmax(0, INTERIM_ERROR - before - attained) / ldexp(2, (int)s->ends);
}

static void find_ends(struct series *s, const struct run *r)
{
	for (size_t i = 0; i < r->times_extended; i++) {
		unsigned blocks = run_extended_at(&r->extension[i], s->workload);

		if (blocks)
			s->end[s->ends++] = blocks;
	}
}

// Of another metric of the same workload, whose blocks are the same.
static const struct series *find_sibling(const struct series_set *set, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(set->series[j].workload, set->series[i].workload))
			return &set->series[j];
	return NULL;
}

static int share_error(struct series_set *set, const struct store *st, struct text *fault)
{
	struct interim analyses;

	if (interim_of_run(&analyses, &st->run)) {
		text_set(fault, "run.json: 'looks' can't be read");
		return -EINVAL;
	}
	for (size_t i = 0; i < set->n; i++) {
		struct series *s = &set->series[i];
		enum end_reason end = run_end_of(&st->run, s->workload);

		const struct series *sibling = find_sibling(set, i);
		bool ended = end != END_NONE && end != END_DECIDED;

		find_ends(s, &st->run);
		s->goes_on = s->ends && !ended;
		s->error = sibling   ? sibling->error
		           : s->ends ? find_extended_error(s, &analyses, ended)
		                     : interim_error(&analyses, s->blocks, ended);
		s->error_later =
		    sibling ? sibling->error_later
		            : find_later_error(s, &analyses, ended || s->blocks >= st->run.blocks);
		s->decides = decides(st, s->metric);
	}
	return 0;
}

static int check_blocks(const struct series_set *set, struct text *fault)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->series[i].blocks > STATS_BLOCKS_MAX) {
			text_set(fault, "%zu blocks, but at most %d can be judged",
			         set->series[i].blocks, STATS_BLOCKS_MAX);
			return -EINVAL;
		}
	return 0;
}

int series_gather(struct series_set *set, const struct store *st, struct text *fault)
{
	const struct trial **sorted = memory_new(st->trials, sizeof(*sorted));
	int ret = 0;

	memset(set, 0, sizeof(*set));
	set->tunnels = st->run.tunnels;
	for (size_t i = 0; i < st->trials; i++) {
		sorted[i] = &st->trial[i];
		set->trials[st->trial[i].status]++;
		add_series(set, &st->trial[i]);
	}
	if (!ret && !st->trials) {
		text_set(fault, "holds no trials");
		ret = -EINVAL;
	}
	if (!ret && !set->n) {
		text_set(fault, "none of %zu trials measured anything: %s", st->trials,
		         st->trial[0].reason);
		ret = -EINVAL;
	}
	if (!ret) {
		qsort(sorted, st->trials, sizeof(*sorted), trial_order_by_place);
		add_blocks(set, st, sorted);
		find_unmeasured(set, st);
		ret = check_blocks(set, fault);
	}
	if (!ret)
		ret = share_error(set, st, fault);
	free(sorted);
	if (ret)
		series_free(set);
	return ret;
}

double series_median(const struct series *s, unsigned tunnel, bool contaminated_too)
{
	double value[STATS_BLOCKS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < s->blocks; i++)
		if (s->block[i].tunnel[tunnel].state == SERIES_OK &&
		    (contaminated_too || !s->block[i].contaminated))
			value[n++] = s->block[i].tunnel[tunnel].mean;
	return stats_median(value, n);
}

void series_free(struct series_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->series[i].block);
	free(set->series);
	set->series = NULL;
	set->n = 0;
}
