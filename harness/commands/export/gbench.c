// Google Benchmark knows times only, so a trial's are those of one unit of work: a gigabit or a
// packet where a rate is measured, else the delay itself. Everything measured is a counter beside.
#include "harness/commands/export/export.h"
#include "base/file.h"
#include "harness/stats/basic.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *unit;
	double ns; // of 1 of this unit
	bool rate; // ns is divided by the value
} time_units[] = {
    {"Gbit/s", 1e9, true}, {"packets/s", 1e9, true}, {"s/Gbit", 1e9, false},
    {"µs", 1e3, false},    {"ms", 1e6, false},       {"s", 1e9, false},
};

static const struct {
	const char *name, *unit;
	double (*of)(const double *, size_t);
} aggregates[] = {
    {"mean", "time", stats_mean},
    {"median", "time", stats_median},
    {"stddev", "time", stats_sd},
    {"cv", "percentage", NULL}, // sd / mean
};

// The trials of one workload, tunnel and status: the repetitions of a benchmark.
struct family {
	char name[EXPORT_NAME_BYTES + 128];
	size_t n;
	const struct trial **trial;
	json_int_t index;
};

static bool to_ns(const struct value *v, double *ns)
{
	for (size_t i = 0; i < sizeof(time_units) / sizeof(*time_units); i++) {
		if (strcmp(v->metric->unit, time_units[i].unit))
			continue;
		*ns =
		    time_units[i].rate ? time_units[i].ns / v->value : time_units[i].ns * v->value;
		return true;
	}
	return false;
}

// Of the first judged metric that has one and is, or isn't, CPU cost.
static double time_ns(const struct trial *t, bool cpu, double otherwise)
{
	double ns;

	for (size_t i = 0; i < t->values; i++)
		if (t->value[i].metric->judged &&
		    !strncmp(t->value[i].metric->name, "cpu_", 4) == cpu &&
		    to_ns(&t->value[i], &ns))
			return ns;
	return otherwise;
}

static double real_ns(const struct trial *t)
{
	return time_ns(t, false, t->duration_ns);
}

// Without such a metric: what the tunnel used in the whole trial, or, where it has no process, the
// machine. NAN: not recorded.
static double cpu_ns(const struct trial *t)
{
	double s = t->tunnel_cpu_s > 0 ? t->tunnel_cpu_s : t->machine_cpu_s;

	return time_ns(t, true, 1e9 * s);
}

// Why it is no row, or NULL.
static const char *refuse(const struct trial *t)
{
	if (t->status == TRIAL_FAILED)
		return t->reason;
	return cpu_ns(t) > 0 ? NULL : "no CPU time was recorded";
}

static json_t *begin_row(const struct family *f, const char *suffix, const char *type)
{
	char name[sizeof(f->name) + 16];

	snprintf(name, sizeof(name), "%s%s%s", f->name, *suffix ? "_" : "", suffix);
	return json_pack("{s:s, s:I, s:i, s:s, s:s, s:I}", "name", name, "family_index", f->index,
	                 "per_family_instance_index", 0, "run_name", f->name, "run_type", type,
	                 "repetitions", (json_int_t)f->n);
}

static void add_times(json_t *row, json_int_t iterations, double real, double cpu)
{
	json_t *rest = json_pack("{s:I, s:f, s:f, s:s}", "iterations", iterations, "real_time",
	                         real, "cpu_time", cpu, "time_unit", "ns");

	json_object_update(row, rest);
	json_decref(rest);
}

static json_t *iteration(const struct family *f, size_t repetition)
{
	const struct trial *t = f->trial[repetition];
	json_t *row = begin_row(f, "", "iteration");

	json_object_set_new(row, "repetition_index", json_integer(repetition));
	json_object_set_new(row, "threads", json_integer(1));
	add_times(row, 1, real_ns(t), cpu_ns(t));
	for (size_t i = 0; i < t->values; i++)
		json_object_set_new(row, t->value[i].metric->name, json_real(t->value[i].value));
	return row;
}

static double aggregate(size_t which, const double *x, size_t n)
{
	double mean;

	if (aggregates[which].of)
		return aggregates[which].of(x, n);
	mean = stats_mean(x, n);
	return mean != 0 ? stats_sd(x, n) / mean : 0;
}

// A metric that a trial doesn't have has no aggregate. -1: the real time, -2: the CPU's.
static bool gather(const struct family *f, int metric, double *x)
{
	const char *name = metric < 0 ? NULL : f->trial[0]->value[metric].metric->name;

	for (size_t r = 0; r < f->n; r++) {
		const struct trial *t = f->trial[r];
		size_t m = 0;

		if (!name) {
			x[r] = metric == -1 ? real_ns(t) : cpu_ns(t);
			continue;
		}
		while (m < t->values && strcmp(t->value[m].metric->name, name))
			m++;
		if (m == t->values)
			return false;
		x[r] = t->value[m].value;
	}
	return true;
}

static json_t *aggregate_row(const struct family *f, size_t which)
{
	json_t *row = begin_row(f, aggregates[which].name, "aggregate");
	double *x = calloc(f->n, sizeof(*x)), real;

	if (!x)
		abort();
	json_object_set_new(row, "threads", json_integer(1));
	json_object_set_new(row, "aggregate_name", json_string(aggregates[which].name));
	json_object_set_new(row, "aggregate_unit", json_string(aggregates[which].unit));
	gather(f, -1, x);
	real = aggregate(which, x, f->n);
	gather(f, -2, x);
	add_times(row, f->n, real, aggregate(which, x, f->n));
	for (size_t m = 0; m < f->trial[0]->values; m++)
		if (gather(f, m, x))
			json_object_set_new(row, f->trial[0]->value[m].metric->name,
			                    json_real(aggregate(which, x, f->n)));
	free(x);
	return row;
}

// "tcp:flows=8" as Google Benchmark names arguments: tcp/flows:8.
static void name_family(struct family *f, const struct store *st, const char *workload,
                        unsigned tunnel, enum trial_status status)
{
	char name[EXPORT_NAME_BYTES], arguments[sizeof(((struct trial *)0)->workload)];

	snprintf(arguments, sizeof(arguments), "%s", workload);
	for (char *at = arguments; *at; at++)
		*at = *at == ':' || *at == ',' ? '/' : *at == '=' ? ':' : *at;
	// Else it could end as the name of another one's trials of that status.
	export_tunnel_name(st, tunnel, strstr(st->run.tunnel[tunnel].spec, "/status:") ? "/" : "",
	                   name);
	snprintf(f->name, sizeof(f->name), "%s/tunnel:%s%s%s", arguments, name,
	         status ? "/status:" : "", status ? trial_status_names[status] : "");
}

static void add_family(json_t *rows, struct family *f)
{
	for (size_t r = 0; r < f->n; r++)
		json_array_append_new(rows, iteration(f, r));
	for (size_t a = 0; f->n > 1 && a < sizeof(aggregates) / sizeof(*aggregates); a++)
		json_array_append_new(rows, aggregate_row(f, a));
	f->index += f->n > 0;
}

static void add_workload(json_t *rows, const struct store *st, const char *workload,
                         struct family *f)
{
	for (unsigned tunnel = 0; tunnel < st->run.tunnels; tunnel++)
		for (enum trial_status status = TRIAL_OK; status < TRIAL_FAILED; status++) {
			f->n = 0;
			name_family(f, st, workload, tunnel, status);
			for (size_t i = 0; i < st->trials; i++)
				if (st->trial[i].tunnel == tunnel &&
				    st->trial[i].status == status && !refuse(&st->trial[i]) &&
				    !strcmp(st->trial[i].workload, workload))
					f->trial[f->n++] = &st->trial[i];
			add_family(rows, f);
		}
}

// They have no time, without which compare.py takes no row.
static json_t *list_failed(const struct store *st)
{
	json_t *rows = json_array();
	struct family f;

	for (size_t i = 0; i < st->trials; i++) {
		const struct trial *t = &st->trial[i];

		if (!refuse(t))
			continue;
		name_family(&f, st, t->workload, t->tunnel, t->status);
		json_array_append_new(rows,
		                      json_pack("{s:s, s:b, s:s}", "name", f.name, "error_occurred",
		                                true, "error_message", refuse(t)));
	}
	return rows;
}

void export_gbench(FILE *to, const struct store *st)
{
	struct family f = {.trial = calloc(st->trials, sizeof(*f.trial))};
	json_t *rows = json_array(), *file;

	if (!f.trial)
		abort();
	for (size_t i = 0; i < st->trials; i++)
		if (export_first_of_workload(st, i))
			add_workload(rows, st, st->trial[i].workload, &f);
	file = json_pack("{s:{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:o}, s:o}", "context", "date",
	                 st->run.created, "host_name", "not recorded", "executable", "wgbench",
	                 "num_cpus", (int)export_cpus(st), "library_build_type", "release", "run",
	                 st->run.id, "kernel", export_known(st->run.environment.kernel),
	                 "failed_trials", list_failed(st), "benchmarks", rows);
	if (st->run.peer.spec)
		json_object_set_new(json_object_get(file, "context"), "peer",
		                    json_string(st->run.peer.spec));
	json_dumpf(file, to, output_json_flags(to));
	fputc('\n', to);
	json_decref(file);
	free(f.trial);
}
