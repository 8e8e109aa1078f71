#include "harness/commands/selfcheck/print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/show/table.h"

static void print_rows(const json_t *found)
{
	static const struct table_column columns[] = {
	    {"workload", TABLE_LEFT},       {"metric", TABLE_LEFT},
	    {"sd of a block", TABLE_RIGHT}, {"blocks", TABLE_RIGHT},
	    {"different", TABLE_RIGHT},     {"beyond the gate", TABLE_RIGHT},
	    {"finds from", TABLE_RIGHT},
	};
	struct table t;
	json_t *row;
	size_t i;

	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	json_array_foreach(json_object_get(found, "rows"), i, row)
	{
		json_t *smallest = json_object_get(row, "found_percent");

		table_add(&t, TABLE_PLAIN, "%s",
		          json_string_value(json_object_get(row, "workload")));
		table_add(&t, TABLE_PLAIN, "%s", json_string_value(json_object_get(row, "metric")));
		table_add(&t, TABLE_PLAIN, "%.2f %%",
		          json_number_value(json_object_get(row, "sd_percent")));
		table_add(&t, TABLE_PLAIN, "%lld",
		          json_integer_value(json_object_get(row, "blocks")));
		table_add(&t, TABLE_PLAIN, "%.1f %%",
		          100 * json_number_value(json_object_get(row, "different")));
		table_add(&t, TABLE_PLAIN, "%.1f %%",
		          100 * json_number_value(json_object_get(row, "called")));
		if (json_is_number(smallest))
			table_add(&t, TABLE_PLAIN, "%.2f %%", json_number_value(smallest));
		else
			table_add(&t, TABLE_DIM, "none");
	}
	table_print(&t, stdout);
	table_free(&t);
	printf("\nOf %d runs drawn from the A/A blocks, whole starts at a time. different: the "
	       "interval leaves out zero (nominally in at most 5 %%). beyond the gate: called "
	       "faster or slower by more than %g %%. finds from: the smallest effect that nine of "
	       "ten such runs call slower.\n",
	       (int)json_integer_value(json_object_get(found, "draws")),
	       json_number_value(json_object_get(found, "gate_percent")));
}

static void print_budgets(const json_t *found)
{
	static const struct table_column columns[] = {
	    {"workload", TABLE_LEFT}, {"metric", TABLE_LEFT},  {"budget", TABLE_RIGHT},
	    {"effect", TABLE_RIGHT},  {"called", TABLE_RIGHT}, {"at least", TABLE_RIGHT},
	    {"at most", TABLE_RIGHT}, {"same", TABLE_RIGHT},   {"different", TABLE_RIGHT},
	    {"blocks", TABLE_RIGHT},
	};
	static const char *const shares[] = {"beyond", "beyond_low", "beyond_high", "same",
	                                     "different"};
	struct table t;
	json_t *row;
	size_t i;

	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	json_array_foreach(json_object_get(found, "budgets"), i, row)
	{
		table_add(&t, TABLE_PLAIN, "%s",
		          json_string_value(json_object_get(row, "workload")));
		table_add(&t, TABLE_PLAIN, "%s", json_string_value(json_object_get(row, "metric")));
		table_add(&t, TABLE_PLAIN, "%g min",
		          json_number_value(json_object_get(row, "budget_s")) / 60);
		table_add(&t, TABLE_PLAIN, "%+g %%",
		          json_number_value(json_object_get(row, "effect_percent")));
		for (size_t s = 0; s < sizeof(shares) / sizeof(*shares); s++)
			table_add(&t, TABLE_PLAIN, "%.1f %%",
			          100 * json_number_value(json_object_get(row, shares[s])));
		table_add(&t, TABLE_PLAIN, "%g", json_number_value(json_object_get(row, "blocks")));
	}
	printf("\n");
	table_print(&t, stdout);
	table_free(&t);
	printf(
	    "\nRuns of two tunnels with a budget, their looks included, drawn likewise, with the "
	    "effect added. called: above the gate (of no effect, as many below it). at least, at "
	    "most: how far that may be off, at 95 %% each, since it is drawn from so few blocks: "
	    "by %d sets of as many, drawn from them; they cannot reflect effects that are absent "
	    "from the data. "
	    "blocks: the median of what such a run takes.\n",
	    (int)json_integer_value(json_object_get(found, "limit_sets")));
}

void selfcheck_print_found(const json_t *found)
{
	print_rows(found);
	print_budgets(found);
}

// What a cost planted for each packet should add to the CPU time of the baseline's trials, in
// percent: it is burned once where a packet is sent and once where it is received. NAN where the
// trials don't tell.
static double expected_percent(const struct outcome *o, const struct verdict *v, double planted_ns)
{
	double packets = 0, cpu_s = 0;

	for (size_t i = 0; i < o->store->trials; i++) {
		const struct trial *t = &o->store->trial[i];

		if (t->tunnel != v->baseline || strcmp(t->workload, v->series->workload) ||
		    t->status != TRIAL_OK || (!t->end[0].counters && !t->end[1].counters))
			continue;
		cpu_s += t->tunnel_cpu_s;
		packets += trial_end_packets(&t->end[0]) + trial_end_packets(&t->end[1]);
	}
	return cpu_s > 0 && packets > 0 ? 100 * packets * planted_ns * 1e-9 / cpu_s : NAN;
}

void selfcheck_print_planted(const struct outcome *o)
{
	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];
		const char *amount = run_variant_of(&o->store->run.tunnel[v->candidate], "plant");
		double ns;

		// Of the metrics only this one has the burned time for its numerator.
		if (!amount || strcmp(v->series->metric, "cpu_s_per_gbit") ||
		    sscanf(amount, "%lfns", &ns) != 1)
			continue;
		double expected = expected_percent(o, v, ns);
		if (isnan(expected))
			continue;
		printf("planted: %g ns for each packet at either end should add %.1f %% to the "
		       "tunnel's CPU cost of %s; measured: %+.1f %% [%+.1f, %+.1f], %s.\n",
		       ns, expected, v->series->workload, v->clean.effect, v->clean.low,
		       v->clean.high, verdict_names[v->word]);
	}
}
