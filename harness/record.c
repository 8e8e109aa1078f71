#include "harness/record.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const trial_status_names[] = {
    [TRIAL_OK] = "ok",
    [TRIAL_CONTAMINATED] = "contaminated",
    [TRIAL_GENERATOR_LIMITED] = "generator-limited",
    [TRIAL_FAILED] = "failed",
};
enum { STATUSES = sizeof(trial_status_names) / sizeof(trial_status_names[0]) };

// NULL for a value that isn't finite: JSON has none such.
static json_t *encode_metric(const struct metric *m)
{
	return json_pack("{s:f, s:s, s:s, s:b}", "value", m->value, "unit", m->unit, "better",
	                 m->higher_is_better ? "higher" : "lower", "judged", m->judged);
}

static json_t *encode_metrics(const struct trial *t)
{
	json_t *metrics = json_object();

	for (size_t i = 0; i < t->metrics; i++) {
		const struct metric *m = &t->metric[i];

		// json_object_set_new() refuses NULL, and takes the value on failure too.
		if (json_object_get(metrics, m->name) ||
		    json_object_set_new(metrics, m->name, encode_metric(m))) {
			json_decref(metrics);
			return NULL;
		}
	}
	return metrics;
}

static int add_borrowed(json_t *row, const char *key, json_t *value)
{
	return value ? json_object_set(row, key, value) : 0;
}

// Objects are added one by one: a json_pack() that fails loses those that it was given.
static json_t *encode(const struct trial *t, const struct store *st)
{
	json_t *row;

	if ((size_t)t->status >= STATUSES)
		return NULL;
	row = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:s, s:s}", "run",
	                st->id, "block", (json_int_t)t->block, "position", (json_int_t)t->position,
	                "start", (json_int_t)t->start, "build", (json_int_t)t->build, "attempt",
	                (json_int_t)t->attempt, "tunnel", (json_int_t)t->tunnel, "workload",
	                t->workload, "start_ns", (json_int_t)t->start_ns, "duration_ns",
	                (json_int_t)t->duration_ns, "status", trial_status_names[t->status],
	                "reason", t->reason);
	if (row && !add_borrowed(row, "parameters", t->parameters) &&
	    !json_object_set_new(row, "metrics", encode_metrics(t)) &&
	    !add_borrowed(row, "samples", t->samples) &&
	    !add_borrowed(row, "environment", t->environment))
		return row;
	json_decref(row);
	return NULL;
}

static void forget(struct trial *t)
{
	json_decref(t->parameters);
	json_decref(t->samples);
	json_decref(t->environment);
}

int record_encode(const struct trial *t, const struct store *st, char **line)
{
	struct trial back = {0};
	char fault[160];
	json_t *row = encode(t, st);
	size_t length;
	int ret;

	*line = NULL;
	if (!row)
		return -EINVAL;
	length = json_dumpb(row, NULL, 0, JSON_COMPACT);
	*line = malloc(length + 2);
	if (!*line)
		abort();
	json_dumpb(row, *line, length, JSON_COMPACT);
	json_decref(row);
	memcpy(*line + length, "\n", 2);
	ret = record_decode(&back, st, *line, length + 1, fault, sizeof(fault));
	forget(&back);
	if (ret) {
		free(*line);
		*line = NULL;
	}
	return ret;
}

static int take_text(const json_t *object, const char *key, char *to, size_t bytes)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) >= bytes ||
	    strlen(text) != json_string_length(value))
		return -EINVAL;
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

static int take_unsigned(const json_t *row, const char *key, unsigned *to)
{
	const json_t *value = json_object_get(row, key);
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > INT_MAX)
		return -EINVAL;
	*to = n;
	return 0;
}

static int take_ns(const json_t *row, const char *key, uint64_t *to)
{
	const json_t *value = json_object_get(row, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EINVAL;
	*to = json_integer_value(value);
	return 0;
}

static int take_status(const json_t *row, enum trial_status *to)
{
	const char *name = json_string_value(json_object_get(row, "status"));

	for (size_t i = 0; name && i < STATUSES; i++)
		if (!strcmp(name, trial_status_names[i])) {
			*to = i;
			return 0;
		}
	return -EINVAL;
}

static int take_metric(struct metric *m, const char *name, const json_t *row)
{
	const json_t *value = json_object_get(row, "value"),
	             *judged = json_object_get(row, "judged");
	const char *better = json_string_value(json_object_get(row, "better"));

	if (!*name || strlen(name) >= sizeof(m->name) || !json_is_number(value) ||
	    !isfinite(json_number_value(value)) || !json_is_boolean(judged) ||
	    take_text(row, "unit", m->unit, sizeof(m->unit)) || !better ||
	    (strcmp(better, "higher") && strcmp(better, "lower")))
		return -EINVAL;
	strcpy(m->name, name);
	m->value = json_number_value(value);
	m->judged = json_is_true(judged);
	m->higher_is_better = !strcmp(better, "higher");
	return 0;
}

void record_fail_stalled(struct trial *t)
{
	for (size_t i = 0; i < t->metrics && t->status != TRIAL_FAILED; i++) {
		const struct metric *m = &t->metric[i];

		if (!m->judged || m->value > 0)
			continue;
		t->status = TRIAL_FAILED;
		snprintf(t->reason, sizeof(t->reason), "%s is %g: stalled, or not measured",
		         m->name, m->value);
	}
}

static int take_metrics(struct trial *t, json_t *metrics, char *fault, size_t bytes)
{
	const char *name;
	json_t *row;

	json_object_foreach(metrics, name, row)
	{
		if (t->metrics == TRIAL_METRICS_MAX ||
		    take_metric(&t->metric[t->metrics], name, row)) {
			snprintf(fault, bytes,
			         "metric '%.48s' needs a number 'value', texts 'unit' and 'better' "
			         "(higher or lower), and 'judged'",
			         name);
			return -EINVAL;
		}
		t->metrics++;
	}
	return 0;
}

// The name of the first field that is missing or of the wrong kind, or NULL.
static const char *take_fields(struct trial *t, const json_t *row)
{
	if (take_unsigned(row, "block", &t->block))
		return "block";
	if (take_unsigned(row, "position", &t->position))
		return "position";
	if (take_unsigned(row, "start", &t->start))
		return "start";
	if (take_unsigned(row, "attempt", &t->attempt))
		return "attempt";
	if (json_object_get(row, "build") && take_unsigned(row, "build", &t->build))
		return "build";
	if (take_unsigned(row, "tunnel", &t->tunnel))
		return "tunnel";
	if (take_text(row, "workload", t->workload, sizeof(t->workload)) || !*t->workload)
		return "workload";
	if (take_ns(row, "start_ns", &t->start_ns))
		return "start_ns";
	if (take_ns(row, "duration_ns", &t->duration_ns))
		return "duration_ns";
	if (take_status(row, &t->status))
		return "status";
	if (take_text(row, "reason", t->reason, sizeof(t->reason)))
		return "reason";
	if (!json_is_object(json_object_get(row, "metrics")))
		return "metrics";
	return NULL;
}

// A run that has no plan is judged by what it holds.
static bool is_planned(const struct store *st, const char *workload)
{
	const json_t *planned = json_object_get(st->run, "workloads"), *name;
	size_t i;

	json_array_foreach(planned, i, name)
	{
		if (!strcmp(json_string_value(name), workload))
			return true;
	}
	return !json_array_size(planned);
}

static int take_row(struct trial *t, const struct store *st, const json_t *row, char *fault,
                    size_t bytes)
{
	const char *run = json_string_value(json_object_get(row, "run")), *wrong;

	if (!run || strcmp(run, st->id)) {
		snprintf(fault, bytes, "of run '%.60s', but run.json is of '%.60s'",
		         run ? run : "(none)", st->id);
		return -EINVAL;
	}
	wrong = take_fields(t, row);
	if (wrong) {
		snprintf(fault, bytes, "'%s' is missing or not what it must be", wrong);
		return -EINVAL;
	}
	if (t->tunnel >= st->tunnels) {
		snprintf(fault, bytes, "tunnel %u, but run.json has %zu", t->tunnel, st->tunnels);
		return -EINVAL;
	}
	if (t->position >= st->trials_per_block) {
		snprintf(fault, bytes, "position %u, but a block has %u trials", t->position,
		         st->trials_per_block);
		return -EINVAL;
	}
	if (!is_planned(st, t->workload)) {
		snprintf(fault, bytes, "workload '%s' isn't among run.json's", t->workload);
		return -EINVAL;
	}
	t->parameters = json_incref(json_object_get(row, "parameters"));
	t->samples = json_incref(json_object_get(row, "samples"));
	t->environment = json_incref(json_object_get(row, "environment"));
	if (take_metrics(t, json_object_get(row, "metrics"), fault, bytes))
		return -EINVAL;
	record_fail_stalled(t);
	return 0;
}

int record_decode(struct trial *t, const struct store *st, const char *line, size_t length,
                  char *fault, size_t bytes)
{
	json_error_t error;
	json_t *row = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	int ret = -EINVAL;

	if (row)
		ret = take_row(t, st, row, fault, bytes);
	else
		snprintf(fault, bytes, "%s", error.text);
	json_decref(row);
	return ret;
}
