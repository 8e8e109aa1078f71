#include "harness/record/trial_line.h"

#include "harness/record/rows.h"

#include <errno.h>
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
	char fault[512];
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

// Of a row that store_trial_rows has passed.
static void copy_text(char *to, const json_t *row, const char *key)
{
	strcpy(to, json_string_value(json_object_get(row, key)));
}

static json_int_t integer_in(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static enum trial_status status_in(const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "status"));
	enum trial_status status = 0;

	while (strcmp(name, trial_status_names[status]))
		status++;
	return status;
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

static void take_metrics(struct trial *t, json_t *metrics)
{
	const char *name;
	json_t *row;

	json_object_foreach(metrics, name, row)
	{
		struct metric *m = &t->metric[t->metrics++];

		strcpy(m->name, name);
		copy_text(m->unit, row, "unit");
		m->value = json_number_value(json_object_get(row, "value"));
		m->judged = json_is_true(json_object_get(row, "judged"));
		m->higher_is_better =
		    !strcmp(json_string_value(json_object_get(row, "better")), "higher");
	}
}

static void take_fields(struct trial *t, const json_t *row)
{
	t->block = integer_in(row, "block");
	t->position = integer_in(row, "position");
	t->start = integer_in(row, "start");
	t->build = integer_in(row, "build");
	t->attempt = integer_in(row, "attempt");
	t->tunnel = integer_in(row, "tunnel");
	t->start_ns = integer_in(row, "start_ns");
	t->duration_ns = integer_in(row, "duration_ns");
	t->status = status_in(row);
	copy_text(t->workload, row, "workload");
	copy_text(t->reason, row, "reason");
	take_metrics(t, json_object_get(row, "metrics"));
	t->parameters = json_incref(json_object_get(row, "parameters"));
	t->samples = json_incref(json_object_get(row, "samples"));
	t->environment = json_incref(json_object_get(row, "environment"));
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
	const char *run = json_string_value(json_object_get(row, "run"));

	if (!run || strcmp(run, st->id)) {
		snprintf(fault, bytes, "of run '%.60s', but run.json is of '%.60s'",
		         run ? run : "(none)", st->id);
		return -EINVAL;
	}
	if (!fields_is_shallow(row)) {
		snprintf(fault, bytes, "nested too deep");
		return -EINVAL;
	}
	if (fields_check(row, store_trial_rows, fault, bytes))
		return -EINVAL;
	take_fields(t, row);
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
