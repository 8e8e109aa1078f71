#include "harness/show/verdict_json.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/schema.h"
#include "base/text.h"
#include "harness/judge/workloads_used.h"

#include <stdlib.h>

enum { VERDICT_SCHEMA = 2 };

struct shown_verdict {
	const char *workload, *metric, *unit;
	bool higher_is_better;
	const char *baseline, *candidate; // specs
	struct verdict verdict;
	char *reason;
	double error; // of the series' interval
};

struct shown_goal {
	json_t *goal; // as run.json has it; its ratio is the one to reach
	struct goal_result result;
	bool reached;
	const char *word;
	char *reason;
};

struct shown_parameter {
	const char *name;
	json_t *value;
	const char *help;
};

struct shown_workload {
	const char *name;
	size_t parameters;
	struct shown_parameter *parameter;
	unsigned duration_s;    // 0: not recorded
	const char *congestion; // or NULL
};

struct shown {
	const char *run;
	double gate_percent;
	const char *effect_unit;
	unsigned exit_code;
	char *remark;
	size_t verdicts, goals, workloads;
	struct shown_verdict *verdict;
	struct shown_goal *goal;
	struct shown_workload *workload;
};

static const char *const betters[] = {"lower", "higher", NULL};

#define HERE(member) FIELD_IN(struct shown_verdict, member)
#define NUMBER(key, member)                                                                        \
	{                                                                                          \
		key, FIELD_NUMBER, FIELD_OR_NULL, HERE(member)                                     \
	}
static const struct field with_contaminated_rows[] = {
    {"blocks", FIELD_INTEGER, HERE(verdict.all.blocks)},
    NUMBER("effect", verdict.all.effect),
    NUMBER("ci_low", verdict.all.low),
    NUMBER("ci_high", verdict.all.high),
    NUMBER("p", verdict.all.p),
    {0},
};
static const struct field verdict_rows[] = {
    {"workload", FIELD_TEXT, HERE(workload)},
    {"metric", FIELD_TEXT, HERE(metric)},
    {"unit", FIELD_TEXT, HERE(unit)},
    {"better", FIELD_WORD, HERE(higher_is_better), .words = betters},
    {"baseline", FIELD_TEXT, HERE(baseline)},
    {"candidate", FIELD_TEXT, HERE(candidate)},
    NUMBER("baseline_median", verdict.baseline_median),
    NUMBER("candidate_median", verdict.candidate_median),
    NUMBER("effect", verdict.clean.effect),
    NUMBER("ci_low", verdict.clean.low),
    NUMBER("ci_high", verdict.clean.high),
    NUMBER("p", verdict.clean.p),
    {"blocks", FIELD_INTEGER, HERE(verdict.clean.blocks)},
    {"verdict", FIELD_WORD, HERE(verdict.word), .words = verdict_names},
    {"reason", FIELD_TEXT, HERE(reason)},
    NUMBER("candidate_value", verdict.candidate_value),
    NUMBER("q", verdict.q),
    NUMBER("p_gate", verdict.p_gate),
    {"regression", FIELD_BOOLEAN, HERE(verdict.regression)},
    {"regression_excluded", FIELD_BOOLEAN, HERE(verdict.regression_excluded)},
    {"blocks_to_decide", FIELD_INTEGER, HERE(verdict.blocks_to_decide)},
    {"blocks_to_exclude", FIELD_INTEGER, HERE(verdict.blocks_to_exclude)},
    {"error", FIELD_NUMBER, HERE(error)},
    {"candidate_tunnel", FIELD_INTEGER, HERE(verdict.candidate)},
    {"baseline_tunnel", FIELD_INTEGER, HERE(verdict.baseline)},
    {"contaminated_blocks", FIELD_INTEGER, HERE(verdict.contaminated)},
    {"limited_blocks", FIELD_INTEGER, HERE(verdict.limited)},
    {"failed_blocks", FIELD_INTEGER, HERE(verdict.failed)},
    {"with_contaminated", FIELD_OBJECT, .rows = with_contaminated_rows},
    {0},
};
#undef HERE
static const struct field verdict = {.kind = FIELD_OBJECT, .rows = verdict_rows};

#define HERE(member) FIELD_IN(struct shown_goal, member)
static const struct field goal_rows[] = {
    {"*", FIELD_REST, HERE(goal)},
    {"unit", FIELD_TEXT, HERE(result.unit)},
    NUMBER("candidate_median", result.candidate_median),
    NUMBER("baseline_median", result.baseline_median),
    NUMBER("measured_ratio", result.ratio),
    NUMBER("ci_low", result.low),
    NUMBER("ci_high", result.high),
    {"blocks", FIELD_INTEGER, HERE(result.blocks)},
    {"reached", FIELD_BOOLEAN, HERE(reached)},
    {"word", FIELD_TEXT, HERE(word)},
    {"reason", FIELD_TEXT, HERE(reason)},
    {0},
};
#undef HERE
#undef NUMBER
static const struct field goal = {.kind = FIELD_OBJECT, .rows = goal_rows};

static const struct field parameter_rows[] = {
    {"value", FIELD_ANY, FIELD_IN(struct shown_parameter, value)},
    {"help", FIELD_TEXT, FIELD_IN(struct shown_parameter, help)},
    {0},
};
static const struct field parameter = {.kind = FIELD_OBJECT, .rows = parameter_rows};

#define HERE(member) FIELD_IN(struct shown_workload, member)
static const struct field workload_rows[] = {
    {"name", FIELD_TEXT, HERE(name)},
    {"parameters", FIELD_MAP, FIELD_LIST(struct shown_workload, parameter, parameters),
     .rows = &parameter},
    {"duration_s", FIELD_INTEGER, FIELD_OPTIONAL, HERE(duration_s)},
    {"tcp_congestion_control", FIELD_TEXT, FIELD_OPTIONAL, HERE(congestion)},
    {0},
};
#undef HERE
static const struct field workload = {.kind = FIELD_OBJECT, .rows = workload_rows};

#define HERE(member) FIELD_IN(struct shown, member)
#define LIST(member, count) FIELD_LIST(struct shown, member, count)
static const struct field rows[] = {
    {"run", FIELD_TEXT, HERE(run)},
    {"gate_percent", FIELD_NUMBER, HERE(gate_percent)},
    {"effect_unit", FIELD_TEXT, HERE(effect_unit)},
    {"exit_code", FIELD_INTEGER, HERE(exit_code)},
    {"remark", FIELD_TEXT, HERE(remark)},
    {"verdicts", FIELD_ARRAY, LIST(verdict, verdicts), .rows = &verdict},
    {"goals", FIELD_ARRAY, LIST(goal, goals), .rows = &goal},
    {"workloads", FIELD_ARRAY, LIST(workload, workloads), .rows = &workload},
    {0},
};
#undef HERE
#undef LIST

static void gather_verdicts(struct shown *s, const struct outcome *o)
{
	s->verdicts = o->verdicts.n;
	s->verdict = memory_new(s->verdicts, sizeof(*s->verdict));
	for (size_t i = 0; i < s->verdicts; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];

		s->verdict[i] =
		    (struct shown_verdict){.workload = v->series->workload,
		                           .metric = v->series->metric,
		                           .unit = v->series->unit,
		                           .higher_is_better = v->series->higher_is_better,
		                           .baseline = o->store->run.tunnel[v->baseline].spec,
		                           .candidate = o->store->run.tunnel[v->candidate].spec,
		                           .verdict = *v,
		                           .reason = output_clean(v->reason),
		                           .error = v->series->error};
	}
}

static void gather_goals(struct shown *s, const struct outcome *o)
{
	s->goals = o->goals;
	s->goal = memory_new(s->goals, sizeof(*s->goal));
	for (size_t i = 0; i < s->goals; i++) {
		const struct outcome_goal *g = &o->goal[i];

		s->goal[i] = (struct shown_goal){.goal = goal_write(&g->goal),
		                                 .result = g->result,
		                                 .reached = g->result.word == GOAL_REACHED,
		                                 .word = goal_word_name(&g->goal, g->result.word),
		                                 .reason = output_clean(g->result.reason)};
	}
}

static struct shown_workload describe_workload(const struct workload_used *w)
{
	struct shown_workload d = {
	    .name = w->name,
	    .parameter = memory_new(json_object_size(w->parameters), sizeof(*d.parameter)),
	    .duration_s = w->duration_s,
	    .congestion = w->congestion.length ? text_string(&w->congestion) : NULL};
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)w->parameters, name, value)
	{
		d.parameter[d.parameters++] =
		    (struct shown_parameter){name, value, workload_used_help(w->name, name)};
	}
	return d;
}

static void gather_workloads(struct shown *s, const struct workloads_used *used)
{
	s->workloads = used->n;
	s->workload = memory_new(used->n, sizeof(*s->workload));
	for (size_t i = 0; i < used->n; i++)
		s->workload[i] = describe_workload(&used->workload[i]);
}

static void free_shown(struct shown *s)
{
	for (size_t i = 0; i < s->verdicts; i++)
		free(s->verdict[i].reason);
	for (size_t i = 0; i < s->goals; i++) {
		json_decref(s->goal[i].goal);
		free(s->goal[i].reason);
	}
	for (size_t i = 0; i < s->workloads; i++)
		free(s->workload[i].parameter);
	free(s->verdict);
	free(s->goal);
	free(s->workload);
	free(s->remark);
}

json_t *outcome_json(const struct outcome *o)
{
	struct shown s = {.run = o->store->run.id,
	                  .gate_percent = o->verdicts.gate_percent,
	                  .effect_unit = "percent",
	                  .exit_code = outcome_answer(o),
	                  .remark = output_clean(text_string(&o->remark))};
	struct workloads_used used;
	json_t *document;

	gather_verdicts(&s, o);
	gather_goals(&s, o);
	workloads_used_gather(&used, o->store);
	gather_workloads(&s, &used);
	document = schema_write(&s, VERDICT_SCHEMA, rows);
	free_shown(&s);
	workloads_used_free(&used);
	return document;
}
