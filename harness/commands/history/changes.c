#include "harness/commands/history/changes.h"

#include "base/memory.h"
#include "base/quote.h"
#include "harness/stats/change.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct stats_divisive divisive = {
    .guard = HISTORY_GUARD, .significance = 0.05, .permutations = 999, .seed = 1};

// What the shortest message counts in, as a part of the series' median.
static const double resolution = 0.001;

// ---- finding

static int by_place(const void *a, const void *b)
{
	const struct history_change *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

static struct history_change *change_at(struct history_series *s, size_t at)
{
	for (size_t i = 0; i < s->changes; i++)
		if (s->change[i].at == at)
			return &s->change[i];
	s->change[s->changes] = (struct history_change){.at = at, .p = NAN};
	return &s->change[s->changes++];
}

static void group(struct history_series *s, const double *x)
{
	struct stats_group *found = memory_new(s->n, sizeof(*found));
	size_t n = stats_group_changes(x, s->n, resolution * fabs(stats_median(x, s->n)), found);

	for (size_t i = 1; i < n; i++)
		if (found[i].begin >= HISTORY_GUARD && found[i].begin + HISTORY_GUARD <= s->n)
			change_at(s, found[i].begin)->grouped = true;
	free(found);
}

static void divide(struct history_series *s, const double *x)
{
	struct stats_change *found = memory_new(s->n, sizeof(*found));
	size_t n = stats_divide(x, s->n, &divisive, found);

	for (size_t i = 0; i < n; i++)
		change_at(s, found[i].at)->p = found[i].p;
	free(found);
}

static void find_changes(struct history_series *s)
{
	double *x = memory_new(s->n, sizeof(*x));

	for (size_t i = 0; i < s->n; i++)
		x[i] = s->point[i].median;
	s->change = memory_new(s->n, sizeof(*s->change));
	if (stats_median(x, s->n) > 0)
		group(s, x);
	divide(s, x);
	qsort(s->change, s->changes, sizeof(*s->change), by_place);
	for (size_t i = 0; i < s->changes; i++) {
		size_t begin = i ? s->change[i - 1].at : 0, at = s->change[i].at,
		       end = i + 1 < s->changes ? s->change[i + 1].at : s->n;

		s->change[i].before = stats_median(x + begin, at - begin);
		s->change[i].after = stats_median(x + at, end - at);
	}
	free(x);
}

double history_change_percent(const struct history_change *c)
{
	return 100 * (c->after / c->before - 1);
}

bool history_change_is_better(const struct history_series *s, const struct history_change *c)
{
	return (c->after > c->before) == s->higher_is_better;
}

// ---- known ones

enum { WORDS = 4 }; // before the reason

static bool knows(char *const *word, const struct history_series *s, const struct history_change *c)
{
	return !strcmp(word[0], s->point[c->at].run) && !fnmatch(word[1], s->workload, 0) &&
	       !fnmatch(word[2], s->metric, 0) && !fnmatch(word[3], s->tunnel, 0);
}

// Cuts the line into its words; what is left is the reason. -EINVAL: too few.
static int split(char *line, char **word, char **reason)
{
	for (int i = 0; i < WORDS; i++) {
		line += strspn(line, " \t");
		word[i] = line;
		line += strcspn(line, " \t");
		if (!*line)
			return -EINVAL;
		*line++ = 0;
	}
	*reason = line + strspn(line, " \t");
	return **reason ? 0 : -EINVAL;
}

static int acknowledge(struct history *h, char *line)
{
	char *word[WORDS], *reason;

	line[strcspn(line, "\n")] = 0;
	if (!line[strspn(line, " \t")] || line[strspn(line, " \t")] == '#')
		return 0;
	if (split(line, word, &reason))
		return -EINVAL;
	for (size_t i = 0; i < h->n; i++)
		for (size_t c = 0; c < h->series[i].changes; c++)
			if (knows(word, &h->series[i], &h->series[i].change[c]))
				snprintf(h->series[i].change[c].acknowledged,
				         sizeof(h->series[i].change[c].acknowledged), "%s", reason);
	return 0;
}

int history_find_changes(struct history *h, const char *acknowledged)
{
	FILE *file = fopen(acknowledged, "re");
	char *line = NULL;
	size_t room = 0;
	int ret = 0;

	if (!file && errno != ENOENT) {
		ret = -errno;
		fprintf(stderr, "wgbench: %s: %s\n", acknowledged, strerror(-ret));
		return ret;
	}
	for (size_t i = 0; i < h->n; i++)
		find_changes(&h->series[i]);
	for (unsigned number = 1; file && !ret && getline(&line, &room, file) > 0; number++) {
		ret = acknowledge(h, line);
		if (ret)
			quote_printf(stderr,
			             "wgbench: %s:%u: needs RUN WORKLOAD METRIC TUNNEL REASON\n",
			             acknowledged, number);
	}
	free(line);
	if (file)
		fclose(file);
	return ret;
}
