// `wgbench bisect`: which commit changed a metric. Measures whether there is a change at all, then
// one commit after another, until one, or those that nothing tells apart, is it with the stated
// confidence. All that is derived is derived anew from the steps, so that a search goes on where it
// was stopped.
#include "harness/commands/bisect/bisect.h"

#include "base/memory.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
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
#include "harness/stats/basic.h"
#include "harness/record/store.h"
#include "harness/judge/verdict.h"

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
	return bisect_save(b) ? EXIT_ERROR : 0;
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
		fprintf(stderr, "wgbench bisect: missing: --%s; see wgbench bisect --help\n",
		        option);
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
	b->gate_percent = a->gate_percent > 0 ? a->gate_percent : bisect_counts(b) ? 0.1 : 2;
	b->confidence = a->confidence;
	b->budget_s = a->budget_s > 0 ? a->budget_s : 3600;
	return ret;
}

static int make_folder(struct bisect *b, const char *out)
{
	char dir[4096], path[PATH_MAX + 16], stamp[STAMP_BYTES];
	int ret;

	stamp_name(stamp, time(NULL));
	if (out)
		snprintf(dir, sizeof(dir), "%s", out);
	else
		snprintf(dir, sizeof(dir), "%.3900s/results/bisect-%s-%d", b->root, stamp,
		         getpid());
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
	    {"good", OPTION_STRING, &a->good, "REV", "before the change", 0, 0},
	    {"bad", OPTION_STRING, &a->bad, "REV", "behind it, for better or worse", 0, 0},
	    {"workload", OPTION_STRING, &a->workload, "W[:KEY=VALUE,...]",
	     "measure this traffic; of instructions: a mix (64, imix, 1420, gso)", 0, 0},
	    {"metric", OPTION_STRING, &a->metric, "M",
	     "what changed: a metric of the workload, or `instructions`, which are counted", 0, 0},
	    {"tunnel", OPTION_STRING, &a->tunnel, "SPEC", "of this tunnel; default: default", 0, 0},
	    {"gate", OPTION_DOUBLE, &a->gate_percent, "PERCENT",
	     "the smallest change that matters; default: 2, of instructions 0.1", RUN_GATE_MIN,
	     RUN_GATE_MAX},
	    {"confidence", OPTION_DOUBLE, &a->confidence, "P",
	     "how probable the answer is to be; default: 0.95", BISECT_CONFIDENCE_MIN,
	     BISECT_CONFIDENCE_MAX},
	    {"budget", OPTION_TIME, &a->budget_s, "TIME",
	     "of all measurements (90s, 10m); with --resume: from then on; default: 1h", 1,
	     RUN_BUDGET_MAX_S},
	    {"out", OPTION_STRING, &a->out, "DIR",
	     "the search's folder; default: results/bisect-TIME-PID in the source tree", 0, 0},
	    {"resume", OPTION_STRING, &a->resume, "DIR", "go on with the search in DIR", 0, 0},
	    {"json", OPTION_FLAG, &a->json, NULL, "print what is found as JSON", 0, 0},
	};
	struct options_words words;
	int ret;

	*a = (struct asked){.confidence = 0, .tunnel = NULL};
	ret = options_parse(&bisect_command, rows, sizeof(rows) / sizeof(*rows), argc, argv, &words,
	                    0, 0);
	if (!ret && a->resume &&
	    (a->good || a->bad || a->workload || a->metric || a->tunnel || a->out ||
	     a->gate_percent > 0 || a->confidence > 0)) {
		fprintf(stderr,
		        "wgbench bisect: --resume takes what is asked from its folder: only "
		        "--budget and --json go with it\n");
		return -EINVAL;
	}
	if (!(a->confidence > 0))
		a->confidence = 0.95;
	if (!a->tunnel)
		a->tunnel = "default";
	return ret;
}

static int bisect_main(int argc, char **argv)
{
	struct bisect *b = memory_new(1, sizeof(*b));
	struct asked asked;
	int code = EXIT_ERROR, ret = parse(&asked, argc, argv);

	if (ret == OPTIONS_HELPED)
		code = 0;
	if (!ret)
		ret = process_guard_signals();
	if (!ret)
		ret = spec_find_root(b->root);
	if (!ret)
		ret = asked.resume ? go_on(b, &asked) : begin(b, &asked);
	if (!ret)
		code = conclude(b, search(b), asked.json);
	else if (process_signal())
		code = 128 + process_signal();
	bisect_search_free(&b->search);
	free(b->commit);
	free(b->step);
	free(b);
	return code;
}

const struct command bisect_command = {
    .name = "bisect",
    .main = bisect_main,
    .arguments = "",
    .summary = "Find the commit that changed a metric, or those that nothing tells apart",
    .help =
        "--good, --bad, --workload and --metric are needed; the commits are those from good to\n"
        "bad along first parents. First the two ends are measured against one another, again\n"
        "while that decides nothing: without a difference beyond the gate there is nothing to\n"
        "search for. Then each commit that is chosen is measured in the same blocks as both ends,\n"
        "until its side is decided. An answer may be wrong (2.5 % of them at most) and is weighed\n"
        "so: the next commit is the one that halves what is left, or one again that is to be\n"
        "confirmed.\n"
        "\n"
        "A commit that can't be built, whose trials fail, or that stands alone (away from both\n"
        "sides by more than the gate and a quarter of the change) tells no side and is skipped;\n"
        "neighbours that only such commits lie between are one answer together. Each measurement\n"
        "is a run in DIR, which wgbench compare and report read; DIR/bisect.json has all of it.\n"
        "\n"
        "Exit codes: 0 an answer, 2 error, 3 no answer within the budget, or no difference; 128 +\n"
        "N stopped by signal N.",
};
