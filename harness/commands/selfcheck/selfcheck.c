// `wgbench selfcheck`: the gate proves itself. A run of the baseline against itself (A/A), and
// against a build that burns a known time for each packet (A/A + delta). From the A/A blocks runs
// are drawn anew, whole starts at a time, to tell how often a verdict is wrong here and how small
// an effect it finds.
#include "base/text.h"
#include "base/memory.h"
#include "base/path.h"
#include "harness/show/verdict_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/command.h"
#include "harness/judge/decided.h"
#include "harness/record/environment_compare.h"
#include "harness/measure/run.h"
#include "harness/plan/interim_plan.h"
#include "harness/options.h"
#include "base/file.h"
#include "harness/plan/plan.h"
#include "harness/judge/draw_fixed.h"
#include "harness/judge/draw_budget.h"
#include "harness/commands/selfcheck/print.h"
#include "harness/spec/parse.h"
#include "harness/stats/basic.h"

enum { DRAWS = 2000, LIMIT_STORES = 40, LIMIT_DRAWS = 400, SEED = 1 };
static const unsigned sizes[] = {8, 12, 18, 27, 40};
enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

enum { RUNS_MAX = 32 };

// ---- what is found

struct aa_runs {
	size_t n;
	struct outcome run[RUNS_MAX];
};

struct aa_blocks {
	size_t n;
	double ratio[STATS_BLOCKS_MAX];
	unsigned start[STATS_BLOCKS_MAX]; // counted over all runs
};

static bool is_twin(const struct outcome *o, const struct verdict *v)
{
	const struct run_tunnel *a = &o->store->run.tunnel[v->baseline];
	const struct run_tunnel *b = &o->store->run.tunnel[v->candidate];

	return !strcmp(a->spec, b->spec) && !strcmp(a->sha256, b->sha256);
}

static void gather_run(struct aa_blocks *b, const struct verdict *v)
{
	unsigned first = b->n ? b->start[b->n - 1] + 1 : 0;

	for (size_t i = 0; i < v->series->blocks && b->n < STATS_BLOCKS_MAX; i++) {
		const struct series_block *block = &v->series->block[i];
		double r = verdict_block_effect(block, v->candidate, v->baseline);

		if (isnan(r) || block->contaminated)
			continue;
		b->ratio[b->n] = r;
		b->start[b->n++] = first + block->start;
	}
}

// The clean blocks of that metric, of every run.
static void gather(struct aa_blocks *b, const struct aa_runs *a, const struct series *of)
{
	b->n = 0;
	for (size_t r = 0; r < a->n; r++)
		for (size_t i = 0; i < a->run[r].verdicts.n; i++) {
			const struct verdict *v = &a->run[r].verdicts.verdict[i];

			if (is_twin(&a->run[r], v) && !strcmp(v->series->workload, of->workload) &&
			    !strcmp(v->series->metric, of->metric))
				gather_run(b, v);
		}
}

// A row for each size of run.
static void check_metric(struct selfcheck *found, const struct aa_blocks *b, const struct series *s)
{
	for (size_t i = 0; i < SIZES && b->n; i++) {
		struct selfcheck_row row = {.blocks = sizes[i],
		                            .from_blocks = b->n,
		                            .sd_percent = 100 * stats_sd(b->ratio, b->n)};
		struct selfcheck_draws p;

		selfcheck_draw(&p, b->ratio, b->start, b->n, sizes[i], found->gate_percent,
		               INTERIM_ERROR, DRAWS, SEED);
		row.different = p.different;
		row.called = p.called;
		row.found_percent = p.found_percent;
		snprintf(row.workload, sizeof(row.workload), "%s", s->workload);
		snprintf(row.metric, sizeof(row.metric), "%s", s->metric);
		found->row = memory_resize(found->row, found->rows + 1, sizeof(*found->row));
		found->row[found->rows++] = row;
	}
}

// Of runs with such a budget: what they call an effect that is added to the A/A blocks.
static void check_budget(struct selfcheck *found, const struct aa_blocks *b,
                         const struct series *of, const struct interim *analyses, double budget_s,
                         double effect_percent)
{
	const double shift = log1p(effect_percent / 100);
	struct selfcheck_budget_row row = {.budget_s = budget_s, .effect_percent = effect_percent};
	struct selfcheck_budget s;
	struct selfcheck_limits l;

	selfcheck_draw_budget(&s, b->ratio, b->n, true, shift, analyses, found->gate_percent, DRAWS,
	                      SEED);
	selfcheck_limit_budget(&l, b->ratio, b->n, true, shift, analyses, found->gate_percent,
	                       LIMIT_STORES, LIMIT_DRAWS, SEED);
	row.beyond = s.higher;
	row.beyond_low = l.low;
	row.beyond_high = l.high;
	row.same = s.same;
	row.different = s.different;
	row.blocks = s.blocks;
	snprintf(row.workload, sizeof(row.workload), "%s", of->workload);
	snprintf(row.metric, sizeof(row.metric), "%s", of->metric);
	found->budget = memory_resize(found->budget, found->budgets + 1, sizeof(*found->budget));
	found->budget[found->budgets++] = row;
}

// The threshold is among the effects: at it, at most 2.5 % may be called worse.
static void check_budgets(struct selfcheck *found, const struct aa_blocks *b,
                          const struct series *of, unsigned duration_s)
{
	static const double budgets_s[] = {300, 1200};
	const double effects[] = {0, found->gate_percent, 3, 5};

	for (size_t i = 0; i < sizeof(budgets_s) / sizeof(*budgets_s) && b->n; i++) {
		struct interim analyses;
		struct plan plan = {.tunnels = 2, .duration_s = duration_s};

		interim_fix(&analyses, fmin(budgets_s[i] / plan_block_s(&plan), RUN_BLOCKS_MAX));
		for (size_t e = 0; e < sizeof(effects) / sizeof(*effects); e++)
			check_budget(found, b, of, &analyses, budgets_s[i], effects[e]);
	}
}

static void check(struct selfcheck *found, const struct aa_runs *a)
{
	const struct outcome *o = &a->run[0];
	struct aa_blocks b;

	*found = (struct selfcheck){
	    .runs = a->n,
	    .run = memory_new(a->n, sizeof(*found->run)),
	    .created = text_format("%s", o->store->run.created),
	    .machine = environment_machine(o->store->run.environment.all),
	    .gate_percent = o->verdicts.gate_percent,
	    .draws = DRAWS,
	    .limit_sets = LIMIT_STORES,
	};
	for (size_t r = 0; r < a->n; r++)
		found->run[r] = text_format("%s", a->run[r].store->run.id);
	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];

		if (!is_twin(o, v))
			continue;
		gather(&b, a, v->series);
		check_metric(found, &b, v->series);
		check_budgets(found, &b, v->series, o->store->run.duration_s);
	}
}

// ---- what is kept

static char *latest_path(void)
{
	char *root = spec_find_root();
	char *path = root ? spec_results(root, "selfcheck.json") : text_format("%s", "");

	free(root);
	return path;
}

// ---- the command

static int make_plan(struct plan *p, const struct options_words *traffic, unsigned long long n,
                     double budget_s)
{
	char *root = spec_find_root();
	int ret = root ? plan_load(p, root, "selfcheck") : -ENOENT;

	free(root);
	if (!ret && traffic->n)
		p->workloads = 0;
	for (size_t i = 0; i < traffic->n && !ret; i++)
		ret = plan_add_workload(p, traffic->word[i]);
	if (n)
		p->blocks = n;
	if (!ret && budget_s > 0) {
		double block_s = plan_block_s(p) * p->workloads;

		p->blocks = fmin(RUN_BLOCKS_MAX, fmax(1, budget_s / block_s));
	}
	return ret;
}

static bool has_twin(const struct outcome *o)
{
	struct aa_blocks b = {0};

	for (size_t i = 0; i < o->verdicts.n && !b.n; i++)
		if (is_twin(o, &o->verdicts.verdict[i]))
			gather_run(&b, &o->verdicts.verdict[i]);
	return b.n;
}

// Whether what was added last goes with the first one.
static int check_last(const struct aa_runs *a)
{
	const struct outcome *o = &a->run[a->n - 1];
	const char *dir = o->store->dir;

	if (!has_twin(o)) {
		fprintf(stderr,
		        "wgbench: %s: holds no tunnel twice, or no clean block of it: nothing to "
		        "check verdicts by\n",
		        dir);
		return -EINVAL;
	}
	if (!environment_same_machine(o->store->run.environment.all,
	                              a->run[0].store->run.environment.all)) {
		fprintf(stderr,
		        "wgbench: %s: measured on another machine than %s: check each by itself\n",
		        dir, a->run[0].store->dir);
		return -EINVAL;
	}
	if (o->store->run.duration_s != a->run[0].store->run.duration_s) {
		fprintf(stderr,
		        "wgbench: %s: its trials are of another duration than those of %s: check "
		        "each by "
		        "itself\n",
		        dir, a->run[0].store->dir);
		return -EINVAL;
	}
	return 0;
}

static void keep(const json_t *document, const char *dir)
{
	char *path = path_join(dir, "selfcheck.json"), *latest = latest_path();

	output_json(path, document, JSON_INDENT(2));
	output_json(latest, document, JSON_INDENT(2));
	free(path);
	free(latest);
}

// Of the folders, or of what was measured just now, which is then what later runs refer to.
static int show(const char *const *dirs, size_t n, const struct store *fresh, double gate_percent,
                bool json)
{
	const struct outcome_how how = {.gate_percent = gate_percent};
	struct aa_runs *a = memory_new(1, sizeof(*a));
	int ret = 0;

	for (size_t i = 0; i < n + (fresh != NULL) && !ret; i++) {
		struct outcome *o = &a->run[a->n];

		ret = fresh ? outcome_judge(o, fresh, &how) : outcome_load(o, dirs[i], &how);
		a->n += !ret;
		if (!ret)
			ret = check_last(a);
	}
	if (!ret) {
		struct selfcheck found;
		json_t *document;

		check(&found, a);
		document = selfcheck_write(&found);
		for (size_t i = 0; i < a->n && !json; i++) {
			outcome_print_verdicts(&a->run[i]);
			selfcheck_print_planted(&a->run[i]);
		}
		if (json)
			output_print_json(json_incref(document));
		else
			selfcheck_print_found(&found);
		if (fresh)
			keep(document, fresh->dir);
		json_decref(document);
		selfcheck_free(&found);
	}
	while (a->n)
		outcome_free(&a->run[--a->n]);
	free(a);
	return ret ? EXIT_ERROR : EXIT_NO_REGRESSION;
}

static int selfcheck_main(int argc, char **argv)
{
	struct options_words words, traffic = {0};
	unsigned long long blocks = 0;
	double budget_s = 0, gate_percent = 0;
	const char *out = NULL;
	bool json = false;
	const struct option_row rows[] = {
	    {"workload", OPTION_STRINGS, &traffic, "WORKLOAD",
	     .help = "traffic to check verdicts of", .otherwise = "the plan's"},
	    {"blocks", OPTION_UNSIGNED, &blocks, "N", .help = "blocks of each workload", .min = 8,
	     .max = RUN_BLOCKS_MAX, .otherwise = "the plan's"},
	    {"budget", OPTION_TIME, &budget_s, "TIME", .help = "as many blocks as this time allows",
	     .min = 60, .max = RUN_BUDGET_MAX_S},
	    {"gate", OPTION_DOUBLE, &gate_percent, "PERCENT",
	     .help = "the threshold: the smallest effect that matters", .min = RUN_GATE_MIN,
	     .max = RUN_GATE_MAX,
	     .otherwise = "the run's own, else " OPTION_TEXT(RUN_GATE_DEFAULT)},
	    {"out", OPTION_STRING, &out, "DIR", .help = "the run's folder",
	     .otherwise = "results/TIME-PID in the source tree"},
	    {"json", OPTION_FLAG, &json, .help = "print what is found as JSON"},
	};
	struct options options = {
	    .command = &selfcheck_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};
	static const char *const of_runs[] = {"gate", "json", NULL};
	int ret = options_parse(&options, argc, argv, &words, 0, RUNS_MAX);
	struct run_result run;
	struct plan plan;

	if (ret)
		return ret < 0 ? EXIT_ERROR : EXIT_NO_REGRESSION;
	if (words.n && options_beyond(&options, of_runs)) {
		fprintf(stderr, "wgbench selfcheck: a RUN is measured already: leave out --%s\n",
		        options_beyond(&options, of_runs));
		return EXIT_ERROR;
	}
	if (words.n)
		return show(words.word, words.n, NULL, gate_percent, json);
	if (make_plan(&plan, &traffic, blocks, budget_s))
		return EXIT_ERROR;
	int code = run_plan(&plan, out, gate_percent, decided_by, &run);
	if (!code)
		code = show(NULL, 0, &run.store, gate_percent, json);
	store_close(&run.store);
	return code;
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "measured, whatever was found"},
    {EXIT_ERROR, "it could not be measured"},
    {EXIT_BY_SIGNAL, "stopped by signal N; what is finished is kept"},
    {0, NULL},
};

const struct command selfcheck_command = {
    .name = "selfcheck",
    .main = selfcheck_main,
    .arguments = "[RUN...]",
    .summary = "Show how often verdicts are wrong here, and how small an effect they find",
    .help = "Measures the preset `default` against itself, and against a build of it with a known "
            "cost injected into every packet (workloads/plans/selfcheck.plan). The result is kept "
            "in selfcheck.json, in the run's folder and in results/, and `run` and `compare` print "
            "it below their verdicts.\n"
            "With RUN nothing is measured: the folders must be of one machine and hold a tunnel "
            "twice, and the blocks of the first one's metrics are taken together.",
    .exits = exits,
};
