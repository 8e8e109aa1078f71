#include "harness/commands/selfcheck/print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/show/table.h"

static void print_rows(const struct selfcheck *found)
{
	static const struct table_column columns[] = {
	    {"workload", TABLE_LEFT},       {"metric", TABLE_LEFT},
	    {"sd of a block", TABLE_RIGHT}, {"blocks", TABLE_RIGHT},
	    {"different", TABLE_RIGHT},     {"beyond the threshold", TABLE_RIGHT},
	    {"finds from", TABLE_RIGHT},
	};
	struct table t;

	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < found->rows; i++) {
		const struct selfcheck_row *row = &found->row[i];

		table_add(&t, TABLE_PLAIN, "%s", row->workload);
		table_add(&t, TABLE_PLAIN, "%s", row->metric);
		table_add(&t, TABLE_PLAIN, "%.2f %%", row->sd_percent);
		table_add(&t, TABLE_PLAIN, "%u", row->blocks);
		table_add(&t, TABLE_PLAIN, "%.1f %%", 100 * row->different);
		table_add(&t, TABLE_PLAIN, "%.1f %%", 100 * row->called);
		if (!isfinite(row->found_percent))
			table_add(&t, TABLE_DIM, "none");
		else
			table_add(&t, TABLE_PLAIN, "%.2f %%", row->found_percent);
	}
	table_print(&t, stdout);
	table_free(&t);
	printf("\nOf %d runs drawn from the A/A blocks, whole starts at a time. different: the "
	       "interval leaves out zero (nominally in at most 5 %%). beyond the threshold: called "
	       "better or worse by more than %g %%. finds from: the smallest effect that nine of "
	       "ten such runs call worse.\n",
	       (int)found->draws, found->gate_percent);
}

static void print_budgets(const struct selfcheck *found)
{
	static const struct table_column columns[] = {
	    {"workload", TABLE_LEFT}, {"metric", TABLE_LEFT},  {"budget", TABLE_RIGHT},
	    {"effect", TABLE_RIGHT},  {"called", TABLE_RIGHT}, {"at least", TABLE_RIGHT},
	    {"at most", TABLE_RIGHT}, {"same", TABLE_RIGHT},   {"different", TABLE_RIGHT},
	    {"blocks", TABLE_RIGHT},
	};
	struct table t;

	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < found->budgets; i++) {
		const struct selfcheck_budget_row *row = &found->budget[i];
		const double shares[] = {row->beyond, row->beyond_low, row->beyond_high, row->same,
		                         row->different};

		table_add(&t, TABLE_PLAIN, "%s", row->workload);
		table_add(&t, TABLE_PLAIN, "%s", row->metric);
		table_add(&t, TABLE_PLAIN, "%g min", row->budget_s / 60);
		table_add(&t, TABLE_PLAIN, "%+g %%", row->effect_percent);
		for (size_t s = 0; s < sizeof(shares) / sizeof(*shares); s++)
			table_add(&t, TABLE_PLAIN, "%.1f %%", 100 * shares[s]);
		table_add(&t, TABLE_PLAIN, "%g", row->blocks);
	}
	printf("\n");
	table_print(&t, stdout);
	table_free(&t);
	printf(
	    "\nRuns of two tunnels with a budget, their analyses included, drawn likewise, with "
	    "the "
	    "effect added. called: above the gate (of no effect, as many below it). at least, at "
	    "most: how far that may be off, at 95 %% each, since it is drawn from so few blocks: "
	    "by %d sets of as many, drawn from them; they cannot reflect effects that are absent "
	    "from the data. "
	    "blocks: the median of what such a run takes.\n",
	    (int)found->limit_sets);
}

void selfcheck_print_found(const struct selfcheck *found)
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
