// Series as JSON.
#include "harness/commands/history/json.h"

#include "base/fields.h"
#include "base/file.h"
#include "base/memory.h"
#include "harness/commands/history/changes.h"

#include <stdlib.h>

struct shown_change {
	const char *run;
	size_t at;
	double percent, p;
	bool better;
	bool grouped;
	char acknowledged[sizeof(((struct history_change *)0)->acknowledged)]; // "": it isn't
};

struct shown_series {
	struct history_series series;
	size_t changes;
	struct shown_change *change;
};

struct shown_environment {
	struct history_environment environment;
	json_t *conditions; // NULL: none
};

struct shown {
	size_t environments, n;
	struct shown_environment *environment;
	struct shown_series *series;
};

static const char *const betters[] = {"lower", "higher", NULL};
static const char *const verdicts[] = {"worse", "better", NULL};

#define HERE(member) FIELD_IN(struct shown_environment, member)
static const struct field environment_rows[] = {
    {"number", FIELD_INTEGER, HERE(environment.number)},
    {"cpu_model", FIELD_TEXT, HERE(environment.cpu_model)},
    {"cpus", FIELD_INTEGER, HERE(environment.cpus)},
    {"kernel", FIELD_TEXT, HERE(environment.kernel)},
    {"mitigations", FIELD_OBJECT, HERE(environment.mitigations)},
    {"conditions", FIELD_OBJECT, FIELD_OPTIONAL, HERE(conditions)},
    {0},
};
#undef HERE
static const struct field environment = {.kind = FIELD_OBJECT, .rows = environment_rows};

#define HERE(member) FIELD_IN(struct history_point, member)
static const struct field point_rows[] = {
    {"run", FIELD_TEXT, HERE(run)},
    {"created", FIELD_TIME, HERE(created)},
    {"revision", FIELD_TEXT, HERE(revision)},
    {"median", FIELD_NUMBER, HERE(median)},
    {"ci_low", FIELD_NUMBER, FIELD_OR_NULL, HERE(low)},
    {"ci_high", FIELD_NUMBER, FIELD_OR_NULL, HERE(high)},
    {"blocks", FIELD_INTEGER, HERE(blocks)},
    {0},
};
#undef HERE
static const struct field point = {.kind = FIELD_OBJECT, .rows = point_rows};

#define HERE(member) FIELD_IN(struct shown_change, member)
static const struct field change_rows[] = {
    {"run", FIELD_TEXT, HERE(run)},
    {"at", FIELD_INTEGER, HERE(at)},
    {"percent", FIELD_NUMBER, FIELD_OR_NULL, HERE(percent)},
    {"verdict", FIELD_WORD, HERE(better), .words = verdicts},
    {"p", FIELD_NUMBER, FIELD_OR_NULL, HERE(p)},
    {"grouped", FIELD_BOOLEAN, HERE(grouped)},
    {"acknowledged", FIELD_TEXT, FIELD_OR_NULL, HERE(acknowledged)},
    {0},
};
#undef HERE
static const struct field change = {.kind = FIELD_OBJECT, .rows = change_rows};

#define HERE(member) FIELD_IN(struct shown_series, member)
static const struct field series_rows[] = {
    {"workload", FIELD_WORKLOAD, HERE(series.workload)},
    {"metric", FIELD_METRIC, HERE(series.metric)},
    {"unit", FIELD_TEXT, HERE(series.unit)},
    {"better", FIELD_WORD, HERE(series.higher_is_better), .words = betters},
    {"tunnel", FIELD_TEXT, HERE(series.tunnel)},
    {"duration", FIELD_INTEGER, HERE(series.duration_s)},
    {"environment", FIELD_INTEGER, HERE(series.environment)},
    {"measuring", FIELD_TEXT, HERE(series.measuring)},
    {"points", FIELD_ARRAY, FIELD_LIST(struct shown_series, series.point, series.n),
     .rows = &point},
    {"changes", FIELD_ARRAY, FIELD_LIST(struct shown_series, change, changes), .rows = &change},
    {0},
};
#undef HERE
static const struct field series = {.kind = FIELD_OBJECT, .rows = series_rows};

static const struct field rows[] = {
    {"environments", FIELD_ARRAY, FIELD_LIST(struct shown, environment, environments),
     .rows = &environment},
    {"series", FIELD_ARRAY, FIELD_LIST(struct shown, series, n), .rows = &series},
    {0},
};

static struct shown_change describe_change(const struct history_series *s,
                                           const struct history_change *c)
{
	struct shown_change d = {.run = s->point[c->at].run,
	                         .at = c->at,
	                         .percent = history_change_percent(c),
	                         .better = history_change_is_better(s, c),
	                         .p = c->p,
	                         .grouped = c->grouped};

	output_take_text(d.acknowledged, sizeof(d.acknowledged), c->acknowledged);
	return d;
}

static struct shown_series describe_series(const struct history_series *s)
{
	struct shown_series d = {.series = *s,
	                         .changes = s->changes,
	                         .change = memory_new(s->changes, sizeof(*d.change))};

	for (size_t i = 0; i < s->changes; i++)
		d.change[i] = describe_change(s, &s->change[i]);
	return d;
}

json_t *history_to_json(const struct history *h)
{
	struct shown s = {.environments = h->environments,
	                  .environment = memory_new(h->environments, sizeof(*s.environment)),
	                  .n = h->n,
	                  .series = memory_new(h->n, sizeof(*s.series))};
	json_t *document;

	for (size_t i = 0; i < h->environments; i++) {
		const struct history_environment *e = &h->environment[i];

		s.environment[i] = (struct shown_environment){
		    *e, json_object_size(e->conditions) ? e->conditions : NULL};
	}
	for (size_t i = 0; i < h->n; i++)
		s.series[i] = describe_series(&h->series[i]);
	document = fields_write(&s, rows);
	for (size_t i = 0; i < h->n; i++)
		free(s.series[i].change);
	free(s.series);
	free(s.environment);
	return document;
}
