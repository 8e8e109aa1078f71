#include "harness/show/report/first.h"
#include "base/quote.h"
#include "harness/judge/causes.h"
#include "harness/judge/figures.h"
#include "harness/judge/summary.h"
#include "harness/judge/workloads_used.h"
#include "harness/show/verdict/axis.h"
#include "harness/show/verdict/facts.h"
#include "harness/show/verdict/headline.h"
#include "harness/show/verdict/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- sentences

static void put_claim(FILE *to, const struct outcome *o, const struct summary *s)
{
	const struct words_verdict *words = words_verdict(headline_word(s));
	struct text claim = {0}, effects = {0};

	headline_claim(&claim, o, s);
	headline_effects(&effects, o, s);
	fprintf(to, "<span class=\"%s\">%s ", words->class, words->sign);
	quote_html(to, text_string(&claim));
	fputs("</span>", to);
	if (effects.length) {
		fputs(": ", to);
		quote_html(to, text_string(&effects));
	}
	text_free(&claim);
	text_free(&effects);
}

static void put_sentences(FILE *to, const struct outcome *o, const struct summary *s, size_t n)
{
	struct text line = {0};

	for (size_t i = 0; i < n; i++) {
		if (s[i].control)
			continue;
		fputs(i ? "<p class=\"sub\"><b>" : "<h1>", to);
		put_claim(to, o, &s[i]);
		fputs(i ? "</b>. " : "</h1>\n<p class=\"sub\">", to);
		text_cut(&line, 0);
		headline_counts(&line, &s[i]);
		quote_html(to, text_string(&line));
		fputs("</p>\n", to);
	}
	if (!n) {
		fputs("<h1>", to);
		quote_html(to, o->store->run.tunnel[0].spec);
		fputs("</h1>\n<p class=\"sub\">A run of one tunnel: nothing is compared.</p>\n",
		      to);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!s[i].control)
			continue;
		text_cut(&line, 0);
		headline_control(&line, o, &s[i]);
		fputs("<p class=\"sub\">", to);
		quote_html(to, text_string(&line));
		fputs("</p>\n", to);
	}
	text_cut(&line, 0);
	headline_answer(&line, o);
	fputs("<p class=\"sub\"><b>", to);
	quote_html(to, text_string(&line));
	fputs("</b></p>\n", to);
	text_free(&line);
}

static void put_meanings(FILE *to, const struct outcome *o)
{
	struct text line = {0};

	facts_meanings(&line, o);
	if (line.length) {
		fputs("<p class=\"sub\">", to);
		quote_html(to, text_string(&line));
		fputs("</p>\n", to);
	}
	text_free(&line);
}

static void put_chips(FILE *to, const struct outcome *o)
{
	struct text facts[FACTS_MAX] = {0};
	size_t n = facts_of(facts, o);

	fputs("<ul class=\"chips\">\n", to);
	for (size_t i = 0; i < n; i++) {
		fputs("<li>", to);
		quote_html(to, text_string(&facts[i]));
		fputs("</li>\n", to);
		text_free(&facts[i]);
	}
	fputs("</ul>\n", to);
}

// ---- verdicts

static double percent_of(const struct axis *a, double improvement)
{
	return 50 + 50 * axis_place(a, improvement);
}

static void put_grid(FILE *to, const struct axis *a)
{
	for (int tick = -a->ticks; tick <= a->ticks; tick++)
		fprintf(to, "<i class=\"grid\" style=\"left:%.2f%%\"></i>",
		        50 + 50.0 * tick / a->ticks);
}

static void put_span(FILE *to, const char *class, const char *word, double from, double until)
{
	fprintf(to, "<i class=\"%s %s\" style=\"left:%.2f%%;width:%.2f%%\"></i>", class, word,
	        fmin(from, until), fabs(until - from));
}

// The threshold's band is each row's own: -50 % is farther from "same" than +50 %, and on the other
// side where lower is better.
static void put_mark(FILE *to, const struct axis *a, const struct verdict *v, double gate)
{
	const char *class = words_verdict(v->word)->class;
	const struct verdict_effect *e = &v->clean;
	double effect = axis_improvement(v, e->effect);

	fputs("<td class=\"axis\">", to);
	put_grid(to, a);
	put_span(to, "band", "", percent_of(a, axis_improvement(v, -gate)),
	         percent_of(a, axis_improvement(v, gate)));
	if (e->blocks && isfinite(e->low))
		put_span(to, "bar", class, percent_of(a, axis_improvement(v, e->low)),
		         percent_of(a, axis_improvement(v, e->high)));
	if (e->blocks)
		fprintf(to, "<i class=\"dot %s%s\" style=\"left:%.2f%%\"></i>", class,
		        axis_holds(a, effect) ? ""
		        : effect < 0          ? " beyond-left"
		                              : " beyond-right",
		        percent_of(a, effect));
	fputs("</td>", to);
}

static void put_effect(FILE *to, const struct verdict *v)
{
	const struct verdict_effect *e = &v->clean;
	struct text effect = {0};

	fputs("<td class=\"effect\">", to);
	if (e->blocks) {
		words_percent(&effect, e->effect);
		fprintf(to, "<b>%s</b>", text_string(&effect));
	} else if (v->all.blocks) {
		words_marked(&effect, v->all.effect);
		fputs(text_string(&effect), to);
	} else {
		fputs("none", to);
	}
	if (isfinite(e->low)) {
		text_cut(&effect, 0);
		words_interval(&effect, e->low, e->high);
		fprintf(to, " <span class=\"quiet\">%s</span>", text_string(&effect));
	}
	fputs("</td>", to);
	text_free(&effect);
}

static void put_row(FILE *to, const struct axis *a, const struct verdict *v, bool first,
                    double gate)
{
	struct text text = {0};

	fputs("<tr><th class=\"workload\" scope=\"row\">", to);
	if (first)
		words_workload(&text, v->series->workload);
	quote_html(to, text_string(&text));
	fputs("</th><td class=\"metric\">", to);
	quote_html(to, words_metric(v->series->metric));
	fputs("</td><td class=\"values\"><span class=\"quiet\">", to);
	text_cut(&text, 0);
	words_value(&text, v->baseline_median);
	fprintf(to, "%s →</span> ", text_string(&text));
	text_cut(&text, 0);
	words_value(&text, v->candidate_value);
	fprintf(to, "%s <span class=\"quiet\">", text_string(&text));
	quote_html(to, v->series->unit);
	fputs("</span></td>", to);
	put_mark(to, a, v, gate);
	put_effect(to, v);
	text_cut(&text, 0);
	words_answer(&text, v);
	fprintf(to, "<td class=\"word %s\">%s</td></tr>\n", words_verdict(v->word)->class,
	        text_string(&text));
	text_free(&text);
}

static void put_ticks(FILE *to, const struct axis *a)
{
	struct text label = {0};

	fputs("<tr class=\"ticks\"><td></td><td></td><td class=\"values\"></td><td class=\"axis\">",
	      to);
	for (int tick = -a->ticks; tick <= a->ticks; tick++) {
		text_cut(&label, 0);
		axis_label(&label, a, tick);
		fprintf(to, "<span style=\"left:%.2f%%%s\">%s</span>", 50 + 50.0 * tick / a->ticks,
		        tick == -a->ticks  ? ";transform:none"
		        : tick == a->ticks ? ";transform:translateX(-100%)"
		                           : "",
		        text_string(&label));
	}
	fputs("</td><td></td><td></td></tr>\n", to);
	text_free(&label);
}

static void put_notes(FILE *to, const struct outcome *o, const struct summary *s)
{
	const struct verdict *before = NULL;

	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];
		struct text line = {0};

		if (!summary_holds(s, v))
			continue;
		if (facts_note(&line, o, v, before)) {
			fputs("<p class=\"sub\">", to);
			quote_html(to, text_string(&line));
			fputs("</p>\n", to);
		}
		before = v;
		text_free(&line);
	}
}

static void put_comparison(FILE *to, const struct outcome *o, const struct summary *s)
{
	const struct axis *a = axis_choose(&o->verdicts, s);
	const char *before = "";

	fputs("<h2 class=\"against\">", to);
	quote_html(to, o->store->run.tunnel[s->candidate].spec);
	fputs(" <span class=\"quiet\">against ", to);
	quote_html(to, o->store->run.tunnel[s->baseline].spec);
	fprintf(to, " · right is better · band: ±%g %%</span></h2>\n<table class=\"forest\">\n",
	        o->verdicts.gate_percent);
	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];

		if (!summary_holds(s, v))
			continue;
		put_row(to, a, v, strcmp(before, v->series->workload), o->verdicts.gate_percent);
		before = v->series->workload;
	}
	put_ticks(to, a);
	fputs("</table>\n", to);
	put_notes(to, o, s);
}

// ---- one tunnel

static void put_figures(FILE *to, const struct outcome *o)
{
	const char *before = "";

	fputs("<table class=\"forest\">\n", to);
	for (size_t i = 0; i < o->series.n; i++) {
		const struct series *s = &o->series.series[i];
		struct figure f = figure_of(s, 0);
		struct text text = {0};

		if (!s->judged)
			continue;
		if (strcmp(before, s->workload))
			words_workload(&text, s->workload);
		before = s->workload;
		fputs("<tr><th class=\"workload\" scope=\"row\">", to);
		quote_html(to, text_string(&text));
		fputs("</th><td>", to);
		quote_html(to, words_metric(s->metric));
		text_cut(&text, 0);
		words_value(&text, f.value);
		fprintf(to, "</td><td class=\"effect\"><b>%s</b> ", text_string(&text));
		quote_html(to, s->unit);
		if (isfinite(f.low))
			fprintf(to, " <span class=\"quiet\">[%.4g, %.4g]</span>", f.low, f.high);
		fputs("</td></tr>\n", to);
		text_free(&text);
	}
	fputs("</table>\n", to);
}

// ---- cards

static void put_causes(FILE *to, const struct outcome *o, const struct summary *s)
{
	enum { MOST = 5 };
	struct cause cause[MOST];
	size_t n = causes_find(o, s->candidate, s->baseline, cause, MOST);

	if (!n)
		return;
	fputs("<section><h2>What ", to);
	quote_html(to, o->store->run.tunnel[s->candidate].spec);
	fputs(" does differently</h2>\n<ul>\n", to);
	for (size_t i = 0; i < n; i++) {
		struct text text = {0};

		words_workload(&text, cause[i].workload);
		text_add(&text, ", %s%s%s: ", cause[i].end, *cause[i].end ? ": " : "",
		         cause[i].what);
		words_value(&text, cause[i].baseline);
		text_add(&text, " → ");
		words_value(&text, cause[i].candidate);
		fputs("<li>", to);
		quote_html(to, text_string(&text));
		fputs("</li>\n", to);
		text_free(&text);
	}
	fputs("</ul>\n<p class=\"quiet\">Medians of the trials; calls are per packet. <a "
	      "href=\"#counters\">All</a></p></section>\n",
	      to);
}

static void put_remedy(FILE *to, const struct outcome *o)
{
	struct text command = {0};

	if (!o->verdicts.n || outcome_answer(o) != OUTCOME_UNDECIDED)
		return;
	fputs("<section><h2>What would decide</h2>\n", to);
	if (facts_remedy(&command, o)) {
		fputs("<pre>", to);
		quote_html(to, text_string(&command));
		fputs("</pre>\n", to);
	} else {
		fputs("<p>", to);
		quote_html(to, text_string(&command));
		fputs("</p>\n", to);
	}
	fputs("</section>\n", to);
	text_free(&command);
}

static void put_reproduction(FILE *to, const struct outcome *o)
{
	struct text command = {0};

	fputs("<section><h2>Repeat it</h2>\n<pre>", to);
	facts_command(&command, o);
	quote_html(to, text_string(&command));
	fputs("</pre>\n<p><a href=\"run.json\">run.json</a> · ", to);
	fprintf(to, "<a href=\"%s\">%s</a>", o->store->trials_name, o->store->trials_name);
	if (o->verdicts.n)
		fputs(" · <a href=\"verdict.json\">verdict.json</a>", to);
	fputs(" · <a href=\"#environment\">environment</a></p></section>\n", to);
	text_free(&command);
}

void first_write(struct page *p, const struct outcome *o)
{
	size_t n = 0;
	struct summary *s = summaries_of(o, &n);

	fputs("<header>\n", p->to);
	put_sentences(p->to, o, s, n);
	put_meanings(p->to, o);
	put_chips(p->to, o);
	fputs("</header>\n<main>\n", p->to);
	if (o->remark.length)
		page_paragraph(p, "%s", text_string(&o->remark));
	for (size_t i = 0; i < n; i++)
		put_comparison(p->to, o, &s[i]);
	if (!n)
		put_figures(p->to, o);
	fputs("<div class=\"cards\">\n", p->to);
	if (n)
		put_causes(p->to, o, s);
	put_remedy(p->to, o);
	put_reproduction(p->to, o);
	fputs("</div>\n", p->to);
	free(s);
}
