// `wgbench run`: from its words to a plan, and from a finished folder to the verdicts.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "harness/command.h"
#include "harness/judge/decided.h"
#include "harness/judge/outcome.h"
#include "harness/measure/run.h"
#include "harness/options.h"
#include "harness/plan/plan.h"
#include "harness/show/report/report.h"
#include "harness/show/selfcheck_note.h"
#include "harness/show/verdict/brief.h"
#include "base/terminal.h"

#define SEED_MAX 9007199254740992.0 // JSON readers hold whole numbers up to 2^53

struct run_options {
	const char *plan, *out, *resume, *question, *peer;
	struct options_words tunnels, workloads, metrics;
	unsigned long long blocks, duration_s, seed, builds;
	double gate_percent, budget_s;
	bool control, no_control;
};

static int parse(struct run_options *o, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {"plan", OPTION_STRING, &o->plan, "PLAN",
	     .help =
	         "tunnels, workloads and blocks from workloads/plans/PLAN.plan; options beside it "
	         "replace its own"},
	    {"tunnel", OPTION_STRINGS, &o->tunnels, "SPEC",
	     .help = "a tunnel to compare; the first one is the baseline"},
	    {"peer", OPTION_STRING, &o->peer, "SPEC",
	     .help =
	         "one implementation at the other end of every tunnel, so that an end is judged "
	         "alone: the sender or, by workloads with reverse=1, the receiver",
	     .otherwise = "each tunnel's own"},
	    {"workload", OPTION_STRINGS, &o->workloads, "WORKLOAD",
	     .help = "traffic to measure, as in tcp:flows=8", .otherwise = "tcp"},
	    {"blocks", OPTION_UNSIGNED, &o->blocks, "N", .help = "blocks of each workload",
	     .min = 1, .max = RUN_BLOCKS_MAX,
	     .otherwise = OPTION_TEXT(RUN_BLOCKS_DEFAULT) ", or as many as a budget allows"},
	    {"budget", OPTION_TIME, &o->budget_s, "TIME",
	     .help = "go on until every workload is decided, or until this much time is over",
	     .min = 1, .max = RUN_BUDGET_MAX_S},
	    {"metric", OPTION_STRINGS, &o->metrics, "METRIC", .help = "what a budget is to decide",
	     .otherwise = "every judged metric"},
	    {"question", OPTION_STRING, &o->question, "WORD",
	     .help = "what a budget is to decide: where each effect lies, or only whether it is a "
	             "regression, which takes fewer blocks",
	     .words = question_names, .otherwise = "effect"},
	    {"builds", OPTION_UNSIGNED, &o->builds, "N",
	     .help = "link each tunnel N times, with its objects in another order each time",
	     .min = 1, .max = RUN_BUILDS_MAX, .otherwise = "1"},
	    {"duration", OPTION_UNSIGNED, &o->duration_s, "SECONDS", .help = "traffic in a trial",
	     .min = 1, .max = RUN_DURATION_MAX_S, .otherwise = OPTION_TEXT(RUN_DURATION_DEFAULT_S)},
	    {"seed", OPTION_UNSIGNED, &o->seed, "N", .help = "seed of the order within blocks",
	     .min = 0, .max = SEED_MAX, .otherwise = "random"},
	    {"out", OPTION_STRING, &o->out, "DIR", .help = "the run's folder",
	     .otherwise = "results/TIME-PID in the source tree"},
	    {"resume", OPTION_STRING, &o->resume, "DIR",
	     .help = "finish the run in DIR: only what is missing, with the same binaries; with "
	             "--blocks or "
	             "--budget, add as much to a run that is finished and undecided"},
	    {"control", OPTION_FLAG, &o->control,
	     .help = "measure the first tunnel once more (null control): where it differs from "
	             "itself, the run is no pass"},
	    {"no-control", OPTION_FLAG, &o->no_control, .help = "not even where the plan has one"},
	    {"gate", OPTION_DOUBLE, &o->gate_percent, "PERCENT",
	     .help = "the threshold: the smallest effect that matters", .min = RUN_GATE_MIN,
	     .max = RUN_GATE_MAX,
	     .otherwise = "the plan's own, else " OPTION_TEXT(RUN_GATE_DEFAULT)},
	};
	struct options options = {
	    .command = &run_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};
	static const char *const of_resume[] = {"resume", "blocks", "budget", NULL};
	struct options_words words;
	const char *beyond;
	int ret;

	*o = (struct run_options){.seed = ULLONG_MAX};
	ret = options_parse(&options, argc, argv, &words, 0, 0);
	beyond = options_beyond(&options, of_resume);
	if (!ret && o->resume && beyond) {
		fprintf(stderr,
		        "wgbench: --resume takes the plan from its folder: leave out --%s\n",
		        beyond);
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
	if (o->peer && strlen(o->peer) >= sizeof(p->peer)) {
		fprintf(stderr, "wgbench: --peer '%.40s...': at most %zu characters\n", o->peer,
		        sizeof(p->peer) - 1);
		return -EINVAL;
	}
	snprintf(p->peer, sizeof(p->peer), "%s", o->peer ? o->peer : "");
	if (o->blocks)
		p->blocks = o->blocks;
	if (o->builds)
		p->builds = o->builds;
	if (o->duration_s)
		p->duration_s = o->duration_s;
	if (o->question)
		plan_set_question(p, o->question);
	p->control = (p->control || o->control) && !o->no_control;
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

static int conclude(const struct store *st, double gate_percent)
{
	const struct outcome_how how = {.gate_percent = gate_percent, .alone = true};
	char *root = spec_find_root();
	struct outcome o;
	int code;

	if (!root || outcome_judge(&o, st, &how)) {
		free(root);
		return EXIT_ERROR;
	}
	char *selfcheck = spec_results(root, "selfcheck.json");
	brief_print(&o, terminal_columns(stdout), stdout);
	if (o.verdicts.n)
		selfcheck_print_note(&o, selfcheck, stdout);
	free(selfcheck);
	code = report_write(&o, root) ? EXIT_ERROR : EXIT_NO_REGRESSION;
	outcome_free(&o);
	free(root);
	return code;
}

static int run_new(const struct run_options *o, struct run_result *result)
{
	char *root = spec_find_root();
	struct plan p;
	int ret = root ? make_plan(&p, o, root) : -ENOENT;

	free(root);
	if (ret)
		return EXIT_ERROR;
	return run_plan(&p, o->out, o->gate_percent > 0 ? o->gate_percent : p.gate_percent,
	                decided_by, result);
}

static int run(const struct run_options *o)
{
	struct run_result result = {.store = {.trials_fd = -1}};
	const struct extension by = {o->blocks, o->budget_s};
	bool longer = by.blocks || by.budget_s > 0;
	int code = o->resume ? run_resume(o->resume, longer ? &by : NULL, decided_by, &result)
	                     : run_new(o, &result);

	if (!code)
		code = conclude(&result.store, o->gate_percent);
	store_close(&result.store);
	return code;
}

static int run_main(int argc, char **argv)
{
	struct run_options options;
	int ret = parse(&options, argc, argv);

	if (ret == OPTIONS_HELPED)
		return EXIT_NO_REGRESSION;
	if (ret)
		return EXIT_ERROR;
	return run(&options);
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "the run is complete, whatever its verdicts say"},
    {EXIT_ERROR, "it could not be made"},
    {EXIT_BY_SIGNAL, "stopped by signal N; what is finished is kept"},
    {0, NULL},
};

static const struct command_example examples[] = {
    {"wgbench run --plan standard", "what `make bench` does"},
    {"wgbench run --tunnel default@HEAD~1 --tunnel default --workload tcp --budget 10m",
     "judge the last commit"},
    {"wgbench run --tunnel exec:./before --tunnel exec:./after --workload ping",
     "two builds of another implementation"},
    {0},
};

const struct command run_command = {
    .name = "run",
    .main = run_main,
    .arguments = "",
    .summary = "Measure tunnels against one another and show the verdicts",
    .help = "Each tunnel has two network namespaces of its own, and the tunnels take turns in "
            "balanced blocks (ABBA, BAAB). An interrupted run keeps what is finished; --resume "
            "goes on from there. A finished run can be extended, up to three times: its "
            "verdicts at the end so far have used most of the 5 % that they may err in, and those "
            "of the extension share what is left. At the end the run prints what `wgbench compare` "
            "prints, and "
            "writes the report.\n"
            "To gate on the verdicts, ask `wgbench compare RUN`, whose exit code is theirs.",
    .exits = exits,
    .examples = examples,
};
