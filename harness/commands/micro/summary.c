#include "harness/commands/micro/summary.h"

#include "base/memory.h"
#include "harness/stats/signed_rank.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sample {
	unsigned block;
	double value;
};

// While runs are read: the samples of one entry, by variant, and of its counters.
struct entry_series {
	size_t n, room;
	struct sample *sample;
};

struct collected {
	struct entry_series time[SPEC_VARIANTS_MAX];
	struct entry_series counter[MICRO_COUNTERS_MAX][SPEC_VARIANTS_MAX];
};

static void add_sample(struct entry_series *s, unsigned block, double value)
{
	s->sample = memory_more(s->sample, s->n, &s->room, sizeof(*s->sample));
	s->sample[s->n++] = (struct sample){block, value};
}

// ---- names

static bool ends_name(const char *part)
{
	static const char *const how[] = {"iterations:",  "real_time", "manual_time",
	                                  "process_time", "min_time:", "repeats:"};

	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++)
		if (!strncmp(part, how[i], strlen(how[i])))
			return true;
	return false;
}

// "seal/bytes:64/real_time/threads:2" is shown as "seal/bytes:64/threads:2".
static void name_entry(struct micro_entry *e, const char *name, bool fit)
{
	size_t n = 0;

	e->name = name;
	e->passing = strstr(name, "/real_time") || strstr(name, "/manual_time");
	snprintf(e->sweep, sizeof(e->sweep), "%.*s", (int)strcspn(name, "/"), name);
	if (fit) {
		char *underscore = strstr(e->sweep, "_BigO");

		if (underscore)
			*underscore = 0;
		snprintf(e->shown, sizeof(e->shown), "%s/fit", e->sweep);
		return;
	}
	for (const char *part = name; *part;) {
		size_t length = strcspn(part, "/");

		if (!ends_name(part))
			n += snprintf(e->shown + n, sizeof(e->shown) - n, "%s%.*s", n ? "/" : "",
			              (int)length, part);
		if (n >= sizeof(e->shown))
			break;
		part += length + !!part[length];
	}
}

bool micro_parameter(const char *shown, const char *key, double *value)
{
	size_t length = strlen(key);

	for (const char *part = strchr(shown, '/'); part; part = strchr(part, '/')) {
		part++;
		if (strncmp(part, key, length) || part[length] != ':')
			continue;
		char *end;
		*value = strtod(part + length + 1, &end);
		return end != part + length + 1 && (!*end || *end == '/');
	}
	return false;
}

// ---- reading the runs

static size_t find_entry(struct micro_result *r, struct collected **collected, const char *name,
                         bool fit)
{
	for (size_t i = 0; i < r->entries; i++)
		if (!strcmp(r->entry[i].name, name))
			return i;
	r->entry = memory_resize(r->entry, r->entries + 1, sizeof(*r->entry));
	*collected = memory_resize(*collected, r->entries + 1, sizeof(**collected));
	memset(&r->entry[r->entries], 0, sizeof(*r->entry));
	memset(&(*collected)[r->entries], 0, sizeof(**collected));
	name_entry(&r->entry[r->entries], name, fit);
	return r->entries++;
}

static size_t find_counter(struct micro_entry *e, const char *name)
{
	for (size_t i = 0; i < e->counters; i++)
		if (!strcmp(e->counter[i].name, name))
			return i;
	if (e->counters == MICRO_COUNTERS_MAX)
		return MICRO_COUNTERS_MAX;
	e->counter[e->counters].name = name;
	return e->counters++;
}

// The library puts the user's counters beside its own fields.
static bool is_own_field(const char *key)
{
	static const char *const own[] = {"family_index", "per_family_instance_index",
	                                  "repetitions",  "repetition_index",
	                                  "threads",      "iterations",
	                                  "real_time",    "cpu_time"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(key, own[i]))
			return true;
	return false;
}

static void read_counters(struct micro_entry *e, struct collected *c, json_t *row, size_t variant,
                          unsigned block)
{
	const char *key;
	json_t *value;

	json_object_foreach(row, key, value)
	{
		size_t i;

		if (!json_is_number(value) || is_own_field(key))
			continue;
		i = find_counter(e, key);
		if (i < MICRO_COUNTERS_MAX)
			add_sample(&c->counter[i][variant], block, json_number_value(value));
	}
}

static int read_row(struct micro_result *r, struct collected **collected, json_t *row,
                    size_t variant, unsigned block)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	const char *aggregate = json_string_value(json_object_get(row, "aggregate_name"));
	bool fit = aggregate && !strcmp(aggregate, "BigO");
	const char *order = json_string_value(json_object_get(row, "big_o"));
	json_t *time;

	if (!name || (fit && !order))
		return -EINVAL;
	if (aggregate && !fit)
		return 0;
	size_t at = find_entry(r, collected, name, fit);
	struct micro_entry *e = &r->entry[at];
	struct micro_cell *cell = &e->cell[variant];
	if (json_is_true(json_object_get(row, "error_occurred"))) {
		cell->error = json_string_value(json_object_get(row, "error_message"));
		return cell->error ? 0 : -EINVAL;
	}
	if (json_is_true(json_object_get(row, "skipped"))) {
		cell->error = json_string_value(json_object_get(row, "skip_message"));
		return cell->error ? 0 : -EINVAL;
	}
	time = json_object_get(row, fit ? e->passing ? "real_coefficient" : "cpu_coefficient"
	                            : e->passing ? "real_time"
	                                         : "cpu_time");
	if (!json_is_number(time))
		return -EINVAL;
	if (!fit && !(json_number_value(time) > 0)) {
		cell->error = "no time was measured";
		return 0;
	}
	cell->order = order;
	add_sample(&(*collected)[at].time[variant], block, json_number_value(time));
	if (!fit)
		read_counters(e, &(*collected)[at], row, variant, block);
	return 0;
}

static size_t find_variant(const struct micro_result *r, const char *name)
{
	size_t v = 0;

	while (v < r->variants && strcmp(r->variant[v], name))
		v++;
	return v;
}

static int read_run(struct micro_result *r, struct collected **collected,
                    const struct micro_run *run)
{
	size_t variant = find_variant(r, run->variant), i;
	json_t *row;
	int ret = variant < r->variants ? 0 : -EINVAL;

	json_array_foreach(run->benchmarks, i, row)
	{
		if (!ret)
			ret = read_row(r, collected, row, variant, run->block);
	}
	return ret;
}

static int read_variants(struct micro_result *r, const struct micro_runs *runs)
{
	r->slot = runs->slot;
	for (size_t i = 0; i < runs->variants; i++) {
		if (find_variant(r, runs->variant[i]) < r->variants)
			return -EINVAL;
		r->variant[r->variants++] = runs->variant[i];
	}
	r->base = find_variant(r, runs->base);
	if (r->base == r->variants)
		return -EINVAL;
	snprintf(r->against, sizeof(r->against), "/ %s", r->variant[r->base]);
	return 0;
}

// ---- what they say

static double *values_of(const struct entry_series *s)
{
	double *x = memory_new(s->n, sizeof(*x));

	for (size_t i = 0; i < s->n; i++)
		x[i] = s->sample[i].value;
	return x;
}

static double median_of(const struct entry_series *s)
{
	double *x = values_of(s), median = s->n ? stats_median(x, s->n) : NAN;

	free(x);
	return median;
}

static void summarize_time(struct micro_cell *cell, const struct entry_series *s)
{
	cell->runs = s->n;
	if (!s->n)
		return;
	double *x = values_of(s);
	cell->median = stats_median(x, s->n);
	cell->least = stats_quantile(x, s->n, 0);
	cell->greatest = stats_quantile(x, s->n, 1);
	free(x);
}

// The mean logarithm of the block's times; false where there is none, or one isn't positive.
static bool block_log(const struct entry_series *s, unsigned block, double *log_mean)
{
	double sum = 0;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->sample[i].block != block)
			continue;
		if (!(s->sample[i].value > 0))
			return false;
		sum += log(s->sample[i].value);
		n++;
	}
	*log_mean = sum / n;
	return n;
}

static void compare(struct micro_cell *cell, const struct entry_series *s,
                    const struct entry_series *base)
{
	double effect[STATS_BLOCKS_MAX], mine, theirs;
	size_t n = 0;

	for (unsigned block = 0; block < STATS_BLOCKS_MAX; block++)
		if (block_log(s, block, &mine) && block_log(base, block, &theirs))
			effect[n++] = mine - theirs;
	cell->blocks = n;
	if (!n)
		return;
	cell->ratio = exp(stats_hodges_lehmann(effect, n));
	cell->exact = n >= MICRO_EXACT_BLOCKS;
	if (cell->exact) {
		struct stats_interval interval = stats_signed_rank_interval(effect, n, 0.95);

		cell->low = exp(interval.low);
		cell->high = exp(interval.high);
	} else {
		cell->low = exp(stats_quantile(effect, n, 0));
		cell->high = exp(stats_quantile(effect, n, 1));
	}
}

// Coefficients of different orders have no ratio.
static bool comparable(const struct micro_cell *a, const struct micro_cell *b)
{
	return !a->order || (b->order && !strcmp(a->order, b->order));
}

static void summarize(const struct micro_result *r, struct micro_entry *e, struct collected *c)
{
	for (size_t v = 0; v < r->variants; v++) {
		summarize_time(&e->cell[v], &c->time[v]);
		if (v != r->base && comparable(&e->cell[v], &e->cell[r->base]))
			compare(&e->cell[v], &c->time[v], &c->time[r->base]);
		for (size_t i = 0; i < e->counters; i++)
			e->counter[i].median[v] = median_of(&c->counter[i][v]);
	}
}

static void free_collected(const struct micro_result *r, struct collected *c)
{
	for (size_t e = 0; e < r->entries; e++)
		for (size_t v = 0; v < r->variants; v++) {
			free(c[e].time[v].sample);
			for (size_t i = 0; i < MICRO_COUNTERS_MAX; i++)
				free(c[e].counter[i][v].sample);
		}
	free(c);
}

int micro_result_make(struct micro_result *r, const struct micro_runs *runs)
{
	struct collected *collected = NULL;
	int ret;

	memset(r, 0, sizeof(*r));
	ret = read_variants(r, runs);
	for (size_t i = 0; i < runs->runs && !ret; i++)
		ret = read_run(r, &collected, &runs->run[i]);
	for (size_t e = 0; e < r->entries && !ret; e++)
		summarize(r, &r->entry[e], &collected[e]);
	free_collected(r, collected);
	if (ret)
		micro_result_free(r);
	return ret;
}

void micro_result_free(struct micro_result *r)
{
	free(r->entry);
	memset(r, 0, sizeof(*r));
}

const char *micro_reason(const struct micro_runs *runs, const char *variant, const char *counter)
{
	const struct micro_context *context = micro_runs_context(runs, variant);
	char key[96];

	snprintf(key, sizeof(key), "counter:%s", counter);
	const char *said = context ? json_string_value(json_object_get(context->said, key)) : NULL;
	return said && !strncmp(said, MICRO_UNAVAILABLE, strlen(MICRO_UNAVAILABLE)) ? said : NULL;
}
