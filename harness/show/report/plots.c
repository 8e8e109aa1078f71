#include "harness/show/report/plots.h"
#include "base/text.h"
#include "harness/judge/samples.h"
#include "harness/show/forest.h"
#include "harness/show/plot.h"
#include "harness/show/verdict/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int write_plot(struct page *p, struct plot_files *files, const struct series *s,
                      const char *kind, char *svg)
{
	char *wanted = text_format("%s-%s-%s", s->workload, s->metric, kind);
	const char *name;
	int ret = plot_files_write(files, wanted, svg, &name);

	if (!ret)
		page_plot(p, svg);
	free(wanted);
	free(svg);
	return ret;
}

// gnuplot fails where there is no point at all: every trial failed or was limited.
static bool has_values(const struct outcome *o, const struct series *s)
{
	for (size_t t = 0; t < o->store->run.tunnels; t++)
		if (isfinite(series_median(s, t, true)))
			return true;
	return false;
}

static int write_effects(struct page *p, struct plot_files *files, const struct outcome *o,
                         const struct series *s, const char *root)
{
	int ret = 0;

	for (size_t i = 0; i < o->verdicts.n && !ret; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];
		char kind[] = "effects-A", *svg = NULL;

		if (v->series != s)
			continue;
		kind[sizeof(kind) - 2] = outcome_letter(v->candidate);
		ret = plot_effects(root, o, v, &svg);
		if (!ret)
			ret = write_plot(p, files, s, kind, svg);
	}
	return ret;
}

int plots_write_blocks(struct page *p, struct plot_files *files, const struct outcome *o,
                       const char *root)
{
	int ret = 0;

	page_open_section(p, "blocks", "Block by block", "each value and each paired effect");
	for (size_t i = 0; i < o->series.n && !ret; i++) {
		const struct series *s = &o->series.series[i];
		char *svg = NULL;

		if (!s->judged || !has_values(o, s))
			continue;
		ret = plot_values(root, o, s, &svg);
		if (!ret)
			ret = write_plot(p, files, s, "values", svg);
		if (!ret)
			ret = write_effects(p, files, o, s, root);
	}
	page_close_section(p);
	return ret;
}

static void write_stalls(struct page *p, const struct outcome *o, const char *workload)
{
	struct text line = {0};

	if (samples_kind(o, workload) != SAMPLES_RATES)
		return;
	words_workload(&line, workload);
	text_add(&line, ", tenths of a second below half of their trial's mean:");
	for (size_t t = 0; t < o->store->run.tunnels; t++) {
		struct samples_course c;

		samples_course(&c, o, workload, t);
		text_add(&line, "%s %c %zu of %zu", t ? "," : "", outcome_letter(t), c.stalled,
		         c.values);
		samples_course_free(&c);
	}
	page_paragraph(p, "%s.", text_string(&line));
	text_free(&line);
}

// The rate inside a trial and the delays' distribution, where trials kept them.
int plots_write_inside(struct page *p, struct plot_files *files, const struct outcome *o,
                       const char *root)
{
	const char *before = "", *name;
	int ret = 0;

	page_open_section(p, "inside", "Inside a trial", "rates by time, delays by their share");
	for (size_t i = 0; i < o->series.n && !ret; i++) {
		const char *workload = o->series.series[i].workload;
		char *wanted, *svg = NULL;

		if (!strcmp(before, workload))
			continue;
		before = workload;
		ret = plot_samples(root, o, workload, &svg);
		if (ret || !svg)
			continue;
		wanted = text_format("%s-inside", workload);
		ret = plot_files_write(files, wanted, svg, &name);
		if (!ret)
			page_plot(p, svg);
		write_stalls(p, o, workload);
		free(wanted);
		free(svg);
	}
	page_paragraph(p, "Rates: each tunnel's median over its trials, and the band between the "
	                  "first and the last decile. Stalls and rekeys show only here.");
	page_close_section(p);
	return ret;
}

int plots_write_forest(struct plot_files *files, const struct outcome *o)
{
	char *svg = forest_draw(o);
	const char *name;
	int ret = svg ? plot_files_write(files, "verdict", svg, &name) : 0;

	free(svg);
	return ret;
}
