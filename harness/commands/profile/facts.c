// profile.json.
#include "base/file.h"
#include "base/path.h"
#include "base/schema.h"
#include "harness/commands/profile/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { PROFILE_SCHEMA = 1 };

struct facts_of_side {
	const char *spec, *revision;
	double samples, samples_left, samples_right;
	double us_per_sample;
	const char *per; // unit of work
	char *note;
	json_t *environment; // of its trial
};

struct facts {
	const char *created, *workload, *event;
	unsigned long long frequency_hz, duration_s;
	json_t *candidate, *baseline; // by side_rows; NULL: there is none
};

#define HERE(member) FIELD_IN(struct facts_of_side, member)
static const struct field side_rows[] = {
    {"spec", FIELD_TEXT, HERE(spec)},
    {"revision", FIELD_TEXT, HERE(revision)},
    {"samples", FIELD_NUMBER, HERE(samples)},
    {"samples_left", FIELD_NUMBER, HERE(samples_left)},
    {"samples_right", FIELD_NUMBER, HERE(samples_right)},
    {"us_per_sample", FIELD_NUMBER, FIELD_OR_NULL, HERE(us_per_sample)},
    {"per", FIELD_TEXT, HERE(per)},
    {"note", FIELD_TEXT, HERE(note)},
    {"environment", FIELD_OBJECT, HERE(environment)},
    {0},
};
#undef HERE

#define HERE(member) FIELD_IN(struct facts, member)
static const struct field rows[] = {
    {"created", FIELD_TIME, HERE(created)},
    {"workload", FIELD_WORKLOAD, HERE(workload)},
    {"event", FIELD_TEXT, HERE(event)},
    {"frequency_hz", FIELD_INTEGER, HERE(frequency_hz)},
    {"duration", FIELD_INTEGER, HERE(duration_s)},
    {"candidate", FIELD_OBJECT, HERE(candidate), .rows = side_rows},
    {"baseline", FIELD_OBJECT, FIELD_OPTIONAL, HERE(baseline), .rows = side_rows},
    {0},
};
#undef HERE

static json_t *write_side(const struct profile_side *s)
{
	const struct facts_of_side facts = {.spec = s->tunnel.spec.name,
	                                    .revision = s->tunnel.commit,
	                                    .samples = s->part[FOLDED_ALL].samples,
	                                    .samples_left = s->part[FOLDED_LEFT].samples,
	                                    .samples_right = s->part[FOLDED_RIGHT].samples,
	                                    .us_per_sample = s->scale,
	                                    .per = s->per,
	                                    .note = output_clean(text_string(&s->note)),
	                                    .environment = s->trial.environment};
	json_t *object = fields_write(&facts, side_rows);

	free(facts.note);
	return object;
}

int profile_write_facts(const struct profile *p)
{
	struct facts facts = {.created = p->stamp,
	                      .workload = p->plan.workload[0].name,
	                      .event = p->event,
	                      .frequency_hz = p->o.hz,
	                      .duration_s = p->o.duration_s,
	                      .candidate = write_side(&p->side[PROFILE_CANDIDATE])};
	char *path = path_join(p->dir, "profile.json");
	int ret = -EILSEQ;

	if (p->o.against)
		facts.baseline = write_side(&p->side[PROFILE_BASELINE]);
	json_t *document = schema_write(&facts, PROFILE_SCHEMA, rows);
	if (document)
		ret = output_json(path, document, JSON_INDENT(2));
	else
		fprintf(stderr, "wgbench: %s: what was measured can't be stored as JSON\n", path);
	json_decref(document);
	json_decref(facts.candidate);
	json_decref(facts.baseline);
	free(path);
	return ret;
}
