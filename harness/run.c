// `wgbench run`: check, build, record what is compared, do the blocks, show the verdicts. All that
// can be wrong with the words or the machine is said before anything is made.
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "harness/blocks.h"
#include "harness/check.h"
#include "harness/commands.h"
#include "harness/describe.h"
#include "harness/environment_diff.h"
#include "harness/options.h"
#include "harness/plan.h"
#include "harness/session.h"
#include "harness/store.h"
#include "harness/verdict.h"

#define SEED_MAX 9007199254740992.0 // JSON readers hold whole numbers up to 2^53

struct run_options {
	const char *plan, *out, *resume;
	struct options_words tunnels, workloads, metrics;
	unsigned long long blocks, duration_s, seed, builds;
	double gate_percent, budget_s;
};

static int parse(struct run_options *o, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {"plan", OPTION_STRING, &o->plan, "P", "take what follows from workloads/plans/P.plan",
	     0, 0},
	    {"tunnel", OPTION_STRINGS, &o->tunnels, "SPEC",
	     "compare this tunnel; the first one is the baseline", 0, 0},
	    {"workload", OPTION_STRINGS, &o->workloads, "W[:KEY=VALUE,...]",
	     "measure this traffic; default: tcp", 0, 0},
	    {"blocks", OPTION_UNSIGNED, &o->blocks, "N",
	     "blocks of each workload; default: 8, with a budget as many as it allows", 1,
	     PLAN_BLOCKS_MAX},
	    {"budget", OPTION_TIME, &o->budget_s, "TIME",
	     "go on until each workload is decided or so much time is over (90s, 10m)", 1,
	     PLAN_BUDGET_MAX_S},
	    {"metric", OPTION_STRINGS, &o->metrics, "M",
	     "with a budget: what is to be decided; default: every judged metric", 0, 0},
	    {"builds", OPTION_UNSIGNED, &o->builds, "N",
	     "link each tunnel N times, its objects in another order each time; default: 1", 1,
	     PLAN_BUILDS_MAX},
	    {"duration", OPTION_UNSIGNED, &o->duration_s, "S", "seconds of a trial; default: 1", 1,
	     PLAN_DURATION_MAX_S},
	    {"seed", OPTION_UNSIGNED, &o->seed, "N", "of the blocks' order; default: random", 0,
	     SEED_MAX},
	    {"out", OPTION_STRING, &o->out, "DIR",
	     "the run's folder; default: results/TIME-PID in the source tree", 0, 0},
	    {"resume", OPTION_STRING, &o->resume, "DIR",
	     "go on with the run in DIR: only what is missing, with the same binaries", 0, 0},
	    {"gate", OPTION_DOUBLE, &o->gate_percent, "PERCENT",
	     "the smallest effect that matters; default: 2", VERDICT_GATE_MIN, VERDICT_GATE_MAX},
	};
	struct options_words words;
	int ret;

	*o = (struct run_options){.seed = ULLONG_MAX};
	ret = options_parse(&run_command, rows, sizeof(rows) / sizeof(*rows), argc, argv, &words, 0,
	                    0);
	if (!ret && o->resume &&
	    (o->plan || o->out || o->tunnels.n || o->workloads.n || o->metrics.n || o->blocks ||
	     o->duration_s || o->builds || o->seed != ULLONG_MAX || o->gate_percent > 0 ||
	     o->budget_s > 0)) {
		fprintf(stderr, "wgbench: --resume takes the plan from its folder: give no other "
		                "option with it\n");
		return -EINVAL;
	}
	return ret;
}

// A plan's own words give way to those of the command line.
static int make_plan(struct plan *p, const struct run_options *o, const struct spec_catalog *c)
{
	int ret = 0;

	if (o->plan)
		ret = plan_load(p, c->root, o->plan);
	else
		plan_default(p);
	if (!ret && o->tunnels.n)
		p->tunnels = 0;
	if (!ret && o->workloads.n)
		p->workloads = 0;
	for (size_t i = 0; i < o->tunnels.n && !ret; i++)
		ret = plan_add_tunnel(p, o->tunnels.word[i], false);
	for (size_t i = 0; i < o->workloads.n && !ret; i++)
		ret = plan_add_workload(p, o->workloads.word[i]);
	for (size_t i = 0; i < o->metrics.n && !ret; i++)
		ret = plan_add_metric(p, o->metrics.word[i]);
	if (ret)
		return ret;
	if (o->budget_s > 0) {
		p->budget_s = o->budget_s;
		p->blocks = PLAN_BLOCKS_MAX;
	}
	if (o->blocks)
		p->blocks = o->blocks;
	if (o->builds)
		p->builds = o->builds;
	if (o->duration_s)
		p->duration_s = o->duration_s;
	if (p->metrics && !(p->budget_s > 0)) {
		fprintf(stderr, "wgbench: --metric says what a budget is to decide: give --budget "
		                "too, or judge by one metric with wgbench compare --metric\n");
		return -EINVAL;
	}
	p->seed = o->seed;
	if (o->seed == ULLONG_MAX) {
		uint32_t random;
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -errno;
		p->seed = random;
	}
	return 0;
}

// Parses the plan's tunnels into the session and leaves out those that may be and aren't there.
static int choose_tunnels(struct plan *p, struct session *s, const struct spec_catalog *c)
{
	char reason[512];
	size_t n = 0;

	for (size_t i = 0; i < p->tunnels; i++) {
		struct plan_tunnel t = p->tunnel[i];
		struct spec *spec = &s->tunnel[n].spec;
		int ret = spec_parse(spec, c, t.spec);

		if (ret)
			return ret;
		if (spec->kind == SPEC_OWN || spec_available(spec, c, reason, sizeof(reason))) {
			plan_rename_tunnel(p, i, spec->name);
			p->tunnel[n++] = p->tunnel[i];
			continue;
		}
		fprintf(stderr, "wgbench: %s%s: %s\n", t.if_available ? "left out: " : "",
		        spec->name, reason);
		if (!t.if_available)
			return -ENOENT;
	}
	p->tunnels = s->tunnels = n;
	plan_drop_goals(p);
	return n ? 0 : -ENOENT;
}

// What would only be seen at the end. With all blocks clean and on one side, the one-sided p of n
// is 2^-n, of as many comparisons by Holm as many times that; with a budget, looks divide the
// error.
static void warn_of_few_blocks(const struct plan *p)
{
	double block_s = plan_block_s(p) * p->workloads, held = p->blocks;
	size_t comparisons = plan_comparisons(p);

	if (!comparisons || p->between)
		return;
	size_t needed = verdict_blocks_needed(LOOKS_ERROR),
	       to_fail = verdict_blocks_needed(LOOKS_ERROR / comparisons);
	if (p->budget_s > 0)
		held = floor(fmin(held, p->budget_s / block_s));
	const char *about = p->budget_s > 0 ? "about " : "", *plural = held == 1 ? "" : "s";
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

static int build(struct session *s, const struct plan *p, const struct spec_catalog *c)
{
	int ret = 0;

	for (size_t i = 0; i < s->tunnels && !ret; i++) {
		struct session_tunnel *t = &s->tunnel[i];
		bool own = t->spec.kind == SPEC_OWN;

		if (own)
			fprintf(stderr, "building %s%s\n", t->spec.name,
			        p->builds > 1 ? " in each layout" : "");
		else if (p->builds > 1)
			fprintf(stderr, "%s isn't built here: --builds leaves it as it is\n",
			        t->spec.name);
		t->builds = own ? p->builds : 1;
		for (unsigned b = 0; b < t->builds && !ret; b++)
			ret = spec_build(&t->spec, c, b, t->program[b], t->commit);
	}
	return ret;
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
	differs = environment_note_resumed(st->run, st->trials, environment);
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
	char path[4200];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", st->dir, i ? "run.json" : "trials.jsonl");
		unlink(path);
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
		return EXIT_ERROR; // told where it happened
	if (trials)
		fprintf(stderr,
		        "wgbench: %s: %s holds %zu finished trials; to go on: wgbench run --resume "
		        "%s\n",
		        why, dir, trials, dir);
	else
		fprintf(stderr, "wgbench: %s before the first trial was finished\n", why);
	return ret == -EINTR ? 128 + process_signal() : EXIT_ERROR;
}

// Blocks in an open session, and its tear-down. An exit code.
static int measure(const struct plan *p, struct session *s, struct store *st, bool fresh,
                   struct run_result *r)
{
	struct blocks_result result = {.trials = st->trials, .faulty = -1};
	int ret = blocks_run(p, s, st, &result);

	session_close(s);
	r->faulty = result.faulty;
	snprintf(r->reason, sizeof(r->reason), "%s", result.reason);
	if (fresh && !result.trials)
		remove_empty(st);
	if (ret)
		return explain(st->dir, result.trials, ret);
	if (result.contaminated)
		fprintf(stderr,
		        "wgbench: %u block%s stayed contaminated, the lines above say by what: a "
		        "quieter machine gives a surer verdict\n",
		        result.contaminated, result.contaminated > 1 ? "s" : "");
	if (!result.failed)
		return EXIT_NO_REGRESSION;
	fprintf(stderr, "wgbench: %u block%s failed at every attempt, first %s\n", result.failed,
	        result.failed > 1 ? "s" : "", result.reason);
	return EXIT_ERROR;
}

static int conclude(const char *dir, size_t tunnels, double gate_percent)
{
	int ret = EXIT_NO_REGRESSION;

	if (tunnels > 1)
		ret = compare_print(dir, gate_percent) == EXIT_ERROR ? EXIT_ERROR : ret;
	else
		fprintf(stderr, "wgbench: one tunnel: nothing is compared\n");
	return report_write(dir, gate_percent) == EXIT_ERROR ? EXIT_ERROR : ret;
}

// What a run does once its words are understood. The folder is in the result in any case.
static int run_new(struct plan *p, const char *out, double gate_percent,
                   const struct spec_catalog *c, struct session *s, struct run_result *r)
{
	const char *dir = r->dir;
	struct store st;
	char id[64], stamp[32];
	time_t now = time(NULL);
	int ret;

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime(&now));
	snprintf(id, sizeof(id), "%s-%d", stamp, getpid());
	*r = (struct run_result){.faulty = -1};
	snprintf(r->dir, sizeof(r->dir), "%.4000s%s%s", out ? out : c->root, out ? "" : "/results/",
	         out ? "" : id);
	ret = choose_tunnels(p, s, c);
	if (!ret)
		plan_fix_looks(p);
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
	if (ret)
		return process_signal() ? explain(dir, 0, -EINTR) : EXIT_ERROR;
	json_t *run = describe_run(p, s, id, gate_percent);
	ret = store_create(&st, dir, run);
	json_decref(run);
	if (ret) {
		session_close(s);
		return EXIT_ERROR;
	}
	int code = measure(p, s, &st, true, r);
	store_close(&st);
	return code;
}

static int run_and_conclude(const struct run_options *o, const struct spec_catalog *c,
                            struct session *s)
{
	struct run_result result;
	struct plan p;
	int code = EXIT_ERROR;

	if (!make_plan(&p, o, c))
		code = run_new(&p, o->out, o->gate_percent, c, s, &result);
	return code ? code : conclude(result.dir, p.tunnels, o->gate_percent);
}

// The plan is what the folder says.
static int run_again(struct plan *p, const char *dir, const struct spec_catalog *c,
                     struct session *s, struct run_result *r)
{
	struct store st;
	int code = EXIT_ERROR, ret = store_open(&st, dir, true);

	*r = (struct run_result){.faulty = -1};
	snprintf(r->dir, sizeof(r->dir), "%s", dir);
	if (ret)
		return EXIT_ERROR;
	ret = plan_from_run(p, st.run, dir);
	if (!ret)
		ret = choose_tunnels(p, s, c);
	if (!ret)
		ret = check_ready(p);
	if (!ret)
		ret = build(s, p, c);
	if (!ret)
		ret = describe_check(&st, s);
	if (!ret)
		ret = session_open(s);
	if (!ret)
		ret = note_environment(&st, s);
	if (!ret)
		code = measure(p, s, &st, false, r);
	else if (process_signal())
		code = explain(dir, st.trials, -EINTR);
	session_close(s);
	store_close(&st);
	return code;
}

static int run_again_and_conclude(const struct run_options *o, const struct spec_catalog *c,
                                  struct session *s)
{
	struct run_result result;
	struct plan p;
	int code = run_again(&p, o->resume, c, s, &result);

	return code ? code : conclude(o->resume, p.tunnels, 0);
}

static int prepare(struct spec_catalog *c)
{
	int ret = process_guard_signals();

	if (!ret)
		ret = spec_catalog_load(c);
	// A `make` beside a long run replaces the program that the tree is found from.
	return ret ? ret : setenv("WGBENCH_ROOT", c->root, 1);
}

int run_main(int argc, char **argv)
{
	struct spec_catalog *catalog = calloc(1, sizeof(*catalog));
	struct session *session = calloc(1, sizeof(*session));
	struct run_options options;
	int ret, code = EXIT_ERROR;

	if (!catalog || !session)
		abort();
	ret = parse(&options, argc, argv);
	if (ret == OPTIONS_HELPED)
		code = EXIT_NO_REGRESSION;
	else if (!ret && !prepare(catalog))
		code = options.resume ? run_again_and_conclude(&options, catalog, session)
		                      : run_and_conclude(&options, catalog, session);
	free(session);
	free(catalog);
	return code;
}

// Of a new run, or, without a plan, of the one in the folder.
static int run_either(struct plan *p, const char *dir, double gate_percent, struct run_result *r)
{
	struct spec_catalog *catalog = calloc(1, sizeof(*catalog));
	struct session *session = calloc(1, sizeof(*session));
	int code = EXIT_ERROR;
	struct plan found;

	if (!catalog || !session)
		abort();
	*r = (struct run_result){.faulty = -1};
	if (!prepare(catalog))
		code = p ? run_new(p, dir, gate_percent, catalog, session, r)
		         : run_again(&found, dir, catalog, session, r);
	free(session);
	free(catalog);
	return code;
}

int run_plan(struct plan *p, const char *out, double gate_percent, struct run_result *r)
{
	return run_either(p, out, gate_percent, r);
}

int run_resume(const char *dir, struct run_result *r)
{
	return run_either(NULL, dir, 0, r);
}

const struct command run_command = {
    .name = "run",
    .main = run_main,
    .arguments = "",
    .summary = "Measure tunnels against one another and show the verdicts",
    .help =
        "Every tunnel lives in two network namespaces of its own; their trials alternate in\n"
        "balanced blocks (ABBA, BAAB). What is finished is kept when the run is interrupted, and\n"
        "--resume goes on from there. At the end it prints the table that `wgbench compare`\n"
        "prints and writes the report.\n"
        "\n"
        "Exit codes: 0 the run was completed, whatever its verdicts say; 2 it could not be; 128 +\n"
        "N stopped by signal N. To gate by the verdicts, ask `wgbench compare RUN`: 0 no\n"
        "regression, 1 something is slower, 3 inconclusive.",
};
