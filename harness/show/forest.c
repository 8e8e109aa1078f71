// The axis is logarithmic, so that twice as good and half as good are equally far from "same"; an
// effect beyond it is an arrow at its end. What is missing is left out, never drawn as zero.
#include "harness/show/forest.h"

#include "base/quote.h"
#include "base/text.h"
#include "harness/show/verdict/axis.h"
#include "harness/show/verdict/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDTH = 1010,
	MARGIN = 16,
	ROW = 26,
	HEAD = 40,       // of a candidate
	FOOT = 30,       // the axis' labels
	METRIC_X = 192,  // columns: left edges,
	VALUES_X = 482,  // or right ones
	AXIS_LEFT = 505, // the axis
	AXIS_RIGHT = 715,
	EFFECT_X = 905,
	WORD_X = 918,
	NAME_LETTERS = 20 // of a workload, that its column has room for
};

// Its names are its own: a report has it inside a page.
static const char style[] =
    "<style>.forest text{font:14px system-ui,'Segoe UI','DejaVu Sans',sans-serif;fill:#1f2328}"
    ".forest .ground{fill:#fff}.forest .grid{stroke:#d8dee4}.forest .band{fill:#8c959f;"
    "opacity:.35}.forest .head{font-weight:600;font-size:15px}.forest .against{font-weight:400;"
    "font-size:13px}.forest .quiet,.forest .tick{fill:#59636e}.forest .tick{font-size:11px}"
    ".forest .strong{font-weight:600;fill:#1f2328}.forest .mark{stroke-width:7;"
    "stroke-opacity:.4}.forest .better{fill:#0969da;stroke:#0969da}"
    ".forest .worse{fill:#bc4c00;stroke:#bc4c00}.forest .same,.forest .open{fill:#59636e;"
    "stroke:#59636e}.forest text[class]{stroke:none}"
    "@media(prefers-color-scheme:dark){.forest text,.forest .strong{fill:#e6edf3}"
    ".forest .ground{fill:#0d1117}.forest .grid{stroke:#30363d}.forest .quiet,.forest .tick,"
    ".forest .same,.forest .open{fill:#9198a1}.forest .same,.forest .open{stroke:#9198a1}"
    ".forest .better{fill:#4493f8;stroke:#4493f8}.forest .worse{fill:#f0883e;"
    "stroke:#f0883e}}</style>\n";

static double place(const struct axis *a, double improvement)
{
	return (AXIS_LEFT + AXIS_RIGHT) / 2.0 +
	       axis_place(a, improvement) * (AXIS_RIGHT - AXIS_LEFT) / 2.0;
}

// ---- texts

static void begin_text(FILE *to, double x, double y, const char *anchor, const char *class)
{
	fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor,
	        class);
}

// A long name is set smaller.
static void put_workload(FILE *to, double y, const char *name)
{
	double letters = quote_width(name);

	fprintf(to, "<text x=\"%d\" y=\"%.1f\" class=\"strong\" style=\"font-size:%.1fpx\">",
	        MARGIN, y, 14 * fmin(1, NAME_LETTERS / letters));
	quote_html(to, name);
	fputs("</text>\n", to);
}

static void put_value(FILE *to, double value)
{
	if (isnan(value))
		fputs("none", to);
	else
		fprintf(to, fabs(value) < 1000 ? "%.3g" : "%.0f", value);
}

static void put_values(FILE *to, double y, const struct verdict *v)
{
	begin_text(to, VALUES_X, y, "end", "quiet");
	put_value(to, v->baseline_median);
	fputs(" → <tspan class=\"strong\">", to);
	put_value(to, v->candidate_value);
	fputs("</tspan> ", to);
	quote_html(to, v->series->unit);
	fputs("</text>\n", to);
}

static void put_effect(FILE *to, double y, const struct verdict_effect *e)
{
	if (!e->blocks)
		return;
	begin_text(to, EFFECT_X, y, "end", "quiet");
	fprintf(to, "<tspan class=\"strong\">%+.1f %%</tspan>", e->effect);
	if (isfinite(e->low))
		fprintf(to, " [%+.0f, %+.0f]", e->low, e->high);
	fputs("</text>\n", to);
}

// ---- the axis

static void put_tick(FILE *to, const struct axis *a, int tick, double top, double bottom)
{
	double x =
	    (AXIS_LEFT + AXIS_RIGHT) / 2.0 + tick * (AXIS_RIGHT - AXIS_LEFT) / 2.0 / a->ticks;
	struct text label = {0};

	fprintf(to, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>\n", x,
	        x, top, bottom);
	axis_label(&label, a, tick);
	if (label.length) {
		begin_text(to, x, bottom + 16, "middle", "tick");
		fprintf(to, "%s</text>\n", text_string(&label));
	}
	text_free(&label);
}

static void put_axis(FILE *to, const struct axis *a, double top, double bottom)
{
	for (int tick = -a->ticks; tick <= a->ticks; tick++)
		put_tick(to, a, tick, top, bottom);
}

// -50 % is farther from "same" than +50 %, and on the other side where lower is better: each row
// has a band of its own.
static void put_band(FILE *to, const struct axis *a, double top, const struct verdict *v,
                     double gate_percent)
{
	double less = place(a, axis_improvement(v, -gate_percent)),
	       more = place(a, axis_improvement(v, gate_percent));

	fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" class=\"band\"/>\n",
	        fmin(less, more), top, fabs(more - less), ROW);
}

// An effect that the axis doesn't hold points to where it lies.
static void put_point(FILE *to, const struct axis *a, const char *class, double y, double log_ratio)
{
	double x = place(a, log_ratio), tip = log_ratio < 0 ? -5 : 5;

	if (axis_holds(a, log_ratio))
		fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" class=\"%s\"/>\n", x, y,
		        class);
	else
		fprintf(to, "<path d=\"M%.1f %.1fv10l%.0f -5z\" class=\"%s\"/>\n", x, y - 5, tip,
		        class);
}

static void put_mark(FILE *to, const struct axis *a, double y, const struct verdict *v)
{
	const struct verdict_effect *e = &v->clean;
	const char *class = words_verdict(v->word)->class;

	if (!e->blocks)
		return;
	if (isfinite(e->low))
		fprintf(
		    to,
		    "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"mark %s\"/>\n",
		    place(a, axis_improvement(v, e->low)), place(a, axis_improvement(v, e->high)),
		    y, y, class);
	put_point(to, a, class, y, axis_improvement(v, e->effect));
}

// ---- rows

static void put_row(FILE *to, const struct axis *a, double y, const struct verdict *v, bool first)
{
	struct text text = {0};

	words_workload(&text, v->series->workload);
	if (first)
		put_workload(to, y, text_string(&text));
	begin_text(to, METRIC_X, y, "start", "metric");
	quote_html(to, words_metric(v->series->metric));
	fputs("</text>\n", to);
	put_values(to, y, v);
	put_mark(to, a, y - 5, v);
	put_effect(to, y, &v->clean);
	text_cut(&text, 0);
	words_answer(&text, v);
	begin_text(to, WORD_X, y, "start", words_verdict(v->word)->class);
	fprintf(to, "%s</text>\n", text_string(&text));
	text_free(&text);
}

static void put_heading(FILE *to, double y, const struct outcome *o, const struct summary *of)
{
	begin_text(to, MARGIN, y, "start", "head");
	quote_html(to, o->store->run.tunnel[of->candidate].spec);
	fputs("<tspan class=\"quiet against\" dx=\"10\">against ", to);
	quote_html(to, o->store->run.tunnel[of->baseline].spec);
	fprintf(to, " · right is better · grey band: ±%g %%</tspan></text>\n",
	        o->verdicts.gate_percent);
}

// All verdicts of a comparison; returns where the next one begins.
static double put_comparison(FILE *to, const struct axis *a, const struct outcome *o,
                             const struct summary *of, double top)
{
	const struct verdict *before = NULL;
	double y = top + HEAD + ROW * (double)of->n;

	put_heading(to, top + 24, o, of);
	put_axis(to, a, top + HEAD, y);
	y = top + HEAD;
	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];

		if (!summary_holds(of, v))
			continue;
		put_band(to, a, y, v, o->verdicts.gate_percent);
		put_row(to, a, y + 18, v,
		        !before || strcmp(before->series->workload, v->series->workload));
		before = v;
		y += ROW;
	}
	return y + FOOT;
}

static bool has_effect(const struct verdict_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->verdict[i].clean.blocks)
			return true;
	return false;
}

char *forest_draw(const struct outcome *o)
{
	const struct axis *a = axis_choose(&o->verdicts, NULL);
	struct text body = {0};
	double y = 4;
	size_t n;

	if (!has_effect(&o->verdicts))
		return NULL;
	struct summary *s = summaries_of(o, &n);
	FILE *to = text_open(&body);
	for (size_t i = 0; i < n; i++)
		if (!s[i].control)
			y = put_comparison(to, a, o, &s[i], y);
	fclose(to);
	free(s);
	char *svg = text_format(
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" "
	    "height=\"%.0f\" role=\"img\" class=\"forest\">\n<title>Verdicts</title>\n%s"
	    "<rect width=\"100%%\" height=\"100%%\" rx=\"6\" class=\"ground\"/>\n%s</svg>\n",
	    WIDTH, y + 6, WIDTH, y + 6, style, text_string(&body));
	text_free(&body);
	return svg;
}
