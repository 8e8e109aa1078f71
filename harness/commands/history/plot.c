#include "harness/commands/history/plot.h"

#include "base/text.h"
#include "harness/show/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void put_point(FILE *to, const struct history_point *p)
{
	// Without an interval: a point by itself.
	fprintf(to, "%lld %.17g %.17g %.17g\n", (long long)p->time, p->median,
	        isfinite(p->low) ? p->low : p->median, isfinite(p->high) ? p->high : p->median);
}

int plot_history(const char *root, const struct history *h, char **svg)
{
	const struct history_series *first = &h->series[0];
	char *title = text_format("%s: %s (%s is better)", first->workload, first->metric,
	                          first->higher_is_better ? "higher" : "lower");
	struct plot plot;

	plot_begin(&plot, title, first->unit);
	free(title);
	FILE *to = plot.to;
	fprintf(to, "series = %zu\narray name[series]\n", h->n);
	for (size_t i = 0; i < h->n; i++) {
		const struct history_series *s = &h->series[i];

		plot_put_name(to, i, "%s, environment %u, %u s, %s", s->tunnel, s->environment,
		              s->duration_s, s->measuring);
	}
	fprintf(to, "$data << end\n");
	for (size_t i = 0; i < h->n; i++) {
		for (size_t p = 0; p < h->series[i].n; p++)
			put_point(to, &h->series[i].point[p]);
		fprintf(to, "\n\n");
	}
	// Must not be empty.
	fprintf(to, "end\n$changes << end\n%lld NaN\n", (long long)first->point[0].time);
	for (size_t i = 0; i < h->n; i++)
		for (size_t c = 0; c < h->series[i].changes; c++) {
			const struct history_change *change = &h->series[i].change[c];
			const struct history_point *p = &h->series[i].point[change->at];

			if (!*change->acknowledged)
				fprintf(to, "%lld %.17g\n", (long long)p->time, p->median);
		}
	fprintf(to, "end\n");
	return plot_end(&plot, root, "history.gp", svg);
}
