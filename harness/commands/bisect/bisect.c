// `wgbench bisect`: which commit changed a metric. Measures whether there is a change at all, then
// one commit after another, until one, or those that nothing tells apart, is it with the stated
// confidence. All that is derived is derived anew from the steps, so that a search goes on where it
// was stopped.
#include "base/text.h"
#include "harness/commands/bisect/bisect.h"

#include "base/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/command.h"
#include "harness/options.h"
#include "base/file.h"
#include "base/process.h"
#include "base/stamp.h"
#include "base/path.h"
#include "harness/spec/parse.h"

#define BUDGET_DEFAULT_H 1

struct asked {
	const char *good, *bad, *workload, *metric, *tunnel, *out, *resume;
	double gate_percent, confidence, budget_s;
	bool json;
};

// ---- the search

// Where a measurement is left open, another may decide; where that is too, the commit is skipped.
// A further budget opens it again. Those of the ends say whether there is a change, not where.
static void learn(struct bisect *b, const struct bisect_step *s)
{
	enum { OPEN_MAX = 2 };
	struct bisect_commit *c = &b->commit[s->commit];
	enum place_word word = s->place.word;
	bool tells = word == PLACE_GOOD || word == PLACE_BAD;
	bool before = (size_t)(s - b->step) < b->steps_before;

	if (bisect_is_end(b, s->commit))
		return;
	if (tells)
		bisect_search_answer(&b->search, s->commit, word == PLACE_BAD, bisect_error(b));
	if (word == PLACE_OPEN && (before || (++c->open < OPEN_MAX && !bisect_counts(b))))
		return;
	if (!tells || bisect_counts(b))
		bisect_search_close(&b->search, s->commit);
	if (!tells)
		snprintf(c->skipped, sizeof(c->skipped), "%s", s->reason);
}

static void learn_all(struct bisect *b)
{
	bisect_search_begin(&b->search, b->commits);
	for (size_t i = 0; i < b->steps; i++)
		learn(b, &b->step[i]);
}

static int take_step(struct bisect *b, size_t commit)
{
	struct bisect_step s;
	int code;

	bisect_print_progress(b, commit);
	code = bisect_measure(b, commit, &s);
	if (code)
		return code;
	b->step = reallocarray(b->step, b->steps + 1, sizeof(*b->step));
	if (!b->step)
		abort();
	b->step[b->steps++] = s;
	learn(b, &b->step[b->steps - 1]);
	return bisect_save(b) ? EXIT_ERROR : EXIT_NO_REGRESSION;
}

// Whether there is something to go on with, and which commit to measure for that.
static bool find_next(const struct bisect *b, size_t *commit)
{
	const struct bisect_step *ends = bisect_ends(b);

	if (!ends || ends->place.word == PLACE_OPEN) {
		*commit = b->commits - 1;
		return true;
	}
	if (ends->place.word != PLACE_BAD || bisect_search_range(&b->search, b->confidence).final)
		return false;
	*commit = bisect_search_next(&b->search);
	return true;
}

// 0 an answer; 3 none.
static int search(struct bisect *b)
{
	size_t commit;

	while (find_next(b, &commit)) {
		if (bisect_spent_s(b) >= b->budget_s)
			return EXIT_INCONCLUSIVE;
		int code = take_step(b, commit);
		if (code)
			return code;
	}
	return bisect_ends(b)->place.word == PLACE_BAD ? 0 : EXIT_INCONCLUSIVE;
}

// ---- its words and its folder

static int take(const char *option, const char *from, char *to, size_t bytes)
{
	if (!from) {
		fprintf(stderr, "wgbench bisect: missing: --%s; see wgbench help bisect\n", option);
		return -EINVAL;
	}
	if (snprintf(to, bytes, "%s", from) < (int)bytes)
		return 0;
	fprintf(stderr, "wgbench bisect: --%s '%.40s...' is too long\n", option, from);
	return -EINVAL;
}

static int take_words(struct bisect *b, const struct asked *a)
{
	int ret = take("good", a->good, b->good, sizeof(b->good));

	if (!ret)
		ret = take("bad", a->bad, b->bad, sizeof(b->bad));
	if (!ret)
		ret = take("workload", a->workload, b->workload, sizeof(b->workload));
	if (!ret)
		ret = take("metric", a->metric, b->metric, sizeof(b->metric));
	if (!ret)
		ret = take("tunnel", a->tunnel, b->tunnel, sizeof(b->tunnel));
	b->gate_percent = a->gate_percent > 0 ? a->gate_percent
	                  : bisect_counts(b)  ? RUN_GATE_DEFAULT_COUNTED
	                                      : RUN_GATE_DEFAULT;
	b->confidence = a->confidence;
	b->budget_s = a->budget_s > 0 ? a->budget_s : BUDGET_DEFAULT_H * 3600;
	return ret;
}

static int make_folder(struct bisect *b, const char *out)
{
	char dir[4096], path[PATH_MAX + 16], stamp[STAMP_BYTES], *name, *folder;
	int ret;

	stamp_name(stamp, time(NULL));
	name = text_format("bisect-%s-%d", stamp, getpid());
	folder = out ? text_format("%s", out) : spec_results(b->root, name);
	snprintf(dir, sizeof(dir), "%.4000s", folder);
	free(folder);
	free(name);
	snprintf(path, sizeof(path), "%s/bisect.json", dir);
	if (!access(path, F_OK)) {
		fprintf(stderr,
		        "wgbench: %s holds a search: choose another --out, or --resume %s\n", dir,
		        dir);
		return -EEXIST;
	}
	ret = path_make_folders(dir);
	if (!ret && (!realpath(dir, path) || strlen(path) >= sizeof(b->dir)))
		ret = -ENAMETOOLONG;
	if (ret) {
		fprintf(stderr,
		        "wgbench: %s cannot be made: %s: choose another folder with --out\n", dir,
		        strerror(-ret));
		return ret;
	}
	strcpy(b->dir, path);
	return 0;
}

// Nothing is made before all is known to be right.
static int begin(struct bisect *b, const struct asked *a)
{
	int ret = take_words(b, a);

	if (!ret)
		ret = bisect_list_commits(b);
	if (!ret)
		ret = bisect_check(b);
	if (!ret)
		ret = make_folder(b, a->out);
	if (ret)
		return ret;
	learn_all(b);
	return bisect_save(b);
}

// A budget that is given is a further one.
static int go_on(struct bisect *b, const struct asked *a)
{
	char path[PATH_MAX];
	int ret = bisect_load(b, a->resume);

	if (ret)
		return ret;
	if (!realpath(a->resume, path) || strlen(path) >= sizeof(b->dir))
		return -ENAMETOOLONG;
	strcpy(b->dir, path);
	if (a->budget_s > 0) {
		b->budget_s = bisect_spent_s(b) + a->budget_s;
		b->steps_before = b->steps;
	}
	ret = bisect_check(b);
	if (ret)
		return ret;
	learn_all(b);
	return bisect_save(b);
}

static int conclude(const struct bisect *b, int code, bool json)
{
	if (code > EXIT_INCONCLUSIVE || code == EXIT_ERROR) {
		fprintf(stderr,
		        "wgbench: the search stopped after %zu measurement%s; to go on: "
		        "wgbench bisect --resume %s\n",
		        b->steps, b->steps == 1 ? "" : "s", b->dir);
	} else if (json) {
		output_print_json(bisect_to_json(b));
	} else if (b->steps) {
		bisect_print(b);
	} else {
		fprintf(stderr, "wgbench: the budget is too short for a single measurement: give a "
		                "longer one with --budget\n");
	}
	return code;
}

// ---- the command

static int parse(struct asked *a, int argc, char **argv)
{
	const struct option_row rows[] = {
	    {"good", OPTION_STRING, &a->good, "REV", .help = "the revision before the change"},
	    {"bad", OPTION_STRING, &a->bad, "REV", .help = "one after it, whether better or worse"},
	    {"workload", OPTION_STRING, &a->workload, "WORKLOAD",
	     .help = "traffic to measure; of instructions a mix: 64, imix, 1420 or gso"},
	    {"metric", OPTION_STRING, &a->metric, "METRIC",
	     .help =
	         "what changed: a metric of the workload, or `instructions`, which are counted"},
	    {"tunnel", OPTION_STRING, &a->tunnel, "SPEC", .help = "the tunnel",
	     .fallback = "default"},
	    {"gate", OPTION_DOUBLE, &a->gate_percent, "PERCENT",
	     .help = "the threshold: the smallest change that matters", .min = RUN_GATE_MIN,
	     .max = RUN_GATE_MAX,
	     .otherwise = OPTION_TEXT(RUN_GATE_DEFAULT) ", of instructions " OPTION_TEXT(
	         RUN_GATE_DEFAULT_COUNTED)},
	    {"confidence", OPTION_DOUBLE, &a->confidence, "P",
	     .help = "how probable the answer must be", .min = BISECT_CONFIDENCE_MIN,
	     .max = BISECT_CONFIDENCE_MAX, .fallback = "0.95"},
	    {"budget", OPTION_TIME, &a->budget_s, "TIME",
	     .help = "time for all measurements; with --resume, from then on", .min = 1,
	     .max = RUN_BUDGET_MAX_S, .otherwise = OPTION_TEXT(BUDGET_DEFAULT_H) "h"},
	    {"out", OPTION_STRING, &a->out, "DIR", .help = "the search's folder",
	     .otherwise = "results/bisect-TIME-PID in the source tree"},
	    {"resume", OPTION_STRING, &a->resume, "DIR", .help = "go on with the search in DIR"},
	    {"json", OPTION_FLAG, &a->json, .help = "print what is found as JSON"},
	};
	struct options options = {
	    .command = &bisect_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};
	static const char *const of_resume[] = {"resume", "budget", "json", NULL};
	struct options_words words;
	const char *beyond;
	int ret;

	*a = (struct asked){0};
	ret = options_parse(&options, argc, argv, &words, 0, 0);
	beyond = options_beyond(&options, of_resume);
	if (!ret && a->resume && beyond) {
		fprintf(stderr,
		        "wgbench bisect: --resume takes the question from its folder: leave out "
		        "--%s\n",
		        beyond);
		return -EINVAL;
	}
	return ret;
}

static int bisect_main(int argc, char **argv)
{
	struct bisect *b = memory_new(1, sizeof(*b));
	struct asked asked;
	int code = EXIT_ERROR, ret = parse(&asked, argc, argv);

	if (ret == OPTIONS_HELPED)
		code = EXIT_NO_REGRESSION;
	if (!ret)
		ret = process_guard_signals();
	if (!ret)
		ret = (b->root = spec_find_root()) ? 0 : -ENOENT;
	if (!ret)
		ret = asked.resume ? go_on(b, &asked) : begin(b, &asked);
	if (!ret)
		code = conclude(b, search(b), asked.json);
	else if (process_signal())
		code = EXIT_BY_SIGNAL + process_signal();
	bisect_search_free(&b->search);
	free(b->commit);
	free(b->step);
	free(b->root);
	free(b);
	return code;
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "an answer"},
    {EXIT_ERROR, "an error"},
    {EXIT_INCONCLUSIVE, "no answer within the budget, or the ends don't differ"},
    {EXIT_BY_SIGNAL, "stopped by signal N; --resume goes on"},
    {0, NULL},
};

static const struct command_example examples[] = {
    {"wgbench bisect --good v1 --bad HEAD --workload tcp --metric cpu_s_per_gbit",
     "by paired runs"},
    {"wgbench bisect --good v1 --bad HEAD --workload 64 --metric instructions",
     "by counts, exactly"},
    {0},
};

const struct command bisect_command = {
    .name = "bisect",
    .main = bisect_main,
    .arguments = "",
    .summary = "Find the commit that changed a metric, or those that can't be told apart",
    .help =
        "Needs --good, --bad, --workload and --metric, and searches the commits between the two "
        "ends along first parents. First the ends are measured against each other, until that "
        "decides: without a difference beyond the threshold there is nothing to find. Then each "
        "chosen commit is measured in the same blocks as both ends until its side is decided.\n"
        "At most 2.5 % of such decisions are wrong, and they are weighed accordingly: the next "
        "commit is the one that halves what is left, or one that is to be confirmed.\n"
        "A commit is skipped if it can't be built, if its trials fail, or if it lies away from "
        "both sides by more than the threshold and a quarter of the change. Commits that only "
        "skipped ones separate are one answer together. Each measurement is a run below DIR, "
        "which `compare` and `report` read; DIR/bisect.json holds the whole search.",
    .exits = exits,
    .examples = examples,
};
