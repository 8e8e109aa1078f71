#include "harness/commands/bisect/bisect.h"
#include "base/quote.h"
#include "base/text.h"
#include "harness/show/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_time(FILE *to, double seconds)
{
	unsigned s = fmax(0, seconds) + 0.5;

	if (s < 3600)
		fprintf(to, "%u:%02u", s / 60, s % 60);
	else
		fprintf(to, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
}

void bisect_print_progress(const struct bisect *b, size_t next)
{
	const struct bisect_commit *c = &b->commit[next];

	if (!bisect_is_end(b, next)) {
		struct bisect_range r = bisect_search_range(&b->search, b->confidence);
		size_t more =
		    ceil(bisect_search_expected(&b->search, b->confidence, bisect_error(b)));

		quote_printf(stderr,
		             "step %zu: %.12s %s; it is one of %zu of %zu commits, about %zu more "
		             "measurement%s",
		             b->steps, c->hash, c->subject, r.to - r.from + 1, b->commits, more,
		             text_plural(more));
	} else {
		quote_printf(stderr, "%s: does %s differ from %s?", b->steps ? "again" : "first",
		             b->bad, b->good);
	}
	fprintf(stderr, bisect_is_end(b, next) ? " At most " : ", at most ");
	print_time(stderr, b->budget_s - bisect_spent_s(b));
	fprintf(stderr, " left\n");
}

// How often a commit was found on each side; the last step that measured it, or NULL.
static const struct bisect_step *tally(const struct bisect *b, size_t commit, size_t *good,
                                       size_t *bad)
{
	const struct bisect_step *last = NULL;

	*good = *bad = 0;
	for (size_t i = 0; i < b->steps; i++) {
		const struct bisect_step *s = &b->step[i];

		if (s->commit != commit)
			continue;
		*good += s->place.word == PLACE_GOOD;
		*bad += s->place.word == PLACE_BAD;
		last = s;
	}
	return last;
}

static void add_side(struct table *t, const char *skipped, const char *otherwise, size_t good,
                     size_t bad)
{
	char found[64] = "";

	if (good && bad)
		snprintf(found, sizeof(found), "good %zu, bad %zu", good, bad);
	else if (good + bad > 1)
		snprintf(found, sizeof(found), "%s %zu times", good ? "good" : "bad", good + bad);
	else if (good + bad)
		snprintf(found, sizeof(found), "%s", good ? "good" : "bad");
	if (*skipped)
		table_add(t, TABLE_YELLOW, "%s%sskipped: %s", found, *found ? "; " : "", skipped);
	else
		table_add(t, *found ? TABLE_PLAIN : TABLE_DIM, "%s", *found ? found : otherwise);
}

// Of nothing that was measured: none; of an end from itself: nothing.
static void add_effect(struct table *t, const struct place *p, const struct place_distance *d)
{
	if (p && p->blocks)
		table_add(t, TABLE_PLAIN, "%+.2f %%", d->effect);
	else
		table_add(t, TABLE_DIM, "none");
}

static void add_commit(struct table *t, const struct bisect *b, size_t i, bool answer)
{
	const struct bisect_commit *c = &b->commit[i];
	size_t good, bad;
	const struct bisect_step *last = tally(b, i, &good, &bad);
	const struct place *p = last ? &last->place : NULL;

	table_add(t, answer ? TABLE_RED : TABLE_PLAIN, "%.12s", c->hash);
	table_add(t, TABLE_PLAIN, "%.1f %%", 100 * b->search.point[i].probability);
	add_side(t, c->skipped, last ? last->reason : "not measured", good, bad);
	add_effect(t, p, p ? &p->good : NULL);
	if (i + 1 < b->commits)
		add_effect(t, p, p ? &p->bad : NULL);
	else
		table_add(t, TABLE_PLAIN, "%s", "");
	if (!bisect_counts(b)) {
		table_add(t, TABLE_PLAIN, "%zu", p ? p->blocks : 0);
		table_add(t, TABLE_DIM, "%s", last ? last->run : "");
	}
	table_add(t, TABLE_PLAIN, "%s", c->subject);
}

// A count has neither blocks nor a run.
static void begin_commits(struct table *t, const struct bisect *b)
{
	static const struct table_column columns[] = {
	    {"commit", TABLE_LEFT},     {"culprit", TABLE_RIGHT},  {"side", TABLE_LEFT},
	    {"from good", TABLE_RIGHT}, {"from bad", TABLE_RIGHT}, {"blocks", TABLE_RIGHT},
	    {"run", TABLE_LEFT},        {"subject", TABLE_LEFT},
	};
	enum { COLUMNS = sizeof(columns) / sizeof(*columns), OF_RUNS = 5, N_OF_RUNS = 2 };
	struct table_column chosen[COLUMNS];
	size_t n = 0;

	for (size_t i = 0; i < COLUMNS; i++)
		if (!bisect_counts(b) || i < OF_RUNS || i >= OF_RUNS + N_OF_RUNS)
			chosen[n++] = columns[i];
	table_init(t, chosen, n);
}

// The answer and what was tried; of the others how many.
static void print_commits(const struct bisect *b, const struct bisect_range *r)
{
	size_t good, bad, others = 0;
	double probability = 0;
	struct table t;

	begin_commits(&t, b);
	for (size_t i = 0; i < b->commits; i++) {
		bool answer = r->from <= i && i <= r->to;

		if (answer || tally(b, i, &good, &bad)) {
			add_commit(&t, b, i, answer);
			continue;
		}
		others++;
		probability += b->search.point[i].probability;
	}
	table_print(&t, stdout);
	table_free(&t);
	if (others)
		printf("%zu other commit%s, %.1f %% together, did not need to be measured.\n",
		       others, text_plural(others), 100 * probability);
}

static void print_how_to_go_on(const struct bisect *b)
{
	quote_printf(stdout, "To go on: wgbench bisect --resume %s --budget TIME\n", b->dir);
}

static void print_answer(const struct bisect *b, const struct bisect_range *r)
{
	size_t n = r->to - r->from + 1;

	if (!r->final) {
		printf("No answer within the budget: with a probability of %.1f %% it is one of "
		       "the %zu commits from %.12s to %.12s.\n",
		       100 * r->probability, n, b->commit[r->from].hash, b->commit[r->to].hash);
		print_how_to_go_on(b);
	} else if (n > 1)
		printf("With a probability of %.1f %% it is one of the %zu commits from %.12s to "
		       "%.12s, which no measurement tells apart.\n",
		       100 * r->probability, n, b->commit[r->from].hash, b->commit[r->to].hash);
	else
		quote_printf(stdout, "With a probability of %.1f %% it is %.12s: %s\n",
		             100 * r->probability, b->commit[r->from].hash,
		             b->commit[r->from].subject);
}

// What everything else rests on.
static void print_ends(const struct bisect *b, const struct bisect_step *s)
{
	quote_printf(stdout, "%s of %s, %s: ", b->metric, b->workload, b->tunnel);
	if (s->place.blocks)
		quote_printf(stdout, "%+.2f %% from %s to %s", s->place.good.effect, b->good,
		             b->bad);
	else
		quote_printf(stdout, "not known to differ between %s and %s", b->good, b->bad);
	if (isfinite(s->place.good.low) && !bisect_counts(b))
		printf(" [%+.2f, %+.2f]", s->place.good.low, s->place.good.high);
	if (s->place.word == PLACE_OPEN)
		quote_printf(stdout,
		             ": not decided yet whether that is beyond the threshold of %g %% "
		             "(%s)\n",
		             b->gate_percent, s->reason);
	else if (s->place.word == PLACE_GOOD)
		quote_printf(
		    stdout,
		    ": no difference beyond the threshold of %g %% (%s), so there is nothing to "
		    "search for\n",
		    b->gate_percent, s->reason);
	else
		printf(", threshold %g %%, %zu commit%s\n\n", b->gate_percent, b->commits,
		       text_plural(b->commits));
}

void bisect_print(const struct bisect *b)
{
	struct bisect_range r = bisect_search_range(&b->search, b->confidence);
	const struct bisect_step *ends = bisect_ends(b);

	print_ends(b, ends);
	if (ends->place.word == PLACE_OPEN)
		print_how_to_go_on(b);
	if (ends->place.word != PLACE_BAD)
		return;
	print_commits(b, &r);
	printf("\n");
	print_answer(b, &r);
	printf("%zu measurement%s in ", b->steps, text_plural(b->steps));
	print_time(stdout, bisect_spent_s(b));
	quote_printf(stdout, ", kept in %s\n", b->dir);
}
