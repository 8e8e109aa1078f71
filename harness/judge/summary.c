#include "harness/judge/summary.h"
#include "base/memory.h"

bool summary_holds(const struct summary *s, const struct verdict *v)
{
	return v->candidate == s->candidate && v->baseline == s->baseline;
}

static struct summary *find(struct summary *s, size_t *n, const struct verdict *v)
{
	for (size_t i = 0; i < *n; i++)
		if (summary_holds(&s[i], v))
			return &s[i];
	s[*n] = (struct summary){
	    .candidate = v->candidate, .baseline = v->baseline, .control = v->control};
	return &s[(*n)++];
}

static void add(struct summary *s, const struct verdict *v)
{
	s->n++;
	s->count[v->word]++;
	s->not_worse += v->word == VERDICT_UNDECIDED && v->regression_excluded;
	if (v->series->decides && !v->control && !v->regression_excluded && !v->regression &&
	    v->blocks_to_exclude > s->blocks_more)
		s->blocks_more = v->blocks_to_exclude;
}

struct summary *summaries_of(const struct outcome *o, size_t *n)
{
	struct summary *s = memory_new(o->verdicts.n, sizeof(*s));

	*n = 0;
	for (size_t i = 0; i < o->verdicts.n; i++)
		add(find(s, n, &o->verdicts.verdict[i]), &o->verdicts.verdict[i]);
	return s;
}
