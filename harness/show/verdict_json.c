#include "harness/show/verdict_json.h"

#include "base/file.h"
#include "harness/judge/workloads_used.h"

enum { VERDICT_SCHEMA = 2 };

static json_t *verdict_json(const struct outcome *o, const struct verdict *v)
{
	const struct series *s = v->series;
	json_t *row = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:o}",
	    "workload", s->workload, "metric", s->metric, "unit", s->unit, "better",
	    s->higher_is_better ? "higher" : "lower", "baseline",
	    o->store->run.tunnel[v->baseline].spec, "candidate",
	    o->store->run.tunnel[v->candidate].spec, "baseline_median",
	    output_number(v->baseline_median), "candidate_median",
	    output_number(v->candidate_median), "effect", output_number(v->clean.effect), "ci_low",
	    output_number(v->clean.low), "ci_high", output_number(v->clean.high), "p",
	    output_number(v->clean.p), "blocks", (json_int_t)v->clean.blocks, "verdict",
	    verdict_names[v->word], "reason", output_string(v->reason));
	json_t *rest = json_pack(
	    "{s:o, s:o, s:o, s:b, s:b, s:I, s:I, s:f, s:i, s:i, s:I, s:I, s:I, "
	    "s:{s:I, s:o, s:o, s:o, s:o}}",
	    "candidate_value", output_number(v->candidate_value), "q", output_number(v->q),
	    "p_gate", output_number(v->p_gate), "regression", v->regression, "regression_excluded",
	    v->regression_excluded, "blocks_to_decide", (json_int_t)v->blocks_to_decide,
	    "blocks_to_exclude", (json_int_t)v->blocks_to_exclude, "error", s->error,
	    "candidate_tunnel", (int)v->candidate, "baseline_tunnel", (int)v->baseline,
	    "contaminated_blocks", (json_int_t)v->contaminated, "limited_blocks",
	    (json_int_t)v->limited, "failed_blocks", (json_int_t)v->failed, "with_contaminated",
	    "blocks", (json_int_t)v->all.blocks, "effect", output_number(v->all.effect), "ci_low",
	    output_number(v->all.low), "ci_high", output_number(v->all.high), "p",
	    output_number(v->all.p));

	json_object_update(row, rest);
	json_decref(rest);
	return row;
}

// The goal's own fields, whose ratio is the one to reach, and what came of it.
static json_t *goal_json(const struct outcome_goal *g)
{
	const struct goal_result *r = &g->result;
	json_t *row = goal_write(&g->goal);
	json_t *rest =
	    json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:s, s:o}", "unit", r->unit,
	              "candidate_median", output_number(r->candidate_median), "baseline_median",
	              output_number(r->baseline_median), "measured_ratio", output_number(r->ratio),
	              "ci_low", output_number(r->low), "ci_high", output_number(r->high), "blocks",
	              (json_int_t)r->blocks, "reached", r->word == GOAL_REACHED, "word",
	              goal_word_name(&g->goal, r->word), "reason", output_string(r->reason));

	json_object_update(row, rest);
	json_decref(rest);
	return row;
}

static json_t *parameters_json(const struct workload_used *w)
{
	json_t *object = json_object(), *value;
	const char *name;

	json_object_foreach((json_t *)w->parameters, name, value)
	{
		json_object_set_new(object, name,
		                    json_pack("{sO ss}", "value", value, "help",
		                              workload_used_help(w->name, name)));
	}
	return object;
}

static json_t *workloads_json(const struct store *st)
{
	json_t *rows = json_array();
	struct workloads_used used;

	workloads_used_gather(&used, st);
	for (size_t i = 0; i < used.n; i++) {
		const struct workload_used *w = &used.workload[i];
		json_t *row =
		    json_pack("{ss so}", "name", w->name, "parameters", parameters_json(w));

		if (w->duration_s)
			json_object_set_new(row, "duration_s", json_integer(w->duration_s));
		if (w->congestion.length)
			json_object_set_new(row, "tcp_congestion_control",
			                    json_string(text_string(&w->congestion)));
		json_array_append_new(rows, row);
	}
	workloads_used_free(&used);
	return rows;
}

json_t *outcome_json(const struct outcome *o)
{
	json_t *rows = json_array(), *goals = json_array();

	for (size_t i = 0; i < o->verdicts.n; i++)
		json_array_append_new(rows, verdict_json(o, &o->verdicts.verdict[i]));
	for (size_t i = 0; i < o->goals; i++)
		json_array_append_new(goals, goal_json(&o->goal[i]));
	return json_pack("{s:i, s:s, s:f, s:s, s:i, s:o, s:o, s:o, s:o}", "schema", VERDICT_SCHEMA,
	                 "run", o->store->run.id, "gate_percent", o->verdicts.gate_percent,
	                 "effect_unit", "percent", "exit_code", outcome_answer(o), "remark",
	                 output_string(o->remark), "verdicts", rows, "goals", goals, "workloads",
	                 workloads_json(o->store));
}
