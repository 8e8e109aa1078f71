// Check, build, record what is compared, do the blocks. All that can be wrong with the words or the
// machine is said before anything is made.
#include "harness/measure/run.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/stamp.h"
#include "base/path.h"
#include "base/text.h"
#include "harness/measure/preflight.h"
#include "harness/measure/manifest.h"
#include "harness/record/environment_compare.h"
#include "harness/plan/plan.h"
#include "harness/measure/testbed.h"
#include "harness/record/store.h"
#include "harness/stats/signed_rank.h"

// The baseline once more.
static int add_control(struct plan *p, struct session *s)
{
	int ret = plan_add_control(p);

	for (; !ret && s->tunnels < p->tunnels; s->tunnels++)
		s->tunnel[s->tunnels].spec = s->tunnel[0].spec;
	return ret;
}

// Parses the plan's tunnels into the session and leaves out those that may be and aren't there.
static int choose_tunnels(struct plan *p, struct session *s, const struct spec_catalog *c)
{
	size_t n = 0;

	for (size_t i = 0; i < p->tunnels; i++) {
		struct plan_tunnel t = p->tunnel[i];
		struct spec *spec = &s->tunnel[n].spec;
		struct text reason = {0};
		int ret = spec_parse(spec, c, t.spec);

		if (ret)
			return ret;
		if (spec_available(spec, c, &reason)) {
			plan_rename_tunnel(p, i, spec->name);
			p->tunnel[n++] = p->tunnel[i];
			text_free(&reason);
			continue;
		}
		fprintf(stderr, "wgbench: %s%s: %s\n", t.if_available ? "left out: " : "",
		        spec->name, text_string(&reason));
		text_free(&reason);
		if (!t.if_available)
			return -ENOENT;
	}
	p->tunnels = s->tunnels = n;
	plan_drop_comparisons(p);
	plan_drop_goals(p);
	return n ? add_control(p, s) : -ENOENT;
}

// Both ends have to be a tunnel's, and what is measured must not be the peer's.
static int check_peer(const struct plan *p, const struct session *s)
{
	bool veth = s->peer.spec.kind == SPEC_VETH;

	for (size_t i = 0; i < s->tunnels; i++)
		veth |= s->tunnel[i].spec.kind == SPEC_VETH;
	if (veth) {
		fprintf(stderr, "wgbench: veth has no end of its own that could meet a --peer: "
		                "leave out one of them\n");
		return -EINVAL;
	}
	for (size_t i = 0; i < p->workloads; i++)
		if (p->workload[i].workload->judges_right) {
			fprintf(stderr,
			        "wgbench: %s measures the right end, which --peer fixes: leave "
			        "out one of both\n",
			        p->workload[i].name);
			return -EINVAL;
		}
	return 0;
}

// Parses the plan's peer, if it has one, into the session. Before it, the tunnels are chosen.
static int choose_peer(struct plan *p, struct session *s, const struct spec_catalog *c)
{
	struct spec *spec = &s->peer.spec;
	struct text reason = {0};
	int ret = *p->peer ? spec_parse(spec, c, p->peer) : 0;

	if (ret || !*p->peer)
		return ret;
	ret = check_peer(p, s);
	if (!ret && !spec_available(spec, c, &reason)) {
		fprintf(stderr, "wgbench: %s: %s\n", spec->name, text_string(&reason));
		ret = -ENOENT;
	}
	text_free(&reason);
	snprintf(p->peer, sizeof(p->peer), "%s", spec->name);
	s->peered = true;
	return ret;
}

// What would only be seen at the end. With all blocks clean and on one side, the one-sided p of n
// is 2^-n, of as many comparisons by Holm as many times that; with a budget, analyses divide the
// error.
static void warn_of_few_blocks(const struct plan *p)
{
	double block_s = plan_block_s(p) * p->workloads, held = p->blocks;
	size_t comparisons = plan_comparisons(p);

	if (!comparisons || p->between)
		return;
	size_t needed = stats_signed_rank_blocks(INTERIM_ERROR),
	       to_fail = stats_signed_rank_blocks(INTERIM_ERROR / comparisons);
	if (p->budget_s > 0)
		held = floor(fmin(held, p->budget_s / block_s));
	const char *about = p->budget_s > 0 ? "about " : "", *plural = text_plural(held);
	if (held < needed)
		fprintf(stderr,
		        "wgbench: too little for a verdict: %s%.0f block%s of each workload, and "
		        "it takes %zu clean ones, some %.0f s\n",
		        about, held, plural, needed, needed * block_s);
	else if (held < to_fail)
		fprintf(stderr,
		        "wgbench: too little for `compare` to exit 1 on one of %zu comparisons: "
		        "%s%.0f block%s of each workload, and it takes %zu clean ones, some %.0f "
		        "s\n",
		        comparisons, about, held, plural, to_fail, to_fail * block_s);
}

static int build_tunnel(struct session_tunnel *t, unsigned builds, const struct spec_catalog *c)
{
	bool own = t->spec.kind == SPEC_OWN;
	int ret = 0;

	if (own)
		fprintf(stderr, "building %s%s\n", t->spec.name,
		        builds > 1 ? " in each layout" : "");
	else if (builds > 1)
		fprintf(stderr, "%s isn't built here: --builds leaves it as it is\n", t->spec.name);
	t->builds = own ? builds : 1;
	for (unsigned b = 0; b < t->builds && !ret; b++)
		ret = spec_build(&t->spec, c, b, t->program[b], t->commit);
	return ret;
}

// Layouts are a tunnel's own: the peer is the same to all of them.
static int build(struct session *s, const struct plan *p, const struct spec_catalog *c)
{
	int ret = 0;

	for (size_t i = 0; i < s->tunnels && !ret; i++)
		ret = build_tunnel(&s->tunnel[i], p->builds, c);
	return !ret && s->peered ? build_tunnel(&s->peer, 1, c) : ret;
}

// Says and keeps in what the machine or the harness is another than before.
static int note_environment(struct store *st, const struct session *s)
{
	json_t *environment = describe_environment(s);
	const json_t *differs;
	char what[2048];

	if (process_signal()) { // which cut short what was asked
		json_decref(environment);
		return -EINTR;
	}
	differs = environment_note_resumed(&st->run, st->trials, environment);
	if (differs)
		fprintf(stderr,
		        "wgbench: %s goes on in another environment than before: %s\n"
		        "wgbench: each block is still compared within itself; for figures of one "
		        "environment begin a new run\n",
		        st->dir, environment_differences_line(differs, what, sizeof(what)));
	json_decref(environment);
	return store_write_run(st);
}

// A folder without a single trial says nothing.
static void remove_empty(const struct store *st)
{
	for (int i = 0; i < 2; i++) {
		char *path = path_join(st->dir, i ? "run.json" : "trials.jsonl");

		unlink(path);
		free(path);
	}
	rmdir(st->dir);
}

static int explain(const char *dir, size_t trials, int ret)
{
	char why[64] = "";

	if (ret == -EINTR)
		snprintf(why, sizeof(why), "stopped by SIG%s", sigabbrev_np(process_signal()));
	else
		snprintf(why, sizeof(why), "stopped: %s", strerror(-ret));
	if (!trials && ret == -EIO)
		return RUN_FAILED; // told where it happened
	if (trials)
		fprintf(stderr,
		        "wgbench: %s: %s holds %zu finished trials; to go on: wgbench run --resume "
		        "%s\n",
		        why, dir, trials, dir);
	else
		fprintf(stderr, "wgbench: %s before the first trial was finished\n", why);
	return ret == -EINTR ? 128 + process_signal() : RUN_FAILED;
}

// Blocks in an open session, and its tear-down. An exit code.
static int measure(const struct plan *p, struct session *s, struct store *st, bool fresh,
                   blocks_decide *decide, struct run_result *r)
{
	struct blocks_result result = {.faulty = -1};
	int ret = blocks_run(p, s, st, decide, &result);

	session_close(s);
	r->faulty = result.faulty;
	snprintf(r->reason, sizeof(r->reason), "%s", result.reason);
	if (fresh && !st->trials)
		remove_empty(st);
	if (ret)
		return explain(st->dir, st->trials, ret);
	if (result.contaminated)
		fprintf(stderr,
		        "wgbench: %u block%s stayed contaminated, the lines above say by what: a "
		        "quieter machine gives a surer verdict\n",
		        result.contaminated, result.contaminated > 1 ? "s" : "");
	if (!result.failed)
		return RUN_DONE;
	fprintf(stderr, "wgbench: %u block%s failed at every attempt, first %s\n", result.failed,
	        result.failed > 1 ? "s" : "", result.reason);
	return RUN_FAILED;
}

// What a run does once its words are understood.
static int run_new(struct plan *p, const char *out, double gate_percent,
                   const struct spec_catalog *c, struct session *s, blocks_decide *decide,
                   struct run_result *r)
{
	struct run run = {0};
	char id[64], stamp[STAMP_BYTES], *dir;
	int ret, code = RUN_FAILED;

	stamp_name(stamp, time(NULL));
	snprintf(id, sizeof(id), "%s-%d", stamp, getpid());
	dir = out ? text_format("%s", out) : spec_results(c->root, id);
	ret = choose_tunnels(p, s, c);
	if (!ret)
		ret = choose_peer(p, s, c);
	if (!ret)
		plan_fix_interim(p);
	if (!ret)
		ret = check_ready(p);
	if (!ret)
		ret = check_folder(dir);
	if (!ret)
		warn_of_few_blocks(p);
	if (!ret)
		ret = build(s, p, c);
	if (!ret)
		ret = session_open(s);
	if (ret && process_signal())
		code = explain(dir, 0, -EINTR);
	if (!ret)
		ret = describe_run(&run, p, s, id, gate_percent);
	if (!ret)
		ret = store_create(&r->store, dir, &run);
	if (!ret)
		code = measure(p, s, &r->store, true, decide, r);
	session_close(s);
	run_free(&run);
	free(dir);
	return code;
}

// The plan is what the folder says.
static int run_again(struct plan *p, const char *dir, const struct extension *by,
                     const struct spec_catalog *c, struct session *s, blocks_decide *decide,
                     struct run_result *r)
{
	struct store *st = &r->store;
	int code = RUN_FAILED, ret = store_open(st, dir, true);

	if (ret)
		return RUN_FAILED;
	r->trials_before = st->trials;
	if (by)
		ret = extension_add(st, by);
	if (!ret)
		ret = plan_from_run(p, &st->run, dir);
	if (!ret)
		ret = choose_tunnels(p, s, c);
	if (!ret)
		ret = choose_peer(p, s, c);
	if (!ret)
		ret = check_ready(p);
	if (!ret)
		ret = build(s, p, c);
	if (!ret)
		ret = describe_check(&st->run, s);
	if (!ret)
		ret = session_open(s);
	if (!ret)
		ret = note_environment(st, s);
	if (!ret)
		code = measure(p, s, st, false, decide, r);
	else if (process_signal())
		code = explain(dir, st->trials, -EINTR);
	session_close(s);
	return code;
}

static int prepare(struct spec_catalog *c)
{
	int ret = process_guard_signals();

	if (!ret)
		ret = spec_catalog_load(c);
	// A `make` beside a long run replaces the program that the tree is found from.
	return ret ? ret : setenv("WGBENCH_ROOT", c->root, 1);
}

// Of a new run, or, without a plan, of the one in the folder.
static int run_either(struct plan *p, const char *dir, const struct extension *by,
                      double gate_percent, blocks_decide *decide, struct run_result *r)
{
	struct spec_catalog *catalog = memory_new(1, sizeof(*catalog));
	struct session *session = memory_new(1, sizeof(*session));
	int code = RUN_FAILED;
	struct plan found;

	*r = (struct run_result){.store = {.trials_fd = -1}, .faulty = -1};
	if (!prepare(catalog))
		code = p ? run_new(p, dir, gate_percent, catalog, session, decide, r)
		         : run_again(&found, dir, by, catalog, session, decide, r);
	free(session);
	spec_catalog_free(catalog);
	free(catalog);
	return code;
}

int run_plan(struct plan *p, const char *out, double gate_percent, blocks_decide *decide,
             struct run_result *r)
{
	return run_either(p, out, NULL, gate_percent, decide, r);
}

int run_resume(const char *dir, const struct extension *by, blocks_decide *decide,
               struct run_result *r)
{
	return run_either(NULL, dir, by, 0, decide, r);
}
