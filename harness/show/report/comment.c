// The first comparison is shown, what follows is folded. A table of more rows than there are lines
// for is folded and in HTML, which takes one line.
#include "harness/show/report/comment.h"
#include "base/file.h"
#include "base/path.h"
#include "base/quote.h"
#include "harness/judge/summary.h"
#include "harness/show/verdict/facts.h"
#include "harness/show/verdict/headline.h"
#include "harness/show/verdict/words.h"
#include "harness/show/verdict_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_SHOWN_MAX = 14, FIGURES_SHOWN_MAX = 20 };

// `quote`: what stands between HTML tags isn't read as Markdown.

static void put_claim(FILE *to, const struct outcome *o, const struct summary *s,
                      void (*quote)(FILE *, const char *))
{
	struct text line = {0};

	text_add(&line, "%s ", words_verdict(headline_word(s))->sign);
	headline_claim(&line, o, s);
	size_t before = line.length;
	text_add(&line, ": ");
	headline_effects(&line, o, s);
	if (line.length == before + 2)
		text_cut(&line, before);
	quote(to, text_string(&line));
	text_free(&line);
}

static void fill_table(struct table *t, const struct outcome *o, const struct summary *s)
{
	const struct table_column columns[] = {
	    {"workload", TABLE_LEFT},
	    {"metric", TABLE_LEFT},
	    {o->store->run.tunnel[s->baseline].spec, TABLE_RIGHT},
	    {o->store->run.tunnel[s->candidate].spec, TABLE_RIGHT},
	    {"unit", TABLE_LEFT},
	    {"effect", TABLE_RIGHT},
	    {"95 %", TABLE_LEFT},
	    {"verdict", TABLE_LEFT},
	};

	table_init(t, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];
		struct text text = {0};

		if (!summary_holds(s, v))
			continue;
		words_workload(&text, v->series->workload);
		table_add(t, TABLE_PLAIN, "%s", text_string(&text));
		table_add(t, TABLE_PLAIN, "%s", words_metric(v->series->metric));
		outcome_add_value(t, v->baseline_median);
		outcome_add_value(t, v->candidate_value);
		table_add(t, TABLE_PLAIN, "%s", v->series->unit);
		text_cut(&text, 0);
		if (v->clean.blocks)
			words_percent(&text, v->clean.effect);
		else if (v->all.blocks)
			words_marked(&text, v->all.effect);
		table_add(t, TABLE_PLAIN, "%s", text_string(&text));
		text_cut(&text, 0);
		if (isfinite(v->clean.low))
			words_interval(&text, v->clean.low, v->clean.high);
		table_add(t, TABLE_PLAIN, "%s", text_string(&text));
		text_cut(&text, 0);
		words_answer(&text, v);
		table_add(t, TABLE_PLAIN, "%s", text_string(&text));
		text_free(&text);
	}
}

static void put_counts(FILE *to, const struct summary *s, void (*quote)(FILE *, const char *))
{
	struct text line = {0};

	headline_counts(&line, s);
	quote(to, text_string(&line));
	text_free(&line);
}

// In one paragraph: lines are few.
static void put_notes(FILE *to, const struct outcome *o, const struct summary *s)
{
	const struct verdict *before = NULL;
	struct text line = {0}, note = {0};

	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];

		if (!summary_holds(s, v))
			continue;
		text_cut(&note, 0);
		if (facts_note(&note, o, v, before))
			text_add(&line, "%s%s", line.length ? " " : "", text_string(&note));
		before = v;
	}
	text_free(&note);
	quote_markdown(to, text_string(&line));
	fputs(line.length ? "\n\n" : "", to);
	text_free(&line);
}

static void put_shown(FILE *to, const struct outcome *o, const struct summary *s)
{
	struct table t;

	fputs("### ", to);
	put_claim(to, o, s, quote_markdown);
	fputs("\n\n", to);
	put_counts(to, s, quote_markdown);
	fputs("\n\n", to);
	if (s->n > ROWS_SHOWN_MAX)
		return;
	fill_table(&t, o, s);
	table_print_markdown(&t, to);
	table_free(&t);
	fputc('\n', to);
	put_notes(to, o, s);
}

static void put_folded(FILE *to, const struct outcome *o, const struct summary *s)
{
	struct text control = {0};
	struct table t;

	fputs("<details><summary>", to);
	if (s->control) {
		headline_control(&control, o, s);
		quote_html(to, text_string(&control));
		text_free(&control);
	} else {
		put_claim(to, o, s, quote_html);
		fputs(". ", to);
		put_counts(to, s, quote_html);
	}
	fputs("</summary>", to);
	fill_table(&t, o, s);
	table_print_html_line(&t, to);
	fputs("</details>\n", to);
	table_free(&t);
}

static void put_basis(FILE *to, const struct outcome *o)
{
	struct text facts[FACTS_MAX] = {0}, command = {0};
	size_t n = facts_of(facts, o);

	fputs("<details><summary>How it was measured</summary>\n\n", to);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? " · " : "", to);
		quote_markdown(to, text_string(&facts[i]));
		text_free(&facts[i]);
	}
	fputs("\n\n", to);
	if (o->remark.length) {
		quote_markdown(to, text_string(&o->remark));
		fputs("\n\n", to);
	}
	fputs("    ", to);
	facts_command(&command, o);
	quote_text(to, text_string(&command));
	fputs("\n\nRun ", to);
	quote_markdown(to, o->store->run.id);
	fputs(": report.html shows every block, the counters and the environment.\n\n"
	      "</details>\n",
	      to);
	text_free(&command);
}

static void put_answer(FILE *to, const struct outcome *o)
{
	struct text line = {0};

	headline_answer(&line, o);
	fputs("**", to);
	quote_markdown(to, text_string(&line));
	fputs("**\n\n", to);
	text_cut(&line, 0);
	if (outcome_answer(o) == OUTCOME_UNDECIDED && !o->missing && !o->unfinished) {
		bool command = facts_remedy(&line, o);

		fputs(command ? "To decide:\n\n    " : "", to);
		(command ? quote_text : quote_markdown)(to, text_string(&line));
		fputs("\n\n", to);
	}
	text_free(&line);
}

static void put_goals(FILE *to, const struct outcome *o)
{
	struct text line = {0};

	for (size_t i = 0; i < o->goals; i++) {
		text_cut(&line, 0);
		facts_goal(&line, &o->goal[i]);
		fputs("- ", to);
		quote_markdown(to, text_string(&line));
		fputc('\n', to);
	}
	if (o->goals)
		fputc('\n', to);
	text_free(&line);
}

// Nothing is compared. As many figures as there are lines for.
static void put_single(FILE *to, const struct outcome *o)
{
	size_t shown = 0;

	fputs("### ", to);
	quote_markdown(to, o->store->run.tunnel[0].spec);
	fputs("\n\nA run of one tunnel: nothing is compared.\n\n", to);
	for (size_t i = 0; i < o->series.n && shown < FIGURES_SHOWN_MAX; i++) {
		struct text line = {0};

		if (!o->series.series[i].judged)
			continue;
		shown++;
		facts_figure(&line, &o->series.series[i], 0);
		fputs("- ", to);
		quote_markdown(to, text_string(&line));
		fputc('\n', to);
		text_free(&line);
	}
	fputc('\n', to);
}

int comment_write(const struct outcome *o)
{
	char *path = path_join(o->store->dir, "report.md");
	struct text markdown = {0};
	FILE *to = text_open(&markdown);
	size_t n;
	struct summary *s = summaries_of(o, &n);

	if (n) {
		put_shown(to, o, s);
		put_answer(to, o);
	} else {
		put_single(to, o);
	}
	put_goals(to, o);
	for (size_t i = n && s->n > ROWS_SHOWN_MAX ? 0 : 1; i < n; i++)
		put_folded(to, o, &s[i]);
	put_basis(to, o);
	fclose(to);
	int ret = output_text(path, text_string(&markdown), markdown.length);
	text_free(&markdown);
	free(path);
	free(s);
	return ret;
}
