#include "harness/measure/manifest.h"
#include "base/argv.h"
#include "base/memory.h"
#include "base/stamp.h"
#include "base/text.h"
#include "harness/measure/accounting.h"
#include "harness/plan/workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "harness/machine/busy.h"
#include "harness/machine/environment.h"
#include "harness/machine/link_features.h"
#include "harness/machine/libraries.h"

// Of the tunnel's program as that build made it; "" without one.
static char *find_sha256(const struct session_tunnel *t, unsigned build)
{
	const char *const argv[] = {"sha256sum", "-b", t->program[build], NULL};
	char *line, *sha256;

	if (!t->program[build][0])
		return text_format("%s", "");
	line = environment_program_line(argv);
	sha256 = text_format("%.64s", strlen(line) > 64 ? line + (line[0] == '\\') : "");
	free(line);
	return sha256;
}

static bool has_recorded_program(const struct run_tunnel *recorded, const struct session_tunnel *t,
                                 unsigned build)
{
	const char *known = build < recorded->builds ? recorded->build_sha256[build]
	                    : build                  ? ""
	                                             : recorded->sha256;
	char *now = find_sha256(t, build);
	bool has = !strcmp(now, known);

	free(now);
	return has;
}

static bool has_recorded_libraries(const struct run_tunnel *recorded, const char *program)
{
	json_t *now = libraries_of(program);
	bool has = !recorded->libraries || json_equal(recorded->libraries, now);

	json_decref(now);
	return has;
}

static int check_tunnel(const struct run_tunnel *recorded, const struct session_tunnel *t,
                        const char *what)
{
	for (unsigned b = 0; b < t->builds; b++) {
		if (has_recorded_program(recorded, t, b))
			continue;
		fprintf(stderr,
		        "wgbench: %s '%s' is now another binary (%s) than the run was begun with: "
		        "check out revision %s, or begin a new run\n",
		        what, t->spec.name, t->program[b],
		        recorded->revision[0] ? recorded->revision : "of then");
		return -EINVAL;
	}
	if (!t->program[0][0] || has_recorded_libraries(recorded, t->program[0]))
		return 0;
	fprintf(stderr,
	        "wgbench: %s '%s' now has other libraries than the run was begun with: begin a "
	        "new run\n",
	        what, t->spec.name);
	return -EINVAL;
}

int describe_check(const struct run *run, const struct session *s)
{
	int ret = 0;

	for (size_t i = 0; i < s->tunnels && !ret; i++)
		ret = check_tunnel(&run->tunnel[i], &s->tunnel[i], "tunnel");
	return !ret && s->peered ? check_tunnel(&run->peer, &s->peer, "peer") : ret;
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

static void describe_tunnel(struct run_tunnel *r, const struct session_tunnel *t)
{
	char version[256];

	ask_version(t, version, sizeof(version));
	*r = (struct run_tunnel){
	    .spec = text_format("%s", t->spec.name),
	    .revision = text_format("%s", t->commit),
	    .version = text_format("%s", version),
	    .sha256 = find_sha256(t, 0),
	    .variants = t->spec.choices,
	    .variant = memory_new(t->spec.choices, sizeof(*r->variant)),
	    .builds = t->builds,
	    .build_sha256 = memory_new(t->builds, sizeof(*r->build_sha256)),
	    .libraries = t->program[0][0] ? libraries_of(t->program[0]) : NULL,
	};
	for (size_t i = 0; i < r->variants; i++)
		r->variant[i] = (struct run_variant){text_format("%s", t->spec.choice[i].slot),
		                                     text_format("%s", t->spec.choice[i].variant)};
	for (unsigned i = 0; i < t->builds; i++)
		r->build_sha256[i] = find_sha256(t, i);
	if (*t->spec.meaning)
		r->meaning = text_format("%s", t->spec.meaning);
	if (!strcmp(t->commit, "unknown"))
		r->revision_note = text_format("the source tree has no .git");
}

static void describe_command(struct run *r, const struct plan *p, double gate_percent)
{
	struct argv a = {0};

	argv_add_all(&a, "wgbench", "run", NULL);
	if (p->goals || p->comparisons)
		argv_add_option(&a, "--plan", "%s", p->name); // options can't say these
	for (size_t i = 0; i < p->tunnels; i++)
		if (!p->tunnel[i].control)
			argv_add_option(&a, "--tunnel", "%s", p->tunnel[i].spec);
	if (*p->peer)
		argv_add_option(&a, "--peer", "%s", p->peer);
	if (p->control)
		argv_add(&a, "--control");
	for (size_t i = 0; i < p->workloads; i++)
		argv_add_option(&a, "--workload", "%s", p->workload[i].name);
	for (size_t i = 0; i < p->metrics; i++)
		argv_add_option(&a, "--metric", "%s", p->metric[i]);
	if (p->budget_s > 0)
		argv_add_option(&a, "--budget", "%gs", p->budget_s);
	if (p->question != QUESTION_EFFECT)
		argv_add_option(&a, "--question", "%s", question_names[p->question]);
	argv_add_option(&a, "--blocks", "%u", p->blocks);
	if (p->builds > 1)
		argv_add_option(&a, "--builds", "%u", p->builds);
	argv_add_option(&a, "--duration", "%u", p->duration_s);
	argv_add_option(&a, "--seed", "%llu", (unsigned long long)p->seed);
	if (gate_percent > 0)
		argv_add_option(&a, "--gate", "%g", gate_percent);
	r->command = a.word;
	r->words = a.n;
}

json_t *describe_environment(const struct session *s)
{
	json_t *environment = environment_collect();

	json_object_set_new(environment, "sysctls", environment_sysctls(s->pair[0].side[0].fd));
	// Of the trials, whatever the system's default is.
	json_object_set_new(environment, "tcp_congestion_control",
	                    json_string(workload_congestion));
	json_object_set_new(environment, "veth", interface_veths(&s->pair[0]));
	json_object_set_new(environment, "busy", busy_watch(ACCOUNTING_LIMIT));
	return environment;
}

// All that its workloads may measure: while trials are measured, run.json need not grow.
static int describe_metrics(struct run *r, const struct plan *p)
{
	struct text fault = {0};
	int ret = 0;

	for (size_t i = 0; i < p->workloads && !ret; i++)
		for (const struct metric *m = p->workload[i].workload->metrics; m->name && !ret;
		     m++)
			ret = run_add_metric(r, p->workload[i].name, m, &fault);
	if (ret)
		fprintf(stderr, "wgbench: %s\n", text_string(&fault));
	text_free(&fault);
	return ret;
}

int describe_run(struct run *r, const struct plan *p, const struct session *s, const char *id,
                 double gate_percent)
{
	char created[STAMP_BYTES];

	stamp_record(created, time(NULL));
	*r = (struct run){.id = text_format("%s", id),
	                  .created = text_format("%s", created),
	                  .gate_percent = gate_percent,
	                  .workload_parameters = json_object(),
	                  .tunnels = s->tunnels,
	                  .tunnel = memory_new(s->tunnels, sizeof(*r->tunnel))};
	plan_to_run(p, r);
	describe_command(r, p, gate_percent);
	for (size_t i = 0; i < p->workloads; i++)
		json_object_set_new(r->workload_parameters, p->workload[i].name,
		                    workload_parameters(&p->workload[i]));
	for (size_t i = 0; i < s->tunnels; i++)
		describe_tunnel(&r->tunnel[i], &s->tunnel[i]);
	if (s->peered)
		describe_tunnel(&r->peer, &s->peer);
	for (size_t i = 0; i < s->tunnels; i++)
		r->tunnel[i].control = p->tunnel[i].control;
	int ret = describe_metrics(r, p);
	return ret ? ret : run_take_environment(r, describe_environment(s));
}
