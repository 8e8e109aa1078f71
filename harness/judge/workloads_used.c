#include "harness/judge/workloads_used.h"

#include "harness/plan/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Of a workload that this wgbench doesn't have: "".
static const char *find_help(const char *workload, const char *parameter)
{
	size_t length = strcspn(workload, ":");

	for (const struct workload *const *w = workloads; *w; w++) {
		if (strlen((*w)->name) != length || strncmp((*w)->name, workload, length))
			continue;
		for (const struct workload_parameter *p = (*w)->parameters; p->name; p++)
			if (!strcmp(p->name, parameter))
				return p->help;
	}
	return "";
}

static json_t *describe_parameters(const struct trial *t)
{
	json_t *object = json_object(), *value;
	const char *name;

	json_object_foreach(t->parameters, name, value)
	{
		json_object_set_new(
		    object, name,
		    json_pack("{sO ss}", "value", value, "help", find_help(t->workload, name)));
	}
	return object;
}

static json_t *find_row(const json_t *rows, const char *workload)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (!strcmp(json_string_value(json_object_get(row, "name")), workload))
			return row;
	}
	return NULL;
}

// Adds a word to a list with commas, once.
static void add_word(char *list, size_t bytes, const char *word)
{
	size_t length = strlen(list);

	if (word && !strstr(list, word))
		snprintf(list + length, bytes - length, "%s%s", length ? ", " : "", word);
}

json_t *workload_used(const struct store *st)
{
	json_t *rows = json_array(), *duration = json_object_get(st->run, "duration");

	for (size_t i = 0; i < st->trials; i++) {
		static const char key[] = "tcp_congestion_control";
		const struct trial *t = &st->trial[i];
		json_t *row = find_row(rows, t->workload);
		const char *used = json_string_value(json_object_get(t->environment, key));
		char names[64];

		if (!row) {
			row = json_pack("{ss so}", "name", t->workload, "parameters",
			                describe_parameters(t));
			if (duration)
				json_object_set(row, "duration_s", duration);
			json_array_append_new(rows, row);
		}
		if (!used)
			continue;
		const char *before = json_string_value(json_object_get(row, key));
		snprintf(names, sizeof(names), "%s", before ? before : "");
		add_word(names, sizeof(names), used);
		json_object_set_new(row, key, json_string(names));
	}
	return rows;
}

const char *workload_used_line(const json_t *row, char *line, size_t bytes)
{
	const json_t *parameters = json_object_get(row, "parameters");
	const char *name, *used = json_string_value(json_object_get(row, "tcp_congestion_control"));
	FILE *to = fmemopen(line, bytes, "w");
	const char *before = ": ";
	json_t *one;

	if (!to)
		abort();
	fputs(json_string_value(json_object_get(row, "name")), to);
	json_object_foreach((json_t *)parameters, name, one)
	{
		const char *help = json_string_value(json_object_get(one, "help"));
		char *value = json_dumps(json_object_get(one, "value"), JSON_ENCODE_ANY);

		fprintf(to, "%s%s=%s", before, name, value ? value : "");
		if (help && *help)
			fprintf(to, " (%s)", help);
		free(value);
		before = ", ";
	}
	if (json_is_integer(json_object_get(row, "duration_s")))
		fprintf(to, "; duration %lld s",
		        (long long)json_integer_value(json_object_get(row, "duration_s")));
	if (used)
		fprintf(to, "; TCP congestion control %s", used);
	fclose(to);
	return line;
}

const char *workload_used_congestion(const json_t *rows, char *names, size_t bytes)
{
	json_t *row;
	size_t i;

	*names = 0;
	json_array_foreach(rows, i, row)
	{
		add_word(names, bytes,
		         json_string_value(json_object_get(row, "tcp_congestion_control")));
	}
	return names;
}
