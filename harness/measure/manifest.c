#include "harness/measure/manifest.h"
#include "base/stamp.h"
#include "harness/plan/workload.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "harness/machine/environment.h"
#include "harness/machine/link_features.h"
#include "harness/machine/libraries.h"

// Of the tunnel's program as that build made it; "" without one.
static void read_sha256(const struct session_tunnel *t, unsigned build, char sha256[65])
{
	const char *const argv[] = {"sha256sum", "-b", t->program[build], NULL};

	sha256[0] = 0;
	if (!t->program[build][0])
		return;
	char *line = environment_program_line(argv);
	if (strlen(line) > 64)
		snprintf(sha256, 65, "%.64s", line + (line[0] == '\\'));
	free(line);
}

static const char *recorded_sha256(const struct store *st, size_t tunnel, unsigned build)
{
	json_t *row = json_array_get(json_object_get(st->run, "tunnels"), tunnel);
	const char *text =
	    json_string_value(json_array_get(json_object_get(row, "builds_sha256"), build));

	return text ? text : build ? "" : st->tunnel[tunnel].sha256;
}

static bool has_recorded_libraries(const struct store *st, size_t tunnel, const char *program)
{
	json_t *row = json_array_get(json_object_get(st->run, "tunnels"), tunnel);
	json_t *recorded = json_object_get(row, "libraries"), *now = libraries_of(program);
	bool has = !recorded || json_equal(recorded, now);

	json_decref(now);
	return has;
}

int describe_check(const struct store *st, const struct session *s)
{
	for (size_t i = 0; i < s->tunnels; i++) {
		const struct session_tunnel *t = &s->tunnel[i];

		for (unsigned b = 0; b < t->builds; b++) {
			char sha256[65];

			read_sha256(t, b, sha256);
			if (i < st->tunnels && !strcmp(sha256, recorded_sha256(st, i, b)))
				continue;
			fprintf(stderr,
			        "wgbench: tunnel '%s' is now another binary (%s) than the run was "
			        "begun with: check out revision %s, or begin a new run\n",
			        t->spec.name, t->program[b],
			        st->tunnel[i].revision[0] ? st->tunnel[i].revision : "of then");
			return -EINVAL;
		}
		if (t->program[0][0] && !has_recorded_libraries(st, i, t->program[0])) {
			fprintf(stderr,
			        "wgbench: tunnel '%s' now has other libraries than the run was "
			        "begun with: begin a new run\n",
			        t->spec.name);
			return -EINVAL;
		}
	}
	return 0;
}

// A program of the user's own may take any word for an interface's name, so it isn't asked.
static void ask_version(const struct session_tunnel *t, char *version, size_t bytes)
{
	const char *const argv[] = {t->program[0], "--version", NULL};
	struct utsname name;

	version[0] = 0;
	if (t->spec.kind == SPEC_KERNEL && !uname(&name)) {
		snprintf(version, bytes, "%.200s", name.release);
	} else if (t->spec.kind == SPEC_OWN || t->spec.kind == SPEC_WIREGUARD_GO) {
		char *line = environment_program_line(argv);

		snprintf(version, bytes, "%s", line);
		free(line);
	}
}

static json_t *describe_tunnel(const struct session_tunnel *t)
{
	char sha256[65], version[256];
	json_t *row, *variants = json_object(), *builds = json_array();

	for (size_t i = 0; i < t->spec.choices; i++)
		json_object_set_new(variants, t->spec.choice[i].slot,
		                    json_string(t->spec.choice[i].variant));
	for (unsigned i = 0; i < t->builds; i++) {
		read_sha256(t, i, sha256);
		json_array_append_new(builds, json_string(sha256));
	}
	read_sha256(t, 0, sha256);
	ask_version(t, version, sizeof(version));
	row = json_pack("{ss ss so ss so ss}", "spec", t->spec.name, "revision", t->commit,
	                "variants", variants, "binary_sha256", sha256, "builds_sha256", builds,
	                "version", version);
	if (!strcmp(t->commit, "unknown"))
		json_object_set_new(row, "revision_note",
		                    json_string("the source tree has no .git"));
	if (t->program[0][0])
		json_object_set_new(row, "libraries", libraries_of(t->program[0]));
	return row;
}

static void append_pair(json_t *array, const char *option, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void append_pair(json_t *array, const char *option, const char *format, ...)
{
	char value[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	json_array_append_new(array, json_string(option));
	json_array_append_new(array, json_string(value));
}

static json_t *describe_command(const struct plan *p, double gate_percent)
{
	json_t *command = json_pack("[ss]", "wgbench", "run");

	if (p->goals)
		append_pair(command, "--plan", "%s", p->name); // options can't say the goals
	for (size_t i = 0; i < p->tunnels; i++)
		append_pair(command, "--tunnel", "%s", p->tunnel[i].spec);
	for (size_t i = 0; i < p->workloads; i++)
		append_pair(command, "--workload", "%s", p->workload[i].name);
	for (size_t i = 0; i < p->metrics; i++)
		append_pair(command, "--metric", "%s", p->metric[i]);
	if (p->budget_s > 0)
		append_pair(command, "--budget", "%gs", p->budget_s);
	append_pair(command, "--blocks", "%u", p->blocks);
	if (p->builds > 1)
		append_pair(command, "--builds", "%u", p->builds);
	append_pair(command, "--duration", "%u", p->duration_s);
	append_pair(command, "--seed", "%llu", (unsigned long long)p->seed);
	if (gate_percent > 0)
		append_pair(command, "--gate", "%g", gate_percent);
	return command;
}

json_t *describe_environment(const struct session *s)
{
	json_t *environment = environment_collect();

	json_object_set_new(environment, "sysctls", environment_sysctls(s->pair[0].side[0].fd));
	// Of the trials, whatever the system's default is.
	json_object_set_new(environment, "tcp_congestion_control",
	                    json_string(workload_congestion));
	json_object_set_new(environment, "veth", interface_veths(&s->pair[0]));
	return environment;
}

json_t *describe_run(const struct plan *p, const struct session *s, const char *id,
                     double gate_percent)
{
	char created[STAMP_BYTES];
	json_t *run = json_object(), *tunnels = json_array(), *parameters = json_object();

	stamp_record(created, time(NULL));
	json_object_set_new(run, "schema", json_integer(STORE_SCHEMA));
	json_object_set_new(run, "id", json_string(id));
	json_object_set_new(run, "created", json_string(created));
	plan_to_run(p, run);
	json_object_set_new(run, "command", describe_command(p, gate_percent));
	for (size_t i = 0; i < p->workloads; i++)
		json_object_set_new(parameters, p->workload[i].name,
		                    workload_parameters(&p->workload[i]));
	json_object_set_new(run, "workload_parameters", parameters);
	for (size_t i = 0; i < s->tunnels; i++)
		json_array_append_new(tunnels, describe_tunnel(&s->tunnel[i]));
	json_object_set_new(run, "tunnels", tunnels);
	if (gate_percent > 0)
		json_object_set_new(run, "gate_percent", json_real(gate_percent));
	json_object_set_new(run, "environment", describe_environment(s));
	return run;
}
