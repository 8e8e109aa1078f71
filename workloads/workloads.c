#include "workloads/workloads.h"

#include "base/file.h"
#include "base/text.h"
#include "netns/netns.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const struct workload *const workloads[] = {
    &tcp_workload,      &udp_workload,   &udp_max_workload,         &ping_workload, &idle_workload,
    &overload_workload, &bloat_workload, &handshake_flood_workload, NULL,
};

static int unknown_workload(const char *word, size_t length)
{
	fprintf(stderr, "wgbench: unknown workload '%.*s': one of", (int)length, word);
	for (const struct workload *const *w = workloads; *w; w++)
		fprintf(stderr, " %s", (*w)->name);
	fputc('\n', stderr);
	return -EINVAL;
}

static int unknown_parameter(const struct workload *w, const char *word, size_t length)
{
	fprintf(stderr, "wgbench: workload '%s' has no parameter '%.*s': one of", w->name,
	        (int)length, word);
	for (const struct workload_parameter *p = w->parameters; p->name; p++)
		fprintf(stderr, " %s", p->name);
	fputc('\n', stderr);
	return -EINVAL;
}

static bool same(const char *name, const char *word, size_t length)
{
	return strlen(name) == length && !strncmp(name, word, length);
}

// One `key=value`, `length` characters.
static int parse_pair(struct workload_use *use, const char *word, size_t length)
{
	const struct workload_parameter *rows = use->workload->parameters;
	const char *equals = memchr(word, '=', length), *end = word + length;
	size_t key = equals ? (size_t)(equals - word) : length, i = 0;
	char *stop;

	while (rows[i].name && !same(rows[i].name, word, key))
		i++;
	if (!rows[i].name)
		return unknown_parameter(use->workload, word, key);
	errno = 0;
	long value = equals ? strtol(equals + 1, &stop, 10) : 0;
	if (!equals || stop == equals + 1 || stop != end || errno || value < rows[i].min ||
	    value > rows[i].max || (equals[1] != '-' && (equals[1] < '0' || equals[1] > '9'))) {
		fprintf(
		    stderr,
		    "wgbench: workload '%s': '%.*s': %s is a whole number from %ld to %ld (%s)\n",
		    use->workload->name, (int)length, word, rows[i].name, rows[i].min, rows[i].max,
		    rows[i].help);
		return -EINVAL;
	}
	use->value[i] = value;
	return 0;
}

static void name_use(struct workload_use *use)
{
	const struct workload_parameter *rows = use->workload->parameters;
	size_t n = snprintf(use->name, sizeof(use->name), "%s", use->workload->name);
	char before = ':';

	for (size_t i = 0; rows[i].name; i++)
		if (use->value[i] != rows[i].fallback) {
			n += snprintf(use->name + n, sizeof(use->name) - n, "%c%s=%ld", before,
			              rows[i].name, use->value[i]);
			before = ',';
		}
}

int workload_parse(struct workload_use *use, const char *text)
{
	size_t length = strcspn(text, ":");
	const struct workload *const *w = workloads;

	while (*w && !same((*w)->name, text, length))
		w++;
	if (!*w)
		return unknown_workload(text, length);
	*use = (struct workload_use){.workload = *w};
	for (size_t i = 0; (*w)->parameters[i].name; i++)
		use->value[i] = (*w)->parameters[i].fallback;
	for (const char *at = text + length; *at; at += length) {
		length = strcspn(++at, ",");
		int ret = parse_pair(use, at, length);
		if (ret)
			return ret;
	}
	static const char *const families[] = {"family", "outer"};
	for (int i = 0; i < 2; i++)
		if (workload_value(use, families[i]) == 5) {
			fprintf(stderr, "wgbench: workload '%s': %s is 4 or 6, not 5\n", text,
			        families[i]);
			return -EINVAL;
		}
	const char *reason = (*w)->refuse ? (*w)->refuse(use) : NULL;
	if (reason) {
		fprintf(stderr, "wgbench: workload '%s': %s\n", text, reason);
		return -EINVAL;
	}
	name_use(use);
	return 0;
}

json_t *workload_parameters(const struct workload_use *use)
{
	const struct workload_parameter *rows = use->workload->parameters;
	json_t *object = json_object();

	for (size_t i = 0; rows[i].name; i++)
		json_object_set_new(object, rows[i].name, json_integer(use->value[i]));
	return object;
}

long workload_value(const struct workload_use *use, const char *parameter)
{
	const struct workload_parameter *rows = use->workload->parameters;

	for (size_t i = 0; rows[i].name; i++)
		if (!strcmp(rows[i].name, parameter))
			return use->value[i];
	return 0;
}

void workload_set(struct trial *t, const struct workload *w, const char *metric, double value)
{
	const struct metric *row = w->metrics;

	while (row->name && strcmp(row->name, metric))
		row++;
	if (row->name && !trial_value(t, metric) && t->values < RUN_MEASURES_MAX && isfinite(value))
		t->value[t->values++] = (struct value){row, value};
}

int workload_fail(struct trial *t, int ret, const char *what)
{
	if (ret && ret != -EINTR) {
		t->status = TRIAL_FAILED;
		snprintf(t->reason, sizeof(t->reason), "%s: %s", what, strerror(-ret));
	}
	return ret;
}

int workload_refuse(struct trial *t, int ret, struct text *fault)
{
	if (ret) {
		t->status = TRIAL_FAILED;
		output_take_text(t->reason, sizeof(t->reason), text_string(fault));
	}
	text_free(fault);
	return ret;
}

int workload_result(int ret)
{
	return ret == -EINTR ? ret : 0;
}
