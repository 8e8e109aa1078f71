// `wgbench profile`: perf over the whole machine during one trial of each tunnel, each alone in a
// fresh test network, as flame graphs.
#include "harness/commands/profile/profile.h"

#include "base/memory.h"
#include "base/path.h"
#include "base/stamp.h"
#include "base/text.h"
#include "harness/command.h"
#include "harness/commands/profile/perf.h"
#include "harness/measure/preflight.h"
#include "harness/measure/run_trial.h"
#include "harness/options.h"
#include "harness/show/flamegraph.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// A share of late ones among the kernel's samples that deserves a note.
static const double late_share = 0.1;

static int parse_options(struct profile_options *o, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {"tunnel", OPTION_STRING, &o->tunnel, "SPEC", .help = "the tunnel to profile",
	     .required = true},
	    {"vs", OPTION_STRING, &o->against, "SPEC",
	     .help = "a baseline to profile too, for differential flame graphs"},
	    {"workload", OPTION_STRING, &o->workload, "WORKLOAD", .help = "the traffic",
	     .fallback = "tcp"},
	    {"duration", OPTION_UNSIGNED, &o->duration_s, "SECONDS", .help = "how long it lasts",
	     .min = 1, .max = RUN_DURATION_MAX_S, .fallback = "5"},
	    {"frequency", OPTION_UNSIGNED, &o->hz, "HZ", .help = "samples per second and CPU",
	     .min = 1, .max = 20000, .fallback = "999"},
	    {"out", OPTION_STRING, &o->out, "DIR", .help = "the folder to write to",
	     .otherwise = "results/profile-TIME-PID in the source tree"},
	};
	struct options options = {
	    .command = &profile_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};
	struct options_words words;

	*o = (struct profile_options){0};
	return options_parse(&options, argc, argv, &words, 0, 0);
}

// A tunnel that may not be dumped has no maps for perf to read, and so no symbols, unless perf's
// user may trace everything.
static int make_dumpable(struct spec *s)
{
	static const char word[] = "dumpable=on";
	size_t length = strlen(s->switches);

	if (s->kind != SPEC_OWN)
		return 0;
	if (length + 1 + strlen(word) >= sizeof(s->switches)) {
		fprintf(stderr, "wgbench: tunnel '%s': no room for the switch %s\n", s->name, word);
		return -EINVAL;
	}
	snprintf(s->switches + length, sizeof(s->switches) - length, "%s%s", length ? "," : "",
	         word);
	return 0;
}

static int choose_tunnel(struct profile_side *s, const struct spec_catalog *c, const char *text)
{
	struct spec *spec = &s->tunnel.spec;
	struct text reason = {0};
	int ret = spec_parse(spec, c, text);

	if (!ret && !spec_available(spec, c, &reason)) {
		fprintf(stderr, "wgbench: %s: %s\n", spec->name, text_string(&reason));
		ret = -ENOENT;
	}
	text_free(&reason);
	return ret ? ret : make_dumpable(spec);
}

static int build_tunnel(struct profile_side *s, const struct spec_catalog *c)
{
	if (s->tunnel.spec.kind == SPEC_OWN)
		fprintf(stderr, "building %s\n", s->tunnel.spec.name);
	s->tunnel.builds = 1;
	return spec_build(&s->tunnel.spec, c, 0, s->tunnel.program[0], s->tunnel.commit);
}

// ---- measuring

static void find_ends(struct folded_ends *ends, const struct session *s)
{
	for (int i = 0; i < 2; i++) {
		size_t n = netns_processes(s->pair[0].side[i].fd, ends->pid[i], FOLDED_PIDS_MAX);

		ends->pids[i] = n < FOLDED_PIDS_MAX ? n : FOLDED_PIDS_MAX;
	}
}

static int sample_trial(struct profile *p, struct profile_side *s, struct session *session,
                        char **script)
{
	const struct workload_use *use = &p->plan.workload[0];
	struct session_tunnel *t = &session->tunnel[0];
	struct perf perf;
	int ret = tunnel_set_outer(&t->process, workload_value(use, "outer") == 6);

	if (ret)
		return ret;
	ret = perf_begin(&perf, p->dir, p->o.hz);
	if (!ret)
		ret = perf_switch(&perf, true);
	if (!ret)
		ret = trial_run(&s->trial, session, 0, use, p->o.duration_s);
	if (!ret)
		ret = perf_switch(&perf, false);
	if (!ret)
		ret = perf_read(&perf, script);
	perf_end(&perf);
	return ret;
}

// CPU time per gigabit where the traffic has any, so that tunnels of different speed compare.
static void find_scale(struct profile_side *s, unsigned hz)
{
	double us = 1e6 / hz;
	const struct value *cost = trial_value(&s->trial, "cpu_machine_s_per_gbit");

	s->per = "s";
	s->scale = us / (s->trial.duration_ns * 1e-9);
	if (cost && s->trial.machine_cpu_s > 0) {
		s->per = "Gbit";
		s->scale = us * cost->value / s->trial.machine_cpu_s;
	}
}

static void look_for_late_samples(struct profile_side *s)
{
	struct text most = {0};
	double share = folded_late_share(&s->part[FOLDED_ALL], &most);

	if (share >= late_share)
		text_set(&s->note,
		         "%.0f %% of kernel samples are late: they pile up where interrupts are "
		         "enabled again, most on %s",
		         share * 100, text_string(&most));
	text_free(&most);
}

static int check_trial(const struct profile_side *s)
{
	const char *reason = s->trial.contamination;

	if (s->trial.status == TRIAL_FAILED) {
		fprintf(stderr, "wgbench: %s: %s\n", s->tunnel.spec.name, s->trial.reason);
		return -EIO;
	}
	if (reason)
		fprintf(stderr, "wgbench: %s: %s meanwhile\n", s->tunnel.spec.name, reason);
	if (!s->part[FOLDED_ALL].n) {
		fprintf(stderr,
		        "wgbench: %s: perf took no samples: give a longer --duration or a "
		        "higher --frequency\n",
		        s->tunnel.spec.name);
		return -ENODATA;
	}
	return 0;
}

static int record_profile(struct profile *p, struct profile_side *s)
{
	struct session *session = memory_new(1, sizeof(*session));
	struct folded_ends ends;
	char *script = NULL;
	int ret;

	session->tunnels = 1;
	session->tunnel[0] = s->tunnel;
	fprintf(stderr, "profiling %s, %s, %llu s\n", s->tunnel.spec.name, p->plan.workload[0].name,
	        p->o.duration_s);
	ret = session_open(session);
	if (!ret)
		ret = session_start(session, 0);
	if (!ret) {
		find_ends(&ends, session);
		ret = sample_trial(p, s, session, &script);
	}
	session_close(session);
	free(session);
	if (!ret) {
		folded_read(s->part, script, &ends);
		folded_ends_only(&s->ends, &s->part[FOLDED_ALL]);
		find_scale(s, p->o.hz);
		look_for_late_samples(s);
		ret = check_trial(s);
	}
	free(script);
	return ret;
}

// ---- the command

static int choose_folder(struct profile *p, const char *root)
{
	time_t now = time(NULL);
	char id[STAMP_BYTES];

	stamp_name(id, now);
	stamp_record(p->stamp, now);
	char *name = text_format("profile-%s-%d", id, getpid());
	p->dir = p->o.out ? text_format("%s", p->o.out) : spec_results(root, name);
	free(name);
	char *path = path_join(p->dir, "profile.json");
	bool taken = path_exists(path);
	free(path);
	if (!taken)
		return check_folder(p->dir);
	fprintf(stderr, "wgbench: %s holds a profile: choose another --out\n", p->dir);
	return -EEXIST;
}

static int make_folder(struct profile *p)
{
	int ret = path_make_folders(p->dir);

	if (ret)
		fprintf(stderr, "wgbench: %s: %s\n", p->dir, strerror(-ret));
	p->made = !ret;
	return ret;
}

static int prepare_profile(struct profile *p, const struct spec_catalog *c)
{
	int ret;

	plan_default(&p->plan);
	p->plan.workloads = 0;
	ret = plan_add_workload(&p->plan, p->o.workload);
	if (!ret)
		ret = choose_tunnel(&p->side[PROFILE_CANDIDATE], c, p->o.tunnel);
	if (!ret && p->o.against)
		ret = choose_tunnel(&p->side[PROFILE_BASELINE], c, p->o.against);
	if (!ret)
		ret = check_ready(&p->plan);
	if (!ret)
		ret = flamegraph_check();
	if (!ret)
		ret = perf_check();
	if (!ret)
		ret = choose_folder(p, c->root);
	p->event = ret ? NULL : perf_event();
	if (!ret && p->o.against)
		ret = build_tunnel(&p->side[PROFILE_BASELINE], c);
	return ret ? ret : build_tunnel(&p->side[PROFILE_CANDIDATE], c);
}

static int run_profile(struct profile *p)
{
	struct spec_catalog *c = memory_new(1, sizeof(*c));
	int ret = process_guard_signals();
	if (!ret)
		ret = spec_catalog_load(c);
	if (!ret)
		ret = prepare_profile(p, c);
	if (!ret)
		ret = make_folder(p);
	if (!ret && p->o.against)
		ret = record_profile(p, &p->side[PROFILE_BASELINE]);
	if (!ret)
		ret = record_profile(p, &p->side[PROFILE_CANDIDATE]);
	if (!ret)
		ret = profile_write(p);
	if (!ret)
		profile_print(p);
	if (ret && p->made)
		rmdir(p->dir); // unless something came into it
	spec_catalog_free(c);
	free(c);
	return ret;
}

static int profile_main(int argc, char **argv)
{
	struct profile *p = memory_new(1, sizeof(*p));
	int code = EXIT_ERROR, ret = parse_options(&p->o, argc, argv);
	if (ret == OPTIONS_HELPED)
		code = EXIT_NO_REGRESSION;
	else if (!ret && !run_profile(p))
		code = EXIT_NO_REGRESSION;
	else if (!ret && process_signal())
		code = EXIT_BY_SIGNAL + process_signal();
	for (int role = 0; role < PROFILE_ROLES; role++) {
		for (int i = 0; i < FOLDED_PARTS; i++)
			folded_free(&p->side[role].part[i]);
		folded_free(&p->side[role].ends);
		text_free(&p->side[role].note);
		trial_free(&p->side[role].trial);
	}
	free(p->dir);
	free(p);
	return code;
}

static const struct command_exit exits[] = {{EXIT_NO_REGRESSION, "done"},
                                            {EXIT_ERROR, "not done"},
                                            {EXIT_BY_SIGNAL, "stopped by signal N"},
                                            {0, NULL}};

static const struct command_example examples[] = {
    {"wgbench profile --tunnel default --workload tcp", "where one tunnel's time goes"},
    {"wgbench profile --tunnel default --vs aead=openssl --workload tcp",
     "what `default` spends that the other doesn't"},
    {0},
};

const struct command profile_command = {
    .name = "profile",
    .main = profile_main,
    .arguments = "",
    .summary =
        "Show where the CPU time goes: flame graphs of a tunnel, or of two and their difference",
    .help =
        "perf samples the whole machine during one trial, with the tunnel alone in a fresh test "
        "network. The folder gets left.svg and right.svg (the two ends of the tunnel), all.svg "
        "(everything), and the folded stacks that they are drawn from.\n"
        "With --vs, names begin with baseline- and candidate-. difference-of-candidate.svg shows "
        "what costs more (red) or less (blue) than in the baseline, as wide as in the candidate; "
        "difference-of-baseline.svg is as wide as in the baseline, so it also shows what the "
        "candidate no longer does. Both are scaled to CPU time per gigabit where the workload "
        "carries gigabits.",
    .exits = exits,
    .examples = examples,
};
