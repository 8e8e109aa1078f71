#include "harness/commands/bisect/search.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

#define ROUNDING 1e-12 // of a probability

void bisect_search_begin(struct bisect_search *s, size_t n)
{
	s->n = n;
	s->point = memory_new(n, sizeof(*s->point));
	for (size_t i = 0; i < n; i++)
		s->point[i].probability = 1.0 / n;
	s->point[n - 1].closed = s->point[n - 1].answered = true; // it is what is bad
}

void bisect_search_free(struct bisect_search *s)
{
	free(s->point);
	*s = (struct bisect_search){0};
}

void bisect_search_answer(struct bisect_search *s, size_t commit, bool bad, double error)
{
	double sum = 0;

	for (size_t i = 0; i < s->n; i++) {
		s->point[i].probability *= (i <= commit) == bad ? 1 - error : error;
		sum += s->point[i].probability;
	}
	for (size_t i = 0; i < s->n; i++)
		s->point[i].probability /= sum;
	s->point[commit].answered = true;
}

void bisect_search_close(struct bisect_search *s, size_t commit)
{
	s->point[commit].closed = true;
}

// Whether something tells, or could, that this commit is the culprit and not the next one.
static bool parts(const struct bisect_point *p)
{
	return p->answered || !p->closed;
}

// The first commit behind the group that begins at `from`, whose probability is added.
static size_t next_group(const struct bisect_search *s, size_t from, double *probability)
{
	size_t i = from;

	do
		*probability += s->point[i].probability;
	while (!parts(&s->point[i++]));
	return i;
}

static bool is_final(const struct bisect_search *s, const struct bisect_range *r)
{
	for (size_t i = r->from; i < r->to; i++)
		if (!s->point[i].closed)
			return false;
	return (!r->from || s->point[r->from - 1].answered) && s->point[r->to].answered;
}

// Of ranges of whole groups: the end goes on until enough is in them, then the beginning.
struct bisect_range bisect_search_range(const struct bisect_search *s, double confidence)
{
	struct bisect_range best = {0, s->n - 1, 1, false};
	double held = 0;

	for (size_t from = 0, end = 0; end < s->n;) {
		end = next_group(s, end, &held);
		while (held >= confidence) {
			double first = 0;
			size_t length = end - from, shortest = best.to - best.from + 1;

			if (length < shortest || (length == shortest && held > best.probability))
				best = (struct bisect_range){from, end - 1, held, false};
			from = next_group(s, from, &first);
			held -= first;
		}
	}
	best.probability = fmin(1, best.probability);
	best.final = is_final(s, &best);
	return best;
}

size_t bisect_search_next(const struct bisect_search *s)
{
	double below = 0, most = -1;
	size_t next = 0;

	for (size_t i = 0; i < s->n; i++) {
		below += s->point[i].probability;
		double less = fmin(below, 1 - below);

		if (s->point[i].closed || less < most + ROUNDING)
			continue;
		most = less;
		next = i;
	}
	return next;
}

static double bits(double p)
{
	return p > 0 ? -p * log2(p) : 0;
}

double bisect_search_expected(const struct bisect_search *s, double confidence, double error)
{
	double unknown = 0, told = 1 - bits(error) - bits(1 - error);

	for (size_t i = 0; i < s->n;) {
		double group = 0;

		i = next_group(s, i, &group);
		unknown += bits(group);
	}
	return fmax(1, (unknown - bits(confidence) - bits(1 - confidence)) / told);
}
