#include "harness/record/environment_compare.h"
#include "base/stamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char measured_prefix[] = "prices.";

// Not among them: what is measured anew each time (prices), names of the machine, memory's size,
// packages (of which a tunnel's libraries are kept by content) and limits that nothing here
// reaches.
static const char *const conditions[] = {
    "address_randomization",
    "architecture",
    "autogroup_nice",
    "boot_words",
    "clocksource",
    "compiler",
    "cpu_flags",
    "cpu_quota",
    "cpu_weight",
    "cpus_allowed",
    "cpus_allowed_list",
    "cpus_isolated",
    "cpus_online",
    "cpus_tickless",
    "frequency_boost",
    "frequency_driver",
    "frequency_governor",
    "frequency_greatest_khz",
    "frequency_least_khz",
    "frequency_no_turbo",
    "frequency_preference",
    "huge_pages",
    "hypervisor_signature",
    "idle_driver",
    "idle_governor",
    "iperf3",
    "kernel_build",
    "memory_limit",
    "memory_nodes_allowed",
    "memory_policy",
    "microcode",
    "nice",
    "numa_nodes",
    "preemption",
    "scheduling",
    "scheduling_priority",
    "seccomp",
    "smt",
    "sysctls",
    "timer_slack_ns",
    "variables",
    "veth",
};

static void flatten(json_t *to, const char *name, const json_t *value)
{
	const char *key;
	json_t *inner;
	char path[512];
	size_t i;

	json_object_foreach((json_t *)value, key, inner)
	{
		snprintf(path, sizeof(path), "%s%s%s", name, *name ? "." : "", key);
		flatten(to, path, inner);
	}
	json_array_foreach(value, i, inner)
	{
		snprintf(path, sizeof(path), "%s[%zu]", name, i);
		flatten(to, path, inner);
	}
	if (json_is_string(value)) {
		json_object_set(to, name, (json_t *)value);
	} else if (json_is_number(value) || json_is_boolean(value)) {
		char *text = json_dumps(value, JSON_ENCODE_ANY);

		json_object_set_new(to, name, json_string(text));
		free(text);
	}
}

json_t *environment_flatten(const json_t *environment)
{
	json_t *flat = json_object();

	flatten(flat, "", environment);
	return flat;
}

json_t *environment_conditions(const json_t *environment)
{
	json_t *object = json_object(), *sysctls;

	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++) {
		json_t *value = json_object_get(environment, conditions[i]);

		if (value)
			json_object_set_new(object, conditions[i], json_deep_copy(value));
	}
	// The kernel derives it from how much memory it finds free as it boots.
	sysctls = json_object_get(object, "sysctls");
	json_object_del(sysctls, "net.ipv4.udp_mem");
	return object;
}

static void add_difference(json_t *rows, const char *key, const json_t *first, const json_t *second)
{
	if (strncmp(key, measured_prefix, sizeof(measured_prefix) - 1) &&
	    (!first || !second || !json_equal(first, second)))
		json_array_append_new(rows, json_pack("[s, O?, O?]", key, first, second));
}

// Of flat objects. Frees both.
static json_t *compare(json_t *first, json_t *second)
{
	json_t *rows = json_array(), *value;
	const char *key;

	json_object_foreach(first, key, value)
	    add_difference(rows, key, value, json_object_get(second, key));
	json_object_foreach(second, key, value)
	{
		if (!json_object_get(first, key))
			add_difference(rows, key, NULL, value);
	}
	json_decref(first);
	json_decref(second);
	return rows;
}

json_t *environment_differences(const json_t *first, const json_t *second)
{
	return compare(environment_flatten(first), environment_flatten(second));
}

static const json_t *find_tunnel(const json_t *run, const char *spec)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(run, "tunnels"), i, row)
	{
		const char *name = json_string_value(json_object_get(row, "spec"));

		if (name && !strcmp(name, spec))
			return row;
	}
	return NULL;
}

// The environment, and of the tunnels that the other run has too the offloads, libraries and
// interfaces.
static json_t *flatten_run(const json_t *run, const json_t *other)
{
	json_t *flat = environment_flatten(json_object_get(run, "environment"));
	const json_t *row;
	char name[400];
	size_t i;

	json_array_foreach(json_object_get(run, "tunnels"), i, row)
	{
		const char *spec = json_string_value(json_object_get(row, "spec"));

		if (!spec || !find_tunnel(other, spec))
			continue;
		snprintf(name, sizeof(name), "tunnel %s", spec);
		flatten(flat, name, json_object_get(row, "offloads"));
		snprintf(name, sizeof(name), "tunnel %s library", spec);
		flatten(flat, name, json_object_get(row, "libraries"));
		snprintf(name, sizeof(name), "tunnel %s interface", spec);
		flatten(flat, name, json_object_get(row, "interfaces"));
	}
	return flat;
}

json_t *environment_differences_of_runs(const json_t *first, const json_t *second)
{
	if (!json_object_size(json_object_get(first, "environment")) ||
	    !json_object_size(json_object_get(second, "environment")))
		return NULL;
	return compare(flatten_run(first, second), flatten_run(second, first));
}

const json_t *environment_latest(const json_t *run)
{
	const json_t *latest = json_object_get(run, "environment"), *entry;
	size_t i;

	json_array_foreach(json_object_get(run, "resumed"), i, entry)
	{
		const json_t *environment = json_object_get(entry, "environment");

		latest = environment ? environment : latest;
	}
	return latest;
}

const json_t *environment_note_resumed(json_t *run, size_t trials, json_t *environment)
{
	json_t *differs = environment_differences(environment_latest(run), environment);
	json_t *list = json_object_get(run, "resumed"), *entry;
	time_t now = time(NULL);
	char created[STAMP_BYTES];

	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(run, "resumed", list);
	}
	stamp_record(created, now);
	entry = json_pack("{s:s, s:I}", "created", created, "trials", (json_int_t)trials);
	if (json_array_size(differs)) {
		json_object_set(entry, "environment", environment);
		json_object_set(entry, "differs", differs);
	}
	json_array_append_new(list, entry);
	json_decref(differs);
	return json_object_get(entry, "differs");
}

static const char *text_of(const json_t *value)
{
	const char *text = json_string_value(value);

	return text ? text : "not recorded";
}

const char *environment_differences_line(const json_t *differences, char *text, size_t bytes)
{
	const json_t *row;
	size_t i, n = 0;

	text[0] = 0;
	json_array_foreach(differences, i, row)
	{
		if (n < bytes)
			n += snprintf(text + n, bytes - n, "%s%s '%s', then '%s'", i ? "; " : "",
			              text_of(json_array_get(row, 0)),
			              text_of(json_array_get(row, 1)),
			              text_of(json_array_get(row, 2)));
	}
	return text;
}
