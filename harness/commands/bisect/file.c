// bisect.json: the question as it was asked, the commits, and each measurement. What follows from
// them, a commit's probability and the answer, is for the reader.
#include "base/file.h"
#include "base/memory.h"
#include "base/quote.h"
#include "base/schema.h"
#include "base/text.h"
#include "harness/commands/bisect/bisect.h"
#include "harness/stats/basic.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BISECT_SCHEMA = 1, MANY = 1 << 20 };

struct saved_commit {
	const char *hash, *subject;
	double probability;
	const char *skipped; // why, or ""
};

struct saved_step {
	const char *commit;
	const char *run; // its folder, below the search's, or ""
	enum place_word side;
	const char *reason;
	size_t blocks;
	double seconds;
	struct place_distance good, bad; // `unmeasured` where they are
};

struct saved_answer {
	size_t commits;
	const char **commit;
	double probability;
	bool final;
};

struct saved {
	const char *good, *good_commit, *bad; // revisions as given, and what the good one is
	const char *tunnel, *workload, *metric;
	double gate_percent, confidence, budget_s;
	size_t steps_before; // that there were when the budget was given
	size_t commits, steps;
	struct saved_commit *commit;
	struct saved_step *step;
	json_t *answer; // NULL while no difference is known
};

static const struct place_distance unmeasured = {NAN, -INFINITY, INFINITY};

#define BYTES(type, member) .max = sizeof(((struct type *)0)->member) - 1

#define HERE(member) FIELD_IN(struct place_distance, member)
static const struct field distance_rows[] = {
    {"effect", FIELD_NUMBER, FIELD_OR_NULL, HERE(effect), .min = -1e9, .max = 1e9},
    {"ci_low", FIELD_NUMBER, FIELD_OR_NULL, HERE(low), .min = -1e9, .max = 1e9,
     .otherwise = -INFINITY},
    {"ci_high", FIELD_NUMBER, FIELD_OR_NULL, HERE(high), .min = -1e9, .max = 1e9,
     .otherwise = INFINITY},
    {0},
};
#undef HERE

#define HERE(member) FIELD_IN(struct saved_commit, member)
static const struct field commit_rows[] = {
    {"commit", FIELD_HEX, HERE(hash), .min = 7, BYTES(bisect_commit, hash)},
    {"subject", FIELD_TEXT, HERE(subject), BYTES(bisect_commit, subject)},
    {"probability", FIELD_NUMBER, FIELD_ADDED, HERE(probability), .max = 1},
    {"skipped", FIELD_TEXT, HERE(skipped), BYTES(bisect_commit, skipped)},
    {0},
};
#undef HERE
static const struct field commit = {.kind = FIELD_OBJECT, .rows = commit_rows};

#define HERE(member) FIELD_IN(struct saved_step, member)
static const struct field step_rows[] = {
    {"commit", FIELD_HEX, HERE(commit), .min = 7, BYTES(bisect_commit, hash)},
    {"run", FIELD_NAME, HERE(run), BYTES(bisect_step, run)},
    {"side", FIELD_WORD, HERE(side), .words = place_names},
    {"reason", FIELD_TEXT, HERE(reason), BYTES(bisect_step, reason)},
    {"blocks", FIELD_INTEGER, HERE(blocks), .max = STATS_BLOCKS_MAX},
    {"seconds", FIELD_NUMBER, HERE(seconds), .max = 1e9},
    {"from_good", FIELD_OBJECT, FIELD_OR_NULL, HERE(good), .rows = distance_rows},
    {"from_bad", FIELD_OBJECT, FIELD_OR_NULL, HERE(bad), .rows = distance_rows},
    {0},
};
#undef HERE
static const struct field step = {.kind = FIELD_OBJECT, .rows = step_rows};

#define HERE(member) FIELD_IN(struct saved_answer, member)
static const struct field hash = {.kind = FIELD_HEX, FIELD_EACH(const char *), .min = 7, .max = 64};
static const struct field answer_rows[] = {
    {"commits", FIELD_ARRAY, FIELD_LIST(struct saved_answer, commit, commits), .max = MANY,
     .rows = &hash},
    {"probability", FIELD_NUMBER, HERE(probability), .max = 1},
    {"final", FIELD_BOOLEAN, HERE(final)},
    {0},
};
#undef HERE

// What goes to git as a revision is checked where git is asked.
#define HERE(member) FIELD_IN(struct saved, member)
static const struct field rows[] = {
    {"good", FIELD_TEXT, HERE(good), .min = 1, BYTES(bisect, good)},
    {"good_commit", FIELD_HEX, HERE(good_commit), .min = 7, BYTES(bisect, good_hash)},
    {"bad", FIELD_TEXT, HERE(bad), .min = 1, BYTES(bisect, bad)},
    {"tunnel", FIELD_TEXT, HERE(tunnel), .min = 1, BYTES(bisect, tunnel)},
    {"workload", FIELD_ASCII, HERE(workload), .min = 1, BYTES(bisect, workload)},
    {"metric", FIELD_METRIC, HERE(metric), .min = 1, BYTES(bisect, metric)},
    {"gate_percent", FIELD_NUMBER, HERE(gate_percent), .min = 1e-9, .max = 100},
    {"confidence", FIELD_NUMBER, HERE(confidence), .min = BISECT_CONFIDENCE_MIN,
     .max = BISECT_CONFIDENCE_MAX},
    {"budget", FIELD_NUMBER, HERE(budget_s), .min = 1e-9, .max = 1e9},
    {"steps_before", FIELD_INTEGER, HERE(steps_before), .max = MANY},
    {"commits", FIELD_ARRAY, FIELD_LIST(struct saved, commit, commits), .min = 1, .max = MANY,
     .rows = &commit},
    {"steps", FIELD_ARRAY, FIELD_LIST(struct saved, step, steps), .max = MANY, .rows = &step},
    {"answer", FIELD_ANY, FIELD_OR_NULL, HERE(answer)},
    {0},
};
#undef HERE

// ---- writing

static struct saved_step describe_step(const struct bisect *b, const struct bisect_step *s)
{
	const struct place *p = &s->place;
	bool has_bad = p->blocks && !bisect_is_end(b, s->commit);

	return (struct saved_step){.commit = b->commit[s->commit].hash,
	                           .run = s->run,
	                           .side = p->word,
	                           .reason = s->reason,
	                           .blocks = p->blocks,
	                           .seconds = s->seconds,
	                           .good = p->blocks ? p->good : unmeasured,
	                           .bad = has_bad ? p->bad : unmeasured};
}

static json_t *write_answer(const struct bisect *b)
{
	struct bisect_range r = bisect_search_range(&b->search, b->confidence);
	struct saved_answer answer = {.commits = r.to - r.from + 1,
	                              .commit = memory_new(r.to - r.from + 1, sizeof(char *)),
	                              .probability = r.probability,
	                              .final = r.final};
	json_t *object;

	for (size_t i = r.from; i <= r.to; i++)
		answer.commit[i - r.from] = b->commit[i].hash;
	object = fields_write(&answer, answer_rows);
	free(answer.commit);
	return object;
}

json_t *bisect_to_json(const struct bisect *b)
{
	const struct bisect_step *ends = bisect_ends(b);
	bool differ = ends && ends->place.word == PLACE_BAD;
	struct saved s = {.good = b->good,
	                  .good_commit = b->good_hash,
	                  .bad = b->bad,
	                  .tunnel = b->tunnel,
	                  .workload = b->workload,
	                  .metric = b->metric,
	                  .gate_percent = b->gate_percent,
	                  .confidence = b->confidence,
	                  .budget_s = b->budget_s,
	                  .steps_before = b->steps_before,
	                  .commits = b->commits,
	                  .commit = memory_new(b->commits, sizeof(*s.commit)),
	                  .steps = b->steps,
	                  .step = memory_new(b->steps, sizeof(*s.step)),
	                  .answer = differ ? write_answer(b) : NULL};
	json_t *document;

	for (size_t i = 0; i < b->commits; i++) {
		const struct bisect_commit *c = &b->commit[i];

		s.commit[i] = (struct saved_commit){c->hash, c->subject,
		                                    b->search.point[i].probability, c->skipped};
	}
	for (size_t i = 0; i < b->steps; i++)
		s.step[i] = describe_step(b, &b->step[i]);
	document = schema_write(&s, BISECT_SCHEMA, rows);
	json_decref(s.answer);
	free(s.commit);
	free(s.step);
	return document;
}

static void file_path(const char *dir, char path[4100])
{
	snprintf(path, 4100, "%s/bisect.json", dir);
}

int bisect_save(const struct bisect *b)
{
	char path[4100];
	json_t *json = bisect_to_json(b);

	file_path(b->dir, path);
	if (!json) {
		fprintf(stderr,
		        "wgbench: %s: the question or a commit isn't UTF-8 and can't be stored\n",
		        path);
		return -EILSEQ;
	}
	int ret = output_json(path, json, JSON_INDENT(2));
	json_decref(json);
	return ret;
}

// ---- reading

static void take_question(struct bisect *b, const struct saved *s)
{
	strcpy(b->good, s->good);
	strcpy(b->good_hash, s->good_commit);
	strcpy(b->bad, s->bad);
	strcpy(b->tunnel, s->tunnel);
	strcpy(b->workload, s->workload);
	strcpy(b->metric, s->metric);
	b->gate_percent = s->gate_percent;
	b->confidence = s->confidence;
	b->budget_s = s->budget_s;
	b->steps_before = s->steps_before;
}

static void take_commits(struct bisect *b, const struct saved *s)
{
	b->commits = s->commits;
	b->commit = memory_new(s->commits, sizeof(*b->commit));
	for (size_t i = 0; i < s->commits; i++) {
		strcpy(b->commit[i].hash, s->commit[i].hash);
		strcpy(b->commit[i].subject, s->commit[i].subject);
	}
}

// False: it is of no commit of the search.
static bool take_step(struct bisect *b, const struct saved_step *s)
{
	struct bisect_step *to = &b->step[b->steps++];

	*to = (struct bisect_step){.place = {s->side, s->blocks, s->good, s->bad},
	                           .seconds = s->seconds};
	strcpy(to->run, s->run);
	strcpy(to->reason, s->reason);
	while (to->commit < b->commits && strcmp(s->commit, b->commit[to->commit].hash))
		to->commit++;
	return to->commit < b->commits;
}

// The ends are measured first.
static bool take_steps(struct bisect *b, const struct saved *s)
{
	bool taken = true;

	b->step = memory_new(s->steps, sizeof(*b->step));
	for (size_t i = 0; i < s->steps && taken; i++)
		taken = take_step(b, &s->step[i]);
	return taken && (!b->steps || bisect_is_end(b, b->step[0].commit));
}

static int take_saved(struct bisect *b, const struct saved *s, const char *path)
{
	take_question(b, s);
	take_commits(b, s);
	if (take_steps(b, s))
		return 0;
	fprintf(stderr, "wgbench: %s: holds no search that could go on\n", path);
	return -EINVAL;
}

int bisect_load(struct bisect *b, const char *dir)
{
	char path[4100];
	struct text fault = {0};
	struct saved saved = {0};

	file_path(dir, path);
	int ret = schema_load(&saved, path, BISECT_SCHEMA, rows, &fault);
	if (ret)
		quote_printf(stderr, "wgbench: %s:%s%s\n", path, text_string(&fault),
		             ret == -ENOENT || ret == -ENOTDIR ? ": not a search's folder" : "");
	else
		ret = take_saved(b, &saved, path);
	fields_free(&saved, rows);
	text_free(&fault);
	return ret;
}
