// bisect.json: "schema", what was asked ("good", "bad" as given, "tunnel", "workload", "metric",
// "gate_percent", "confidence", "budget" in seconds, and "steps_before", how many there were when
// it was given), "good_commit", "commits" [{"commit",
// "subject", "probability", "skipped" ("" or why)}], "steps" [{"commit", "run" (its folder here, or
// ""), "side" (good, bad, alone, open, none), "reason", "blocks", "seconds", "from_good",
// "from_bad"
// {"effect", "ci_low", "ci_high"} in percent, or null}], of the bad commit: good where
// the ends don't differ, open where that isn't known, and "answer" {"commits" [hashes],
// "probability", "final"}, null while no difference is known.
#include "base/memory.h"
#include "harness/commands/bisect/bisect.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/quote.h"
#include "base/text.h"
#include "harness/stats/basic.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BISECT_SCHEMA = 1 };

// null where nothing was measured.
static json_t *distance_json(const struct place_distance *d, bool measured)
{
	if (!measured)
		return json_null();
	return json_pack("{so so so}", "effect", output_number(d->effect), "ci_low",
	                 output_number(d->low), "ci_high", output_number(d->high));
}

static json_t *step_json(const struct bisect *b, const struct bisect_step *s)
{
	const struct place *p = &s->place;
	bool end = bisect_is_end(b, s->commit);

	return json_pack("{ss ss ss ss sI sf so so}", "commit", b->commit[s->commit].hash, "run",
	                 s->run, "side", place_names[p->word], "reason", s->reason, "blocks",
	                 (json_int_t)p->blocks, "seconds", s->seconds, "from_good",
	                 distance_json(&p->good, p->blocks), "from_bad",
	                 distance_json(&p->bad, p->blocks && !end));
}

static json_t *answer_json(const struct bisect *b)
{
	struct bisect_range r = bisect_search_range(&b->search, b->confidence);
	json_t *commits = json_array();

	for (size_t i = r.from; i <= r.to; i++)
		json_array_append_new(commits, json_string(b->commit[i].hash));
	return json_pack("{so sf sb}", "commits", commits, "probability", r.probability, "final",
	                 r.final);
}

static json_t *commit_json(const struct bisect *b, size_t i)
{
	const struct bisect_commit *c = &b->commit[i];

	return json_pack("{ss ss sf ss}", "commit", c->hash, "subject", c->subject, "probability",
	                 b->search.point[i].probability, "skipped", c->skipped);
}

json_t *bisect_to_json(const struct bisect *b)
{
	json_t *commits = json_array(), *steps = json_array();
	const struct bisect_step *ends = bisect_ends(b);
	bool differ = ends && ends->place.word == PLACE_BAD;
	int ret = 0;

	for (size_t i = 0; i < b->commits; i++)
		ret |= json_array_append_new(commits, commit_json(b, i));
	for (size_t i = 0; i < b->steps; i++)
		ret |= json_array_append_new(steps, step_json(b, &b->step[i]));
	json_t *search = json_pack(
	    "{si ss ss ss ss ss ss sf sf sf sI so so so}", "schema", BISECT_SCHEMA, "good", b->good,
	    "good_commit", b->good_hash, "bad", b->bad, "tunnel", b->tunnel, "workload",
	    b->workload, "metric", b->metric, "gate_percent", b->gate_percent, "confidence",
	    b->confidence, "budget", b->budget_s, "steps_before", (json_int_t)b->steps_before,
	    "commits", commits, "steps", steps, "answer", differ ? answer_json(b) : json_null());
	if (!ret)
		return search;
	json_decref(search);
	return NULL;
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
		        "wgbench: %s: what was asked or found isn't UTF-8, and can't be kept\n",
		        path);
		return -EILSEQ;
	}
	int ret = output_json(path, json, JSON_INDENT(2));
	json_decref(json);
	return ret;
}

// ---- reading

static const struct field distance_rows[] = {
    {"effect", FIELD_NUMBER, .presence = FIELD_OR_NULL, .min = -1e9, .max = 1e9},
    {"ci_low", FIELD_NUMBER, .presence = FIELD_OR_NULL, .min = -1e9, .max = 1e9},
    {"ci_high", FIELD_NUMBER, .presence = FIELD_OR_NULL, .min = -1e9, .max = 1e9},
    {0},
};

static const struct field commit_rows[] = {
    {"commit", FIELD_HEX, .min = 7, .max = 64},
    {"subject", FIELD_TEXT, .max = 4096},
    {"skipped", FIELD_TEXT, .max = 4096},
    {0},
};
static const struct field commit = {.kind = FIELD_OBJECT, .rows = commit_rows};

// The run's folder is below the search's.
static const struct field step_rows[] = {
    {"commit", FIELD_HEX, .min = 7, .max = 64},
    {"run", FIELD_NAME, .max = 63},
    {"side", FIELD_ASCII, .min = 1, .max = 15},
    {"reason", FIELD_TEXT, .max = 4096},
    {"blocks", FIELD_INTEGER, .max = STATS_BLOCKS_MAX},
    {"seconds", FIELD_NUMBER, .max = 1e9},
    {"from_good", FIELD_OBJECT, .presence = FIELD_OR_NULL, .rows = distance_rows},
    {"from_bad", FIELD_OBJECT, .presence = FIELD_OR_NULL, .rows = distance_rows},
    {0},
};
static const struct field step = {.kind = FIELD_OBJECT, .rows = step_rows};

// What goes to git as a revision is checked where git is asked.
static const struct field search_rows[] = {
    {"good", FIELD_TEXT, .min = 1, .max = 127},
    {"good_commit", FIELD_HEX, .min = 7, .max = 64},
    {"bad", FIELD_TEXT, .min = 1, .max = 127},
    {"tunnel", FIELD_TEXT, .min = 1, .max = 255},
    {"workload", FIELD_ASCII, .min = 1, .max = 95},
    {"metric", FIELD_METRIC, .min = 1, .max = 47},
    {"gate_percent", FIELD_NUMBER, .min = 1e-9, .max = 100},
    {"confidence", FIELD_NUMBER, .min = 0.5, .max = 1},
    {"budget", FIELD_NUMBER, .max = 1e9},
    {"steps_before", FIELD_INTEGER, .max = 1 << 20},
    {"commits", FIELD_ARRAY, .min = 1, .max = 1 << 20, .rows = &commit},
    {"steps", FIELD_ARRAY, .max = 1 << 20, .rows = &step},
    {0},
};

static bool read_text(const json_t *object, const char *key, char *to, size_t bytes)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && snprintf(to, bytes, "%s", text) < (int)bytes;
}

// What isn't a number was infinite.
static double read_bound(const json_t *object, const char *key, double infinite)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : infinite;
}

static struct place_distance read_distance(const json_t *object)
{
	return (struct place_distance){.effect = read_bound(object, "effect", NAN),
	                               .low = read_bound(object, "ci_low", -INFINITY),
	                               .high = read_bound(object, "ci_high", INFINITY)};
}

static bool read_commits(struct bisect *b, const json_t *array)
{
	const json_t *row;
	size_t i;

	b->commits = json_array_size(array);
	b->commit = memory_new(b->commits + 1, sizeof(*b->commit));
	json_array_foreach(array, i, row)
	{
		struct bisect_commit *c = &b->commit[i];

		if (!read_text(row, "commit", c->hash, sizeof(c->hash)) ||
		    !read_text(row, "subject", c->subject, sizeof(c->subject)))
			return false;
	}
	return b->commits;
}

static bool read_step(const struct bisect *b, struct bisect_step *s, const json_t *row)
{
	char hash[64], side[16];
	size_t word = 0;

	if (!read_text(row, "commit", hash, sizeof(hash)) ||
	    !read_text(row, "run", s->run, sizeof(s->run)) ||
	    !read_text(row, "reason", s->reason, sizeof(s->reason)) ||
	    !read_text(row, "side", side, sizeof(side)))
		return false;
	while (s->commit < b->commits && strcmp(hash, b->commit[s->commit].hash))
		s->commit++;
	while (word <= PLACE_NONE && strcmp(side, place_names[word]))
		word++;
	s->place = (struct place){.word = word,
	                          .blocks = json_integer_value(json_object_get(row, "blocks")),
	                          .good = read_distance(json_object_get(row, "from_good")),
	                          .bad = read_distance(json_object_get(row, "from_bad"))};
	s->seconds = json_number_value(json_object_get(row, "seconds"));
	return s->commit < b->commits && word <= PLACE_NONE && s->seconds >= 0;
}

static bool read_steps(struct bisect *b, const json_t *array)
{
	const json_t *row;
	size_t i;

	b->step = memory_new(json_array_size(array) + 1, sizeof(*b->step));
	json_array_foreach(array, i, row)
	{
		if (!read_step(b, &b->step[b->steps++], row))
			return false;
	}
	return json_is_array(array) && (!b->steps || bisect_is_end(b, b->step[0].commit));
}

static bool read_asked(struct bisect *b, const json_t *json)
{
	b->gate_percent = json_number_value(json_object_get(json, "gate_percent"));
	b->confidence = json_number_value(json_object_get(json, "confidence"));
	b->budget_s = json_number_value(json_object_get(json, "budget"));
	b->steps_before = json_integer_value(json_object_get(json, "steps_before"));
	return read_text(json, "good", b->good, sizeof(b->good)) &&
	       read_text(json, "good_commit", b->good_hash, sizeof(b->good_hash)) &&
	       read_text(json, "bad", b->bad, sizeof(b->bad)) &&
	       read_text(json, "tunnel", b->tunnel, sizeof(b->tunnel)) &&
	       read_text(json, "workload", b->workload, sizeof(b->workload)) &&
	       read_text(json, "metric", b->metric, sizeof(b->metric)) && b->gate_percent > 0 &&
	       b->confidence >= BISECT_CONFIDENCE_MIN && b->confidence <= BISECT_CONFIDENCE_MAX &&
	       b->budget_s > 0;
}

int bisect_load(struct bisect *b, const char *dir)
{
	char path[4100];
	struct text fault = {0};
	json_t *json;

	file_path(dir, path);
	if (fields_load(&json, path, &fault)) {
		quote_printf(stderr, "wgbench: %s:%s: not a search's folder\n", path,
		             text_string(&fault));
		text_free(&fault);
		return -EINVAL;
	}
	json_int_t schema = json_integer_value(json_object_get(json, "schema"));
	int ret = 0;
	if (schema != BISECT_SCHEMA) {
		fprintf(stderr, "wgbench: %s: schema %lld, but this wgbench reads %d: use %s one\n",
		        path, (long long)schema, BISECT_SCHEMA,
		        schema > BISECT_SCHEMA ? "a newer" : "an older");
		ret = -EINVAL;
	} else if (fields_check(json, search_rows, &fault)) {
		quote_printf(stderr, "wgbench: %s: %s\n", path, text_string(&fault));
		ret = -EINVAL;
	} else if (!read_asked(b, json) || !read_commits(b, json_object_get(json, "commits")) ||
	           !read_steps(b, json_object_get(json, "steps"))) {
		fprintf(stderr, "wgbench: %s: holds no search that could go on\n", path);
		ret = -EINVAL;
	}
	text_free(&fault);
	json_decref(json);
	return ret;
}
