#include "harness/show/selfcheck_note.h"

#include "base/quote.h"
#include "base/text.h"
#include "harness/record/environment_compare.h"
#include "harness/record/selfcheck.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

// Whether there is one that can be read; one that can't be is told.
static bool load_found(struct selfcheck *found, const char *path)
{
	struct text fault = {0};
	int ret = selfcheck_load(found, path, &fault);

	if (ret && ret != -ENOENT)
		quote_printf(stderr, "wgbench: %s:%s\n", path, text_string(&fault));
	text_free(&fault);
	return !ret;
}

// The last of those by as many blocks as the series has at most; NULL: there is none.
static const struct selfcheck_row *find_row(const struct selfcheck *found, const struct verdict *v)
{
	const struct selfcheck_row *best = NULL;

	for (size_t i = 0; i < found->rows; i++) {
		const struct selfcheck_row *row = &found->row[i];

		if (!isnan(row->found_percent) && !strcmp(row->workload, v->series->workload) &&
		    !strcmp(row->metric, v->series->metric) && row->blocks <= v->clean.blocks)
			best = row;
	}
	return best;
}

static void print_rows(const struct outcome *o, const struct selfcheck *found, FILE *to)
{
	bool any = false;

	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];
		const struct selfcheck_row *row;

		if (i && o->verdicts.verdict[i - 1].series == v->series)
			continue;
		row = find_row(found, v);
		if (!row)
			continue;
		fprintf(to,
		        "%s %s %s: %u blocks find effects from %.1f %% on, and call A/A "
		        "different in %.1f %%",
		        any ? ";" : "", v->series->workload, v->series->metric, row->blocks,
		        row->found_percent, 100 * row->different);
		any = true;
	}
	fprintf(to, "%s.\n", any ? "" : " nothing of these workloads by so few blocks");
}

void selfcheck_print_note(const struct outcome *o, const char *path, FILE *to)
{
	struct selfcheck found = {0};

	if (load_found(&found, path) &&
	    environment_same_machine(o->store->run.environment.all, found.machine)) {
		quote_printf(to, "By the self-check of %s on such a machine:", found.created);
		print_rows(o, &found, to);
	} else {
		fprintf(to, "Smallest detectable effect: unknown; run wgbench selfcheck.\n");
	}
	selfcheck_free(&found);
}
