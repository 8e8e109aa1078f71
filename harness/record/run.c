#include "harness/record/run.h"

#include "base/fields.h"
#include "base/memory.h"
#include "base/quote.h"
#include "base/schema.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS_MAX = 4096, PLAN_NAME_BYTES = 63 };
#define INTEGER_MAX 9223372036854774784.0 // that a double holds

const char *const question_names[] = {
    [QUESTION_EFFECT] = "effect", [QUESTION_REGRESSION] = "regression", NULL};

static const char *const endings[] = {[END_DECIDED] = "decided",
                                      [END_BUDGET] = "budget",
                                      [END_BLOCKS] = "blocks",
                                      [END_FAILED] = "failed",
                                      NULL};
static const char *const betters[] = {"lower", "higher", NULL};
static const char *const relations[] = {"<=", ">=", NULL};

static const struct field text = {.kind = FIELD_TEXT, FIELD_EACH(char *), .max = TEXTS_MAX};
static const struct field metric_name = {
    .kind = FIELD_METRIC, FIELD_EACH(char *), .min = 1, .max = RUN_METRIC_BYTES};
static const struct field workload_name = {
    .kind = FIELD_WORKLOAD, FIELD_EACH(char *), .min = 1, .max = RUN_WORKLOAD_BYTES};
static const struct field hash = {.kind = FIELD_HEX, FIELD_EACH(char *), .max = 64};
static const struct field analysis = {
    .kind = FIELD_INTEGER, FIELD_EACH(size_t), .min = 1, .max = RUN_BLOCKS_MAX};
static const struct field ending = {
    .kind = FIELD_WORD, FIELD_IN(struct run_end, reason), .words = endings};
static const struct field variant = {
    .kind = FIELD_TEXT, FIELD_IN(struct run_variant, variant), .max = TEXTS_MAX};

#define HERE(member) FIELD_IN(struct metric, member)
static const struct field metric_rows[] = {
    {"unit", FIELD_TEXT, HERE(unit), .max = RUN_UNIT_BYTES},
    {"better", FIELD_WORD, HERE(higher_is_better), .words = betters},
    {"judged", FIELD_BOOLEAN, HERE(judged)},
    {0},
};
#undef HERE
static const struct field metric = {.kind = FIELD_OBJECT, .rows = metric_rows};
static const struct field measure = {.kind = FIELD_MAP,
                                     FIELD_LIST(struct run_measure, metric, metrics),
                                     .max = RUN_MEASURES_MAX,
                                     .keys = FIELD_METRIC,
                                     .rows = &metric};

#define HERE(member) FIELD_IN(struct run_tunnel, member)
static const struct field end_rows[] = {
    {"left", FIELD_OBJECT, FIELD_OR_NULL, HERE(offloads[0])},
    {"right", FIELD_OBJECT, FIELD_OR_NULL, HERE(offloads[1])},
    {0},
};
static const struct field tunnel_rows[] = {
    {"*", FIELD_REST, HERE(rest)},
    {"spec", FIELD_TEXT, HERE(spec), .min = 1, .max = RUN_SPEC_BYTES},
    {"revision", FIELD_TEXT, HERE(revision), .max = 63},
    {"meaning", FIELD_TEXT, FIELD_OPTIONAL, HERE(meaning), .max = TEXTS_MAX},
    {"revision_note", FIELD_TEXT, FIELD_OPTIONAL, HERE(revision_note), .max = TEXTS_MAX},
    {"variants", FIELD_MAP, FIELD_OPTIONAL, FIELD_LIST(struct run_tunnel, variant, variants),
     .max = 32, .keys = FIELD_NAME, .rows = &variant},
    {"binary_sha256", FIELD_HEX, HERE(sha256), .max = 64},
    {"builds_sha256", FIELD_ARRAY, FIELD_OPTIONAL,
     FIELD_LIST(struct run_tunnel, build_sha256, builds), .max = RUN_BUILDS_MAX, .rows = &hash},
    {"version", FIELD_TEXT, HERE(version), .max = 511},
    {"control", FIELD_BOOLEAN, FIELD_ADDED, HERE(control)},
    {"libraries", FIELD_ANY, FIELD_OPTIONAL, HERE(libraries)},
    {"offloads", FIELD_OBJECT, FIELD_OR_NULL, .rows = end_rows},
    {"interfaces", FIELD_OBJECT, FIELD_OPTIONAL, HERE(interfaces)},
    {0},
};

// At the other end of every tunnel, in a run that has one.
static const struct field peer_rows[] = {
    {"*", FIELD_REST, HERE(rest)},
    {"spec", FIELD_TEXT, FIELD_OPTIONAL, HERE(spec), .min = 1, .max = RUN_SPEC_BYTES},
    {"revision", FIELD_TEXT, FIELD_OPTIONAL, HERE(revision), .max = 63},
    {"meaning", FIELD_TEXT, FIELD_OPTIONAL, HERE(meaning), .max = TEXTS_MAX},
    {"revision_note", FIELD_TEXT, FIELD_OPTIONAL, HERE(revision_note), .max = TEXTS_MAX},
    {"variants", FIELD_MAP, FIELD_OPTIONAL, FIELD_LIST(struct run_tunnel, variant, variants),
     .max = 32, .keys = FIELD_NAME, .rows = &variant},
    {"binary_sha256", FIELD_HEX, FIELD_OPTIONAL, HERE(sha256), .max = 64},
    {"builds_sha256", FIELD_ARRAY, FIELD_OPTIONAL,
     FIELD_LIST(struct run_tunnel, build_sha256, builds), .max = 1, .rows = &hash},
    {"version", FIELD_TEXT, FIELD_OPTIONAL, HERE(version), .max = 511},
    {"libraries", FIELD_ANY, FIELD_OPTIONAL, HERE(libraries)},
    {0},
};
#undef HERE
static const struct field tunnel = {.kind = FIELD_OBJECT, .rows = tunnel_rows};

// What exports and histories are keyed by; the rest is only shown.
#define HERE(member) FIELD_IN(struct run_environment, member)
static const struct field environment_rows[] = {
    {"*", FIELD_REST, HERE(all)},
    {"kernel", FIELD_TEXT, FIELD_OPTIONAL, HERE(kernel), .max = 127},
    {"cpu_model", FIELD_TEXT, FIELD_OPTIONAL, HERE(cpu_model), .max = 127},
    {"architecture", FIELD_TEXT, FIELD_OPTIONAL, HERE(architecture), .max = 127},
    {"cpus", FIELD_INTEGER, FIELD_OPTIONAL, HERE(cpus), .max = 65536},
    {"mitigations", FIELD_MAP, FIELD_OPTIONAL, HERE(mitigations), .max = TEXTS_MAX,
     .keys = FIELD_TEXT, .rows = &text},
    {"harness_revision", FIELD_ASCII, FIELD_OPTIONAL, HERE(harness_revision), .max = 127},
    {"harness_profile", FIELD_ASCII, FIELD_OPTIONAL, HERE(harness_profile), .max = 127},
    {"harness_measuring", FIELD_ASCII, FIELD_OPTIONAL, HERE(harness_measuring), .max = 127},
    {0},
};
#undef HERE

#define HERE(member) FIELD_IN(struct goal, member)
static const struct field goal_rows[] = {
    {"workload", FIELD_WORKLOAD, HERE(workload), .min = 1, .max = RUN_WORKLOAD_BYTES},
    {"metric", FIELD_METRIC, HERE(metric), .min = 1, .max = RUN_METRIC_BYTES},
    {"candidate", FIELD_TEXT, HERE(candidate), .min = 1, .max = RUN_SPEC_BYTES},
    {"baseline", FIELD_TEXT, HERE(baseline), .min = 1, .max = RUN_SPEC_BYTES},
    {"relation", FIELD_WORD, HERE(at_least), .words = relations},
    {"ratio", FIELD_NUMBER, HERE(ratio), .min = 1e-9, .max = 1e9},
    {0},
};
#undef HERE
static const struct field goal = {.kind = FIELD_OBJECT, .rows = goal_rows};

#define HERE(member) FIELD_IN(struct run_comparison, member)
static const struct field comparison_rows[] = {
    {"candidate", FIELD_INTEGER, HERE(candidate), .max = RUN_TUNNELS_MAX - 1},
    {"baseline", FIELD_INTEGER, HERE(baseline), .max = RUN_TUNNELS_MAX - 1},
    {0},
};
#undef HERE
static const struct field comparison = {.kind = FIELD_OBJECT, .rows = comparison_rows};

#define HERE(member) FIELD_IN(struct run_resumed, member)
static const struct field side = {.kind = FIELD_TEXT, .presence = FIELD_OR_NULL, .max = TEXTS_MAX};
static const struct field difference = {.kind = FIELD_ARRAY, .min = 3, .max = 3, .rows = &side};
static const struct field resumed_rows[] = {
    {"*", FIELD_REST, HERE(rest)},
    {"created", FIELD_TIME, FIELD_OPTIONAL, HERE(created)},
    {"trials", FIELD_INTEGER, FIELD_OPTIONAL, HERE(trials), .max = STORE_TRIALS_MAX},
    {"environment", FIELD_OBJECT, FIELD_OPTIONAL, HERE(environment), .rows = environment_rows},
    {"differs", FIELD_ARRAY, FIELD_OPTIONAL, HERE(differences), .max = TEXTS_MAX,
     .rows = &difference},
    {0},
};
#undef HERE
static const struct field resumed = {.kind = FIELD_OBJECT, .rows = resumed_rows};

static const struct field blocks_at = {
    .kind = FIELD_INTEGER, FIELD_IN(struct run_blocks, blocks), .min = 1, .max = RUN_BLOCKS_MAX};
#define HERE(member) FIELD_IN(struct run_extension, member)
static const struct field extension_rows[] = {
    {"*", FIELD_REST, HERE(rest)},
    {"created", FIELD_TIME, HERE(created)},
    {"ended", FIELD_MAP, FIELD_LIST(struct run_extension, end, ends), .max = RUN_WORKLOADS_MAX,
     .keys = FIELD_WORKLOAD, .rows = &blocks_at},
    {"blocks", FIELD_INTEGER, HERE(blocks), .min = 1, .max = RUN_BLOCKS_MAX},
    {"budget", FIELD_NUMBER, FIELD_ADDED, HERE(budget_s), .max = 1e9},
    {0},
};
#undef HERE
static const struct field extension = {.kind = FIELD_OBJECT, .rows = extension_rows};

#define HERE(member) FIELD_IN(struct run, member)
#define LIST(member, count) FIELD_LIST(struct run, member, count)
static const struct field run_rows[] = {
    {"*", FIELD_REST, HERE(rest)},
    {"id", FIELD_NAME, HERE(id), .min = 1, .max = RUN_ID_BYTES},
    {"created", FIELD_TIME, HERE(created)},
    {"plan", FIELD_NAME, FIELD_OPTIONAL, HERE(plan), .max = PLAN_NAME_BYTES},
    {"seed", FIELD_INTEGER, FIELD_ADDED, HERE(seed), .min = -INTEGER_MAX, .max = INTEGER_MAX},
    {"workloads", FIELD_ARRAY, FIELD_OPTIONAL, LIST(workload, workloads), .max = TEXTS_MAX,
     .rows = &workload_name},
    {"goals", FIELD_ARRAY, FIELD_OPTIONAL, LIST(goal, goals), .max = RUN_GOALS_MAX, .rows = &goal},
    {"blocks", FIELD_INTEGER, FIELD_OPTIONAL, HERE(blocks), .min = 1, .max = RUN_BLOCK_MAX + 1},
    {"duration", FIELD_INTEGER, FIELD_OPTIONAL, HERE(duration_s), .max = RUN_DURATION_MAX_S},
    {"builds", FIELD_INTEGER, FIELD_ADDED, HERE(builds), .min = 1, .max = RUN_BUILDS_MAX,
     .otherwise = 1},
    {"budget", FIELD_NUMBER, FIELD_OPTIONAL, HERE(budget_s), .max = 1e9},
    {"looks", FIELD_ARRAY, FIELD_OPTIONAL, LIST(analysis, analyses), .max = RUN_BLOCKS_MAX,
     .rows = &analysis},
    {"decides", FIELD_ARRAY, FIELD_OPTIONAL, LIST(decides, deciding), .max = RUN_METRICS_MAX,
     .rows = &metric_name},
    {"question", FIELD_WORD, FIELD_OPTIONAL, HERE(question), .words = question_names},
    {"between", FIELD_INTEGER, FIELD_OPTIONAL, HERE(between), .min = -1, .max = 1},
    {"trials_per_block", FIELD_INTEGER, HERE(trials_per_block), .min = 1, .max = 1000},
    {"command", FIELD_ARRAY, FIELD_OPTIONAL, LIST(command, words), .max = TEXTS_MAX, .rows = &text},
    {"workload_parameters", FIELD_ANY, FIELD_OPTIONAL, HERE(workload_parameters)},
    {"metrics", FIELD_MAP, FIELD_OPTIONAL, LIST(measure, measures), .max = TEXTS_MAX,
     .keys = FIELD_WORKLOAD, .rows = &measure},
    {"tunnels", FIELD_ARRAY, LIST(tunnel, tunnels), .min = 1, .max = RUN_TUNNELS_MAX,
     .rows = &tunnel},
    {"peer", FIELD_OBJECT, FIELD_OPTIONAL, HERE(peer), .rows = peer_rows},
    {"comparisons", FIELD_ARRAY, FIELD_OPTIONAL, LIST(comparison, comparisons),
     .max = RUN_COMPARISONS_MAX, .rows = &comparison},
    {"gate_percent", FIELD_NUMBER, FIELD_OPTIONAL, HERE(gate_percent), .min = RUN_GATE_MIN,
     .max = RUN_GATE_MAX},
    {"environment", FIELD_OBJECT, FIELD_OPTIONAL, HERE(environment), .rows = environment_rows},
    {"ended", FIELD_MAP, FIELD_OPTIONAL, LIST(end, ends), .max = TEXTS_MAX, .keys = FIELD_WORKLOAD,
     .rows = &ending},
    {"trials", FIELD_INTEGER, FIELD_OPTIONAL, HERE(trials), .max = STORE_TRIALS_MAX},
    {"extended", FIELD_ARRAY, FIELD_OPTIONAL, LIST(extension, times_extended),
     .max = RUN_EXTENSIONS_MAX, .rows = &extension},
    {"resumed", FIELD_ARRAY, FIELD_OPTIONAL, LIST(resumed, times_resumed), .max = TEXTS_MAX,
     .rows = &resumed},
    {0},
};
#undef HERE
#undef LIST

// As it would be of this schema: "metrics" was the list of those that decide.
static json_t *upgrade(const json_t *object)
{
	json_t *upgraded = json_copy((json_t *)object);
	json_t *decides = json_object_get(object, "metrics");

	if (decides)
		json_object_set(upgraded, "decides", decides);
	json_object_del(upgraded, "metrics");
	return upgraded;
}

static int read_upgraded(struct run *r, const json_t *object, struct text *fault)
{
	json_t *upgraded = upgrade(object);
	int ret = fields_read(r, upgraded, run_rows, fault);

	json_decref(upgraded);
	return ret;
}

// What rows can't say: places among the tunnels, a control is of the first one, and what a peer
// must have if there is one.
static int check_places(const struct run *r, struct text *fault)
{
	for (size_t i = 0; i < r->comparisons; i++) {
		const struct run_comparison *c = &r->comparison[i];

		if (c->candidate < r->tunnels && c->baseline < r->tunnels &&
		    c->candidate != c->baseline)
			continue;
		text_set(fault, "'comparisons': %u against %u, of %zu tunnels", c->candidate,
		         c->baseline, r->tunnels);
		return -EINVAL;
	}
	if (json_object_size(r->peer.rest) &&
	    !(r->peer.spec && r->peer.revision && r->peer.sha256 && r->peer.version)) {
		text_set(fault, "'peer' must have spec, revision, binary_sha256 and version");
		return -EINVAL;
	}
	if (!r->tunnels || !r->tunnel[0].control)
		return 0;
	text_set(fault, "'tunnels': the first one can't be a control");
	return -EINVAL;
}

int run_read(struct run *r, const json_t *object, struct text *fault)
{
	unsigned schema = schema_of(object, STORE_SCHEMA, fault);
	int ret;

	if (!schema)
		return -EINVAL;
	ret =
	    schema == 1 ? read_upgraded(r, object, fault) : fields_read(r, object, run_rows, fault);
	for (size_t i = 0; i < r->measures; i++)
		r->measure[i].metric = memory_resize(r->measure[i].metric, RUN_MEASURES_MAX,
		                                     sizeof(*r->measure->metric));
	if (!ret && check_places(r, fault)) {
		run_free(r);
		*r = (struct run){0};
		ret = -EINVAL;
	}
	return ret;
}

json_t *run_write(const struct run *r, struct text *fault)
{
	json_t *document = schema_write(r, STORE_SCHEMA, run_rows);

	if (!document)
		text_set(fault, "a value that JSON can't hold");
	else if (!fields_check(document, run_rows, fault))
		return document;
	json_decref(document);
	return NULL;
}

int run_take_environment(struct run *r, json_t *environment)
{
	struct text fault = {0};
	int ret = fields_read(&r->environment, environment, environment_rows, &fault);

	if (ret)
		quote_printf(stderr, "wgbench: environment: %s\n", text_string(&fault));
	text_free(&fault);
	json_decref(environment);
	return ret;
}

void run_free(struct run *r)
{
	fields_free(r, run_rows);
}

const char *run_variant_of(const struct run_tunnel *t, const char *slot)
{
	for (size_t i = 0; i < t->variants; i++)
		if (!strcmp(t->variant[i].slot, slot))
			return t->variant[i].variant;
	return NULL;
}

static struct run_measure *find_measure(const struct run *r, const char *workload)
{
	for (size_t i = 0; i < r->measures; i++)
		if (!strcmp(r->measure[i].workload, workload))
			return &r->measure[i];
	return NULL;
}

const struct metric *run_metric_of(const struct run *r, const char *workload, const char *name)
{
	const struct run_measure *m = find_measure(r, workload);

	for (size_t i = 0; m && i < m->metrics; i++)
		if (!strcmp(m->metric[i].name, name))
			return &m->metric[i];
	return NULL;
}

static struct run_measure *add_measure(struct run *r, const char *workload)
{
	r->measure = memory_resize(r->measure, r->measures + 1, sizeof(*r->measure));
	r->measure[r->measures] = (struct run_measure){
	    .workload = text_format("%s", workload),
	    .metric = memory_new(RUN_MEASURES_MAX, sizeof(*r->measure->metric))};
	return &r->measure[r->measures++];
}

int run_add_metric(struct run *r, const char *workload, const struct metric *m, struct text *fault)
{
	const struct metric *known = run_metric_of(r, workload, m->name);
	struct run_measure *of = find_measure(r, workload);

	if (known && known->higher_is_better == m->higher_is_better && known->judged == m->judged &&
	    !strcmp(known->unit, m->unit))
		return 0;
	if (known) {
		text_set(fault, "trials of %s disagree about the unit or direction of '%s'",
		         workload, m->name);
		return -EINVAL;
	}
	if (!of)
		of = add_measure(r, workload);
	if (of->metrics == RUN_MEASURES_MAX) {
		text_set(fault, "more than %d metrics of %s", RUN_MEASURES_MAX, workload);
		return -EINVAL;
	}
	of->metric[of->metrics++] = (struct metric){
	    text_format("%s", m->name), text_format("%s", m->unit), m->higher_is_better, m->judged};
	return 0;
}

static struct run_end *find_end(const struct run *r, const char *workload)
{
	for (size_t i = 0; i < r->ends; i++)
		if (!strcmp(r->end[i].workload, workload))
			return &r->end[i];
	return NULL;
}

enum end_reason run_end_of(const struct run *r, const char *workload)
{
	const struct run_end *end = find_end(r, workload);

	return end ? end->reason : END_NONE;
}

void run_set_end(struct run *r, const char *workload, enum end_reason reason)
{
	struct run_end *end = find_end(r, workload);

	if (reason == END_NONE) {
		if (end) {
			free(end->workload);
			*end = r->end[--r->ends];
		}
		return;
	}
	if (!end) {
		r->end = memory_resize(r->end, r->ends + 1, sizeof(*r->end));
		end = &r->end[r->ends++];
		end->workload = text_format("%s", workload);
	}
	end->reason = reason;
}

unsigned run_blocks(const struct run *r)
{
	return r->times_extended ? r->extension[r->times_extended - 1].blocks : r->blocks;
}

double run_budget_s(const struct run *r)
{
	return r->times_extended ? r->extension[r->times_extended - 1].budget_s : r->budget_s;
}

unsigned run_extended_at(const struct run_extension *e, const char *workload)
{
	for (size_t i = 0; i < e->ends; i++)
		if (!strcmp(e->end[i].workload, workload))
			return e->end[i].blocks;
	return 0;
}

json_t *goal_write(const struct goal *g)
{
	return fields_write(g, goal_rows);
}
