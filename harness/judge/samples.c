#include "harness/judge/samples.h"
#include "base/memory.h"
#include "harness/stats/basic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 10000 };

// NULL: a trial of another kind, or without any.
static const json_t *samples_of(const struct trial *t, const char *workload)
{
	if (t->status == TRIAL_FAILED || strcmp(t->workload, workload) ||
	    !json_array_size(t->samples) || !json_is_number(json_array_get(t->samples, 0)))
		return NULL;
	return t->samples;
}

// NAN unless it is a number that can be a rate or a delay.
static double sample(const json_t *samples, size_t i)
{
	const json_t *value = json_array_get(samples, i);
	double x = json_is_number(value) ? json_number_value(value) : NAN;

	return isfinite(x) && x >= 0 ? x : NAN;
}

enum samples_kind samples_kind(const struct outcome *o, const char *workload)
{
	bool any = false;

	for (size_t i = 0; i < o->store->trials && !any; i++)
		any = samples_of(&o->store->trial[i], workload);
	if (any && run_metric_of(&o->store->run, workload, "p50_us"))
		return SAMPLES_DELAYS;
	if (any && run_metric_of(&o->store->run, workload, "goodput_gbps"))
		return SAMPLES_RATES;
	return SAMPLES_NONE;
}

static size_t count_steps(const struct outcome *o, const char *workload, unsigned tunnel)
{
	size_t most = 0;

	for (size_t i = 0; i < o->store->trials; i++) {
		const struct trial *t = &o->store->trial[i];
		const json_t *s = t->tunnel == tunnel ? samples_of(t, workload) : NULL;

		if (s && json_array_size(s) > most)
			most = json_array_size(s);
	}
	return most < STEPS_MAX ? most : STEPS_MAX;
}

static void count_stalls(struct samples_course *c, const json_t *samples)
{
	size_t n = json_array_size(samples);
	double sum = 0;

	for (size_t k = 0; k < n; k++)
		sum += isnan(sample(samples, k)) ? 0 : sample(samples, k);
	for (size_t k = 0; k < n; k++)
		c->stalled += sample(samples, k) < sum / n / 2;
	c->values += n;
}

void samples_course(struct samples_course *c, const struct outcome *o, const char *workload,
                    unsigned tunnel)
{
	double *value = memory_new(o->store->trials, sizeof(*value));

	*c = (struct samples_course){.n = count_steps(o, workload, tunnel)};
	c->median = memory_new(c->n, sizeof(double));
	c->low = memory_new(c->n, sizeof(double));
	c->high = memory_new(c->n, sizeof(double));
	for (size_t k = 0; k < c->n; k++) {
		size_t n = 0;

		for (size_t i = 0; i < o->store->trials; i++) {
			const struct trial *t = &o->store->trial[i];
			const json_t *s = t->tunnel == tunnel ? samples_of(t, workload) : NULL;

			if (s && !k)
				count_stalls(c, s);
			if (s && !isnan(sample(s, k)))
				value[n++] = sample(s, k);
		}
		c->median[k] = n ? stats_median(value, n) : NAN;
		c->low[k] = n ? stats_quantile(value, n, 0.1) : NAN;
		c->high[k] = n ? stats_quantile(value, n, 0.9) : NAN;
	}
	free(value);
}

void samples_course_free(struct samples_course *c)
{
	free(c->median);
	free(c->low);
	free(c->high);
}

static size_t gather_delays(double **delay, const struct outcome *o, const char *workload,
                            unsigned tunnel)
{
	size_t n = 0, room = 0;

	*delay = NULL;
	for (size_t i = 0; i < o->store->trials; i++) {
		const struct trial *t = &o->store->trial[i];
		const json_t *s = t->tunnel == tunnel ? samples_of(t, workload) : NULL;

		for (size_t k = 0; k < json_array_size(s); k++) {
			if (isnan(sample(s, k)))
				continue;
			*delay = memory_more(*delay, n, &room, sizeof(**delay));
			(*delay)[n++] = sample(s, k);
		}
	}
	return n;
}

void samples_delays(struct samples_delays *d, const struct outcome *o, const char *workload,
                    unsigned tunnel)
{
	double *delay;
	size_t n = gather_delays(&delay, o, workload, tunnel);

	*d = (struct samples_delays){.n = n ? SAMPLES_PLACES : 0};
	if (n)
		stats_sort(delay, n);
	for (size_t i = 0; i < d->n; i++) {
		d->share[i] = pow(n, -(double)i / (SAMPLES_PLACES - 1));
		d->delay_us[i] = stats_quantile(delay, n, 1 - d->share[i]);
	}
	free(delay);
}
