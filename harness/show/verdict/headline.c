#include "harness/show/verdict/headline.h"
#include "harness/show/verdict/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum verdict_word headline_word(const struct summary *s)
{
	size_t better = s->count[VERDICT_BETTER], worse = s->count[VERDICT_WORSE];

	if (better && !worse)
		return VERDICT_BETTER;
	if (worse && !better)
		return VERDICT_WORSE;
	return s->n && s->count[VERDICT_SAME] == s->n ? VERDICT_SAME : VERDICT_UNDECIDED;
}

void headline_claim(struct text *t, const struct outcome *o, const struct summary *s)
{
	const char *candidate = o->store->run.tunnel[s->candidate].spec,
	           *baseline = o->store->run.tunnel[s->baseline].spec;

	if (!strcmp(candidate, baseline))
		candidate = "the same tunnel again";
	switch (headline_word(s)) {
	case VERDICT_BETTER:
		text_add(t, "%s is better than %s", candidate, baseline);
		break;
	case VERDICT_WORSE:
		text_add(t, "%s is worse than %s", candidate, baseline);
		break;
	case VERDICT_SAME:
		text_add(t, "%s is the same as %s", candidate, baseline);
		break;
	default:
		if (s->count[VERDICT_BETTER])
			text_add(t, "%s is better than %s in some ways and worse in others",
			         candidate, baseline);
		else if (s->not_worse + s->count[VERDICT_SAME] == s->n)
			text_add(t, "%s is not worse than %s", candidate, baseline);
		else
			text_add(t, "No difference shown between %s and %s", candidate, baseline);
	}
}

// One of a kind: two metrics with the same words are one thing to a reader.
static bool is_told(const char **told, size_t n, const char *label)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(told[i], label))
			return true;
	return false;
}

static const struct verdict *largest(const struct outcome *o, const struct summary *s,
                                     const char **told, size_t n)
{
	const struct verdict *found = NULL;

	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];
		const char *label = words_metric(v->series->metric);

		if (!summary_holds(s, v) ||
		    (v->word != VERDICT_BETTER && v->word != VERDICT_WORSE) ||
		    is_told(told, n, label))
			continue;
		if (!found)
			found = v;
		else if (!strcmp(label, words_metric(found->series->metric)) &&
		         fabs(log1p(v->clean.effect / 100)) >
		             fabs(log1p(found->clean.effect / 100)))
			found = v;
	}
	return found;
}

void headline_effects(struct text *t, const struct outcome *o, const struct summary *s)
{
	enum { MOST = 3 };
	const char *told[MOST];
	const struct verdict *v;

	for (size_t n = 0; n < MOST && (v = largest(o, s, told, n)); n++) {
		told[n] = words_metric(v->series->metric);
		if (n)
			text_add(t, ", ");
		words_effect(t, v->series->metric, v->clean.effect);
	}
}

static void add_share(struct text *t, size_t n, const char *word, bool *first)
{
	if (!n)
		return;
	text_add(t, "%s%zu %s", *first ? "" : ", ", n, word);
	*first = false;
}

static void add_shares(struct text *t, const struct summary *s)
{
	bool first = true;

	text_add_count(t, s->n, "metric");
	text_add(t, ": ");
	add_share(t, s->count[VERDICT_BETTER], "better", &first);
	add_share(t, s->count[VERDICT_WORSE], "worse", &first);
	add_share(t, s->count[VERDICT_SAME], "the same", &first);
	add_share(t, s->not_worse, "not worse", &first);
	add_share(t, s->count[VERDICT_UNDECIDED] - s->not_worse, "undecided", &first);
}

void headline_control(struct text *t, const struct outcome *o, const struct summary *s)
{
	text_add(t, "Null control, %s against itself: ", o->store->run.tunnel[s->baseline].spec);
	add_shares(t, s);
	text_add(t, o->biased ? ". Biased." : ".");
}

void headline_counts(struct text *t, const struct summary *s)
{
	add_shares(t, s);
	text_add(t, ".");
}

// Worse in rows of their own, which as one of many comparisons may be chance.
static size_t worse_alone(const struct outcome *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->verdicts.n; i++)
		n +=
		    o->verdicts.verdict[i].word == VERDICT_WORSE && !o->verdicts.verdict[i].control;
	return n;
}

void headline_answer(struct text *t, const struct outcome *o)
{
	double gate = o->verdicts.gate_percent;
	enum outcome_answer answer = outcome_answer(o);
	size_t alone = worse_alone(o);

	if (answer == OUTCOME_NO_REGRESSION && o->store->run.deciding)
		text_add(t,
		         "No regression: what decides isn't worse by more than %g %%, and nothing "
		         "else is shown to be.",
		         gate);
	else if (answer == OUTCOME_NO_REGRESSION)
		text_add(t, "No regression: no metric is worse by more than %g %%.", gate);
	else if (answer == OUTCOME_REGRESSION)
		text_add(t, "Regression: worse by more than %g %%, and not by chance.", gate);
	else if (o->missing || o->unfinished)
		text_add(t, "Undecided: the run isn't complete.");
	else if (o->biased)
		text_add(t, "Undecided: the null control differs from itself by more than %g %%.",
		         gate);
	else if (alone)
		text_add(t,
		         "Undecided: %zu of %zu comparisons are worse, but among so many, so few "
		         "blocks can't exclude chance.",
		         alone, o->verdicts.n);
	else
		text_add(t, "Undecided: a regression beyond %g %% is neither shown nor excluded.",
		         gate);
}
