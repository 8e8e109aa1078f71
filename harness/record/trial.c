#include "harness/record/trial.h"

#include "base/fields.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ATTEMPT_MAX = 999, STARTS_MAX = 1 << 20, TEXTS_MAX = 4096 };
#define INTEGER_MAX 9223372036854774784.0 // that a double holds
#define VALUE_MAX 1e30

static const char *const betters[] = {"lower", "higher", NULL};
const char *const trial_status_names[] = {
    [TRIAL_OK] = "ok",
    [TRIAL_CONTAMINATED] = "contaminated",
    [TRIAL_GENERATOR_LIMITED] = "generator-limited",
    [TRIAL_FAILED] = "failed",
    NULL,
};

#define NUMBER(key, member)                                                                        \
	{                                                                                          \
		key, FIELD_NUMBER, FIELD_OPTIONAL, FIELD_IN(struct trial_end, member),             \
		    .max = VALUE_MAX, .otherwise = NAN                                             \
	}
static const struct field per_packet_rows[] = {
    NUMBER("tun_reads", tun_reads),     NUMBER("udp_sends", udp_sends),
    NUMBER("tun_writes", tun_writes),   NUMBER("udp_receives", udp_receives),
    NUMBER("epoll_waits", epoll_waits), {0},
};
static const struct field per_batch_rows[] = {
    NUMBER("tx", tx_batch),
    NUMBER("rx", rx_batch),
    {0},
};
#undef NUMBER

const struct field trial_counter_row = {
    .kind = FIELD_INTEGER, FIELD_IN(struct trial_counter, n), .max = INTEGER_MAX};

#define HERE(member) FIELD_IN(struct trial_end, member)
static const struct field end_rows[] = {
    {"*", FIELD_REST, HERE(rest)},
    {"per_packet", FIELD_OBJECT, FIELD_OPTIONAL, .rows = per_packet_rows},
    {"packets_per_batch", FIELD_OBJECT, FIELD_OPTIONAL, .rows = per_batch_rows},
    {"counters", FIELD_MAP, FIELD_OPTIONAL, FIELD_LIST(struct trial_end, counter, counters),
     .max = TRIAL_COUNTERS_MAX, .keys = FIELD_METRIC, .rows = &trial_counter_row},
    {"offloads", FIELD_OBJECT, FIELD_OPTIONAL, HERE(offloads)},
    {0},
};
#undef HERE

#define HERE(member) FIELD_IN(struct trial, member)
static const struct field both_rows[] = {
    {"left", FIELD_OBJECT, FIELD_OPTIONAL, HERE(end[0]), .rows = end_rows},
    {"right", FIELD_OBJECT, FIELD_OPTIONAL, HERE(end[1]), .rows = end_rows},
    {0},
};
static const struct field environment_rows[] = {
    {"*", FIELD_REST, HERE(environment)},
    {"tunnel_cpu_s", FIELD_NUMBER, FIELD_OR_NULL, HERE(tunnel_cpu_s), .max = VALUE_MAX},
    {"machine_cpu_s", FIELD_NUMBER, FIELD_OR_NULL, HERE(machine_cpu_s), .max = VALUE_MAX},
    {"tcp_congestion_control", FIELD_TEXT, FIELD_OPTIONAL, HERE(congestion), .max = TEXTS_MAX},
    {"offload_change", FIELD_TEXT, FIELD_OPTIONAL, HERE(offload_change), .max = TEXTS_MAX},
    {"contamination", FIELD_TEXT, FIELD_OPTIONAL, HERE(contamination), .max = TEXTS_MAX},
    {"tunnel", FIELD_OBJECT, FIELD_OPTIONAL, .rows = both_rows},
    {0},
};
// Beside the id of its run and the values.
static const struct field trial_rows[] = {
    {"block", FIELD_INTEGER, HERE(block), .max = RUN_BLOCK_MAX},
    {"position", FIELD_INTEGER, HERE(position), .max = 999},
    {"start", FIELD_INTEGER, HERE(start), .max = STARTS_MAX},
    {"build", FIELD_INTEGER, FIELD_ADDED, HERE(build), .max = RUN_BUILDS_MAX - 1},
    {"attempt", FIELD_INTEGER, HERE(attempt), .max = ATTEMPT_MAX},
    {"tunnel", FIELD_INTEGER, HERE(tunnel), .max = RUN_TUNNELS_MAX - 1},
    {"workload", FIELD_WORKLOAD, HERE(workload), .min = 1, .max = RUN_WORKLOAD_BYTES},
    {"start_ns", FIELD_INTEGER, HERE(start_ns), .max = INTEGER_MAX},
    {"duration_ns", FIELD_INTEGER, HERE(duration_ns), .max = INTEGER_MAX},
    {"status", FIELD_WORD, HERE(status), .words = trial_status_names},
    {"reason", FIELD_TEXT, HERE(reason), .max = sizeof(((struct trial *)0)->reason) - 1},
    {"parameters", FIELD_OBJECT, FIELD_OPTIONAL, HERE(parameters)},
    {"samples", FIELD_ANY, FIELD_OPTIONAL, HERE(samples)},
    {"environment", FIELD_OBJECT, FIELD_OPTIONAL, .rows = environment_rows},
    {0},
};
#undef HERE

// "metrics" {name: value}.
static const struct field value = {.kind = FIELD_NUMBER, .min = -VALUE_MAX, .max = VALUE_MAX};
static const struct field values_rows[] = {
    {"metrics", FIELD_MAP, .max = RUN_MEASURES_MAX, .keys = FIELD_METRIC, .rows = &value},
    {0},
};

// As lines of schema 1 have it: {name: {value, unit, better, judged}}.
struct old_value {
	struct metric metric;
	double value;
};
#define HERE(member) FIELD_IN(struct old_value, member)
static const struct field old_value_rows[] = {
    {"value", FIELD_NUMBER, HERE(value), .min = -VALUE_MAX, .max = VALUE_MAX},
    {"unit", FIELD_TEXT, HERE(metric.unit), .max = RUN_UNIT_BYTES},
    {"better", FIELD_WORD, HERE(metric.higher_is_better), .words = betters},
    {"judged", FIELD_BOOLEAN, HERE(metric.judged)},
    {0},
};
#undef HERE
static const struct field old_value = {.kind = FIELD_OBJECT, .rows = old_value_rows};
static const struct field old_values_rows[] = {
    {"metrics", FIELD_MAP, .max = RUN_MEASURES_MAX, .keys = FIELD_METRIC, .rows = &old_value},
    {0},
};

void trial_init(struct trial *t)
{
	*t = (struct trial){0};
	fields_init(t, trial_rows);
}

void trial_free(struct trial *t)
{
	fields_free(t, trial_rows);
}

// A run that has no plan is judged by what it holds.
static bool is_planned(const struct run *run, const char *workload)
{
	for (size_t i = 0; i < run->workloads; i++)
		if (!strcmp(run->workload[i], workload))
			return true;
	return !run->workloads;
}

static int check_place(const struct trial *t, const struct run *run, struct text *fault)
{
	if (t->tunnel >= run->tunnels)
		text_set(fault, "tunnel %u, but run.json has %zu", t->tunnel, run->tunnels);
	else if (t->position >= run->trials_per_block)
		text_set(fault, "position %u, but a block has %u trials", t->position,
		         run->trials_per_block);
	else if (!is_planned(run, t->workload))
		text_set(fault, "workload '%s' isn't among run.json's", t->workload);
	else
		return 0;
	return -EINVAL;
}

// ---- writing

static json_t *write_values(const struct trial *t)
{
	json_t *values = json_object();

	for (size_t i = 0; i < t->values; i++) {
		const struct value *v = &t->value[i];

		// json_object_set_new() refuses NULL, which a value that isn't finite gives.
		if (json_object_get(values, v->metric->name) ||
		    json_object_set_new(values, v->metric->name, json_real(v->value))) {
			json_decref(values);
			return NULL;
		}
	}
	return values;
}

static json_t *write_line(const struct trial *t, const struct run *run)
{
	json_t *line = json_pack("{ss}", "run", run->id), *fields = fields_write(t, trial_rows);
	int ret = fields ? json_object_update(line, fields) : -1;

	json_decref(fields);
	if (!ret)
		ret = json_object_set_new(line, "metrics", write_values(t));
	if (!ret)
		return line;
	json_decref(line);
	return NULL;
}

static bool could_be_read(const struct trial *t, const struct run *run, const json_t *line)
{
	struct text fault = {0};
	bool could = !fields_check(line, trial_rows, &fault) && !check_place(t, run, &fault) &&
	             !fields_check(line, values_rows, &fault);

	text_free(&fault);
	return could;
}

char *trial_encode(const struct trial *t, const struct run *run)
{
	json_t *object = write_line(t, run);
	char *line = NULL;

	if (object && could_be_read(t, run, object)) {
		size_t length = json_dumpb(object, NULL, 0, JSON_COMPACT);

		line = memory_new(length + 2, 1);
		json_dumpb(object, line, length, JSON_COMPACT);
		line[length] = '\n';
	}
	json_decref(object);
	return line;
}

// ---- reading

static int read_value(struct trial *t, const struct run *run, const char *name, double number,
                      struct text *fault)
{
	const struct metric *metric = run_metric_of(run, t->workload, name);

	if (metric) {
		t->value[t->values++] = (struct value){metric, number};
		return 0;
	}
	text_set(fault, "metric '%.60s' of %s isn't among run.json's", name, t->workload);
	return -EINVAL;
}

static int read_old_value(struct trial *t, struct run *run, const char *name, const json_t *object,
                          struct text *fault)
{
	struct old_value old = {0};
	int ret = fields_read(&old, object, old_value_rows, fault);

	old.metric.name = name;
	if (!ret)
		ret = run_add_metric(run, t->workload, &old.metric, fault);
	if (!ret)
		ret = read_value(t, run, name, old.value, fault);
	fields_free(&old, old_value_rows);
	return ret;
}

static int read_values(struct trial *t, struct run *run, const json_t *line, struct text *fault)
{
	json_t *values = json_object_get(line, "metrics"), *one;
	bool is_old = json_is_object(json_object_iter_value(json_object_iter(values)));
	int ret = fields_check(line, is_old ? old_values_rows : values_rows, fault);
	const char *name;

	json_object_foreach(values, name, one)
	{
		if (!ret)
			ret = is_old ? read_old_value(t, run, name, one, fault)
			             : read_value(t, run, name, json_number_value(one), fault);
	}
	return ret;
}

static int read_line(struct trial *t, struct run *run, const json_t *line, struct text *fault)
{
	const char *id = json_string_value(json_object_get(line, "run"));
	int ret;

	if (!id || strcmp(id, run->id)) {
		text_set(fault, "of run '%.60s', but run.json is of '%.60s'", id ? id : "(none)",
		         run->id);
		return -EINVAL;
	}
	if (!fields_is_shallow(line)) {
		text_set(fault, "nested too deep");
		return -EINVAL;
	}
	ret = fields_read(t, line, trial_rows, fault);
	if (!ret)
		ret = check_place(t, run, fault);
	if (!ret)
		ret = read_values(t, run, line, fault);
	if (!ret)
		trial_fail_stalled(t);
	return ret;
}

int trial_decode(struct trial *t, struct run *run, const char *line, size_t length,
                 struct text *fault)
{
	json_error_t error;
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	int ret = -EINVAL;

	trial_init(t);
	if (object)
		ret = read_line(t, run, object, fault);
	else
		text_set(fault, "%s", error.text);
	json_decref(object);
	return ret;
}

// ---- asking

const struct value *trial_value(const struct trial *t, const char *metric)
{
	for (size_t i = 0; i < t->values; i++)
		if (!strcmp(t->value[i].metric->name, metric))
			return &t->value[i];
	return NULL;
}

void trial_fail_stalled(struct trial *t)
{
	for (size_t i = 0; i < t->values && t->status != TRIAL_FAILED; i++) {
		const struct value *v = &t->value[i];

		if (!v->metric->judged || v->value > 0)
			continue;
		t->status = TRIAL_FAILED;
		snprintf(t->reason, sizeof(t->reason), "%s is %g: stalled, or not measured",
		         v->metric->name, v->value);
	}
}

static int compare(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

int trial_order_by_place(const void *a, const void *b)
{
	const struct trial *x = *(struct trial *const *)a, *y = *(struct trial *const *)b;
	int order = strcmp(x->workload, y->workload);

	order = order ? order : compare(x->block, y->block);
	order = order ? order : compare(x->attempt, y->attempt);
	return order ? order : compare(x->position, y->position);
}

bool trial_spoils(const struct trial *t)
{
	return t->status == TRIAL_FAILED || t->contamination;
}

double trial_end_count(const struct trial_end *e, const char *counter)
{
	for (size_t i = 0; i < e->counters; i++)
		if (!strcmp(e->counter[i].name, counter))
			return e->counter[i].n;
	return NAN;
}

double trial_end_packets(const struct trial_end *e)
{
	return trial_end_count(e, "tx_packets") + trial_end_count(e, "rx_packets");
}
