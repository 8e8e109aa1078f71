// `wgbench run`: from its words to a plan, and from a finished folder to the verdicts.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "harness/command.h"
#include "harness/judge/decided.h"
#include "harness/measure/run.h"
#include "harness/options.h"
#include "harness/plan/plan.h"
#include "harness/spec/parse.h"

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
	     RUN_BLOCKS_MAX},
	    {"budget", OPTION_TIME, &o->budget_s, "TIME",
	     "go on until each workload is decided or so much time is over (90s, 10m)", 1,
	     RUN_BUDGET_MAX_S},
	    {"metric", OPTION_STRINGS, &o->metrics, "M",
	     "with a budget: what is to be decided; default: every judged metric", 0, 0},
	    {"builds", OPTION_UNSIGNED, &o->builds, "N",
	     "link each tunnel N times, its objects in another order each time; default: 1", 1,
	     RUN_BUILDS_MAX},
	    {"duration", OPTION_UNSIGNED, &o->duration_s, "S", "seconds of a trial; default: 1", 1,
	     RUN_DURATION_MAX_S},
	    {"seed", OPTION_UNSIGNED, &o->seed, "N", "of the blocks' order; default: random", 0,
	     SEED_MAX},
	    {"out", OPTION_STRING, &o->out, "DIR",
	     "the run's folder; default: results/TIME-PID in the source tree", 0, 0},
	    {"resume", OPTION_STRING, &o->resume, "DIR",
	     "go on with the run in DIR: only what is missing, with the same binaries", 0, 0},
	    {"gate", OPTION_DOUBLE, &o->gate_percent, "PERCENT",
	     "the smallest effect that matters; default: 2", RUN_GATE_MIN, RUN_GATE_MAX},
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
static int make_plan(struct plan *p, const struct run_options *o, const char *root)
{
	int ret = 0;

	if (o->plan)
		ret = plan_load(p, root, o->plan);
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
		p->blocks = RUN_BLOCKS_MAX;
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

static int conclude(const char *dir, size_t tunnels, double gate_percent)
{
	int ret = EXIT_NO_REGRESSION;

	if (tunnels > 1)
		ret = compare_print(dir, gate_percent) == EXIT_ERROR ? EXIT_ERROR : ret;
	else
		fprintf(stderr, "wgbench: one tunnel: nothing is compared\n");
	return report_write(dir, gate_percent) == EXIT_ERROR ? EXIT_ERROR : ret;
}

static int run_new(const struct run_options *o)
{
	struct run_result result;
	char root[4096];
	struct plan p;

	if (spec_find_root(root) || make_plan(&p, o, root))
		return EXIT_ERROR;
	int code = run_plan(&p, o->out, o->gate_percent, decided_by, &result);
	return code ? code : conclude(result.dir, result.tunnels, o->gate_percent);
}

static int run_again(const struct run_options *o)
{
	struct run_result result;
	int code = run_resume(o->resume, decided_by, &result);

	return code ? code : conclude(o->resume, result.tunnels, 0);
}

static int run_main(int argc, char **argv)
{
	struct run_options options;
	int ret = parse(&options, argc, argv);

	if (ret == OPTIONS_HELPED)
		return EXIT_NO_REGRESSION;
	if (ret)
		return EXIT_ERROR;
	return options.resume ? run_again(&options) : run_new(&options);
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
