#include "harness/plan/goal.h"

#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *goal_relation(const struct goal *g)
{
	return g->at_least ? ">=" : "<=";
}

static const struct workload_use *find_use(const char *text, const struct workload_use *uses,
                                           size_t n, struct text *fault)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(uses[i].name, text))
			return &uses[i];
	text_set(fault, "'%s' is no workload named above: one of", text);
	for (size_t i = 0; i < n; i++)
		text_add(fault, " %s", uses[i].name);
	return NULL;
}

static int check_metric(const char *text, const struct workload *w, struct text *fault)
{
	for (const struct metric *m = w->metrics; m->name; m++)
		if (!strcmp(m->name, text))
			return 0;
	text_set(fault, "'%s' is no metric of %s: one of", text, w->name);
	for (const struct metric *m = w->metrics; m->name; m++)
		text_add(fault, " %s", m->name);
	return -EINVAL;
}

static size_t count_spec(const char *text, size_t length, const char *const *specs, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += strlen(specs[i]) == length && !strncmp(specs[i], text, length);
	return found;
}

// Names the half that isn't a tunnel, or that is two.
static int refuse_half(const char *text, size_t length, const char *const *specs, size_t n,
                       struct text *fault)
{
	text_set(fault, "'%.*s' is %s named above: one of", (int)length, text,
	         count_spec(text, length, specs, n) ? "more than one tunnel" : "no tunnel");
	for (size_t i = 0; i < n; i++)
		text_add(fault, " %s", specs[i]);
	return -EINVAL;
}

// The slash that parts the two may not be the only one: exec:/path, default@origin/main.
static int split_pair(struct goal *g, const char *text, const char *const *specs, size_t n,
                      struct text *fault)
{
	const char *slash = strchr(text, '/');

	if (!slash) {
		text_set(fault, "'%s': expected CANDIDATE/BASELINE", text);
		return -EINVAL;
	}
	for (const char *at = slash; at; at = strchr(at + 1, '/')) {
		size_t length = at - text;

		if (count_spec(text, length, specs, n) != 1)
			continue;
		if (count_spec(at + 1, strlen(at + 1), specs, n) != 1)
			return refuse_half(at + 1, strlen(at + 1), specs, n, fault);
		snprintf(g->candidate, sizeof(g->candidate), "%.*s", (int)length, text);
		snprintf(g->baseline, sizeof(g->baseline), "%s", at + 1);
		if (strcmp(g->candidate, g->baseline))
			return 0;
		text_set(fault, "'%s' compares a tunnel with itself", text);
		return -EINVAL;
	}
	return refuse_half(text, slash - text, specs, n, fault);
}

static int parse_ratio(struct goal *g, const char *text, struct text *fault)
{
	char *end;

	g->ratio = strtod(text, &end);
	if (isdigit((unsigned char)*text) && !*end && isfinite(g->ratio) && g->ratio > 0)
		return 0;
	text_set(fault, "'%s': expected a ratio above 0", text);
	return -EINVAL;
}

int goal_parse(struct goal *g, const char *text, const char *const *specs, size_t n_specs,
               const struct workload_use *uses, size_t n_uses, struct text *fault)
{
	enum { WORKLOAD, METRIC, PAIR, RELATION, RATIO, WORDS };
	char copy[800], *rest = copy, *word[WORDS] = {0};
	const struct workload_use *use;
	int ret;

	*g = (struct goal){0};
	snprintf(copy, sizeof(copy), "%s", text);
	for (size_t i = 0; i < WORDS && rest; i++)
		word[i] = strsep(&rest, " ");
	if (strlen(text) >= sizeof(copy) || rest || !word[RATIO]) {
		text_set(fault,
		         "'%s': expected goal WORKLOAD METRIC CANDIDATE/BASELINE >= RATIO, or "
		         "<=",
		         text);
		return -EINVAL;
	}
	use = find_use(word[WORKLOAD], uses, n_uses, fault);
	if (!use)
		return -EINVAL;
	ret = check_metric(word[METRIC], use->workload, fault);
	if (!ret)
		ret = split_pair(g, word[PAIR], specs, n_specs, fault);
	if (ret)
		return ret;
	g->at_least = !strcmp(word[RELATION], ">=");
	if (!g->at_least && strcmp(word[RELATION], "<=")) {
		text_set(fault, "'%s': expected >= or <=", word[RELATION]);
		return -EINVAL;
	}
	snprintf(g->workload, sizeof(g->workload), "%s", use->name);
	snprintf(g->metric, sizeof(g->metric), "%s", word[METRIC]);
	return parse_ratio(g, word[RATIO], fault);
}
