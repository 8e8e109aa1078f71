#include "harness/show/verdict_text.h"
#include "base/quote.h"
#include "base/text.h"
#include "harness/judge/workloads_used.h"
#include "harness/show/selfcheck_note.h"
#include "harness/show/verdict_table.h"

#include <stdio.h>

// What the names in the table stand for.
static void print_workloads(const struct outcome *o)
{
	struct workloads_used used;
	struct text line = {0};

	workloads_used_gather(&used, o->store);
	for (size_t i = 0; i < used.n; i++) {
		text_cut(&line, 0);
		workload_used_describe(&line, &used.workload[i]);
		printf("%s.\n", text_string(&line));
	}
	text_free(&line);
	workloads_used_free(&used);
}

static void print_goals(const struct outcome *o)
{
	struct table goals;

	outcome_goals(o, &goals);
	printf("\n");
	table_print(&goals, stdout);
	printf("\nreached: the whole 95 %% interval of the ratio candidate / baseline is on the "
	       "goal's good side.\n");
	table_free(&goals);
}

void verdict_text_print(const struct outcome *o, const char *selfcheck)
{
	quote_printf(stdout, "run %s, threshold %g %%\n\n", o->store->run.id,
	             o->verdicts.gate_percent);
	outcome_print_verdicts(o);
	print_workloads(o);
	printf("better, worse: the whole 95 %% interval is beyond the threshold, on that metric's "
	       "better or worse side.\n");
	if (o->goals)
		print_goals(o);
	if (o->remark.length)
		quote_printf(stdout, "%s\n", text_string(&o->remark));
	selfcheck_print_note(o, selfcheck, stdout);
}
