#include "harness/record/environment_compare.h"
#include "base/memory.h"
#include "base/stamp.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// What is measured anew each time.
static const char *const measured_prefixes[] = {"prices.", "busy."};

// Not among them: what is measured anew each time, names of the machine, memory's size,
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

json_t *environment_machine(const json_t *environment)
{
	static const char *const keys[] = {"cpu_model",    "cpus",      "kernel", "hypervisor",
	                                   "cpus_allowed", "cpu_quota", "nice",   "scheduling"};
	json_t *machine = json_object();

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		json_object_set(machine, keys[i], json_object_get(environment, keys[i]));
	return machine;
}

bool environment_same_machine(const json_t *a, const json_t *b)
{
	json_t *of_a = environment_machine(a), *of_b = environment_machine(b);
	bool same = json_equal(of_a, of_b);

	json_decref(of_a);
	json_decref(of_b);
	return same;
}

static bool is_measured(const char *key)
{
	for (size_t i = 0; i < sizeof(measured_prefixes) / sizeof(*measured_prefixes); i++)
		if (!strncmp(key, measured_prefixes[i], strlen(measured_prefixes[i])))
			return true;
	return false;
}

static void add_difference(json_t *rows, const char *key, const json_t *first, const json_t *second)
{
	if (!is_measured(key) && (!first || !second || !json_equal(first, second)))
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

static bool has_tunnel(const struct run *run, const char *spec)
{
	for (size_t i = 0; i < run->tunnels; i++)
		if (!strcmp(run->tunnel[i].spec, spec))
			return true;
	return false;
}

static void flatten_part(json_t *to, const char *spec, const char *part, const json_t *value)
{
	char *name = text_format("tunnel %s%s", spec, part);

	flatten(to, name, value);
	free(name);
}

// The environment, and of the tunnels that the other run has too the offloads, libraries and
// interfaces.
static json_t *flatten_run(const struct run *run, const struct run *other)
{
	json_t *flat = environment_flatten(run->environment.all);

	if (run->peer.spec)
		flatten_part(flat, run->peer.spec, " as peer", run->peer.rest);
	for (size_t i = 0; i < run->tunnels; i++) {
		const struct run_tunnel *t = &run->tunnel[i];

		if (!has_tunnel(other, t->spec))
			continue;
		flatten_part(flat, t->spec, ".left", t->offloads[0]);
		flatten_part(flat, t->spec, ".right", t->offloads[1]);
		flatten_part(flat, t->spec, " library", t->libraries);
		flatten_part(flat, t->spec, " interface", t->interfaces);
	}
	return flat;
}

json_t *environment_differences_of_runs(const struct run *first, const struct run *second)
{
	if (!json_object_size(first->environment.all) || !json_object_size(second->environment.all))
		return NULL;
	return compare(flatten_run(first, second), flatten_run(second, first));
}

const json_t *environment_latest(const struct run *run)
{
	const json_t *latest = run->environment.all;

	for (size_t i = 0; i < run->times_resumed; i++)
		if (run->resumed[i].environment)
			latest = run->resumed[i].environment;
	return latest;
}

const json_t *environment_note_resumed(struct run *run, size_t trials, json_t *environment)
{
	json_t *differs = environment_differences(environment_latest(run), environment);
	struct run_resumed *r;
	char created[STAMP_BYTES];

	stamp_record(created, time(NULL));
	run->resumed = memory_resize(run->resumed, run->times_resumed + 1, sizeof(*r));
	r = &run->resumed[run->times_resumed++];
	*r = (struct run_resumed){.created = text_format("%s", created), .trials = trials};
	if (json_array_size(differs)) {
		r->environment = json_incref(environment);
		r->differences = json_incref(differs);
	}
	json_decref(differs);
	return r->differences;
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
