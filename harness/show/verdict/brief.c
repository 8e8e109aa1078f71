#include "harness/show/verdict/brief.h"
#include "base/quote.h"
#include "base/terminal.h"
#include "base/text.h"
#include "harness/judge/figures.h"
#include "harness/judge/summary.h"
#include "harness/show/table.h"
#include "harness/show/verdict/facts.h"
#include "harness/show/verdict/headline.h"
#include "harness/show/verdict/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// How much of a line is shown; each leaves out one thing more.
enum detail { WITH_VALUES, WITH_INTERVAL, WITH_EFFECT, DETAILS };

static const enum table_colour colours[] = {
    [VERDICT_WORSE] = TABLE_RED,
    [VERDICT_SAME] = TABLE_PLAIN,
    [VERDICT_BETTER] = TABLE_GREEN,
    [VERDICT_UNDECIDED] = TABLE_YELLOW,
};

// Words, with a new line before the one that has no room; `before` stands before each further line.
static void put_wrapped(FILE *to, const char *text, unsigned columns, const char *before)
{
	size_t at = 0;

	while (*text) {
		size_t length = strcspn(text, " ");
		char *word = text_format("%.*s", (int)length, text);
		size_t width = quote_width(word);

		if (at && at + 1 + width > columns) {
			fprintf(to, "\n%s", before);
			at = strlen(before);
		} else if (at) {
			fputc(' ', to);
			at++;
		}
		quote_text(to, word);
		at += width;
		free(word);
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', to);
}

static void add_values(struct table *t, const struct verdict *v)
{
	struct text values = {0};

	words_value(&values, v->baseline_median);
	text_add(&values, " → ");
	words_value(&values, v->candidate_value);
	table_add(t, TABLE_PLAIN, "%s %s", text_string(&values), v->series->unit);
	text_free(&values);
}

static void add_effect(struct table *t, const struct verdict *v, enum detail detail)
{
	const struct verdict_effect *e = &v->clean;
	struct text effect = {0};

	if (e->blocks)
		words_percent(&effect, e->effect);
	else if (v->all.blocks)
		words_marked(&effect, v->all.effect);
	else
		text_add(&effect, "no block");
	table_add(t, e->blocks ? TABLE_PLAIN : TABLE_DIM, "%s", text_string(&effect));
	if (detail > WITH_INTERVAL) {
		text_free(&effect);
		return;
	}
	text_cut(&effect, 0);
	if (isfinite(e->low))
		words_interval(&effect, e->low, e->high);
	else
		text_add(&effect, "no interval");
	table_add(t, TABLE_DIM, "%s", text_string(&effect));
	text_free(&effect);
}

static void add_row(struct table *t, const struct verdict *v, bool first, enum detail detail)
{
	struct text workload = {0}, answer = {0};

	if (first)
		words_workload(&workload, v->series->workload);
	table_add(t, TABLE_PLAIN, "  %s", text_string(&workload));
	text_free(&workload);
	table_add(t, TABLE_PLAIN, "%s", words_metric(v->series->metric));
	if (detail == WITH_VALUES)
		add_values(t, v);
	add_effect(t, v, detail);
	words_answer(&answer, v);
	table_add(t, colours[v->word], "%s", text_string(&answer));
	text_free(&answer);
}

static void fill_table(struct table *t, const struct outcome *o, const struct summary *s,
                       enum detail detail)
{
	static const struct table_column all[] = {{"", TABLE_LEFT},  {"", TABLE_LEFT},
	                                          {"", TABLE_RIGHT}, {"", TABLE_RIGHT},
	                                          {"", TABLE_LEFT},  {"", TABLE_LEFT}};
	struct table_column columns[6];
	size_t n = 0;
	const char *before = "";

	for (size_t i = 0; i < 6; i++)
		if (!(i == 2 && detail > WITH_VALUES) && !(i == 4 && detail > WITH_INTERVAL))
			columns[n++] = all[i];
	table_init(t, columns, n);
	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];

		if (!summary_holds(s, v))
			continue;
		add_row(t, v, strcmp(before, v->series->workload), detail);
		before = v->series->workload;
	}
}

static void put_table(FILE *to, const struct outcome *o, const struct summary *s, unsigned columns)
{
	struct table t;
	enum detail detail = WITH_VALUES;

	fill_table(&t, o, s, detail);
	while (table_width(&t) > columns && ++detail < DETAILS) {
		table_free(&t);
		fill_table(&t, o, s, detail);
	}
	table_print_rows(&t, to);
	table_free(&t);
}

static void put_notes(FILE *to, const struct outcome *o, const struct summary *s, unsigned columns)
{
	const struct verdict *before = NULL;

	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];
		struct text line = {0};

		if (!summary_holds(s, v))
			continue;
		if (facts_note(&line, o, v, before)) {
			fputs("    ", to);
			put_wrapped(to, text_string(&line), columns - 4, "    ");
		}
		before = v;
		text_free(&line);
	}
}

static void put_comparison(FILE *to, const struct outcome *o, const struct summary *s,
                           unsigned columns)
{
	struct text line = {0}, effects = {0};

	text_add(&line, "%s ", words_verdict(headline_word(s))->sign);
	headline_claim(&line, o, s);
	headline_effects(&effects, o, s);
	if (effects.length)
		text_add(&line, ": %s", text_string(&effects));
	put_wrapped(to, text_string(&line), columns, "  ");
	text_cut(&line, 0);
	headline_counts(&line, s);
	fputs("  ", to);
	put_wrapped(to, text_string(&line), columns - 2, "  ");
	put_table(to, o, s, columns);
	put_notes(to, o, s, columns);
	fputc('\n', to);
	text_free(&line);
	text_free(&effects);
}

static void put_control(FILE *to, const struct outcome *o, const struct summary *s,
                        unsigned columns)
{
	struct text line = {0};

	headline_control(&line, o, s);
	put_wrapped(to, text_string(&line), columns, "  ");
	text_free(&line);
}

// ---- a run of one tunnel

static void put_figures(FILE *to, const struct outcome *o)
{
	static const struct table_column columns[] = {{"", TABLE_LEFT},
	                                              {"", TABLE_LEFT},
	                                              {"", TABLE_RIGHT},
	                                              {"", TABLE_LEFT},
	                                              {"", TABLE_LEFT}};
	const char *before = "";
	struct table t;

	quote_printf(to, "%s\n", o->store->run.tunnel[0].spec);
	table_init(&t, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < o->series.n; i++) {
		const struct series *s = &o->series.series[i];
		struct figure f = figure_of(s, 0);
		struct text text = {0};

		if (strcmp(before, s->workload))
			words_workload(&text, s->workload);
		before = s->workload;
		table_add(&t, TABLE_PLAIN, "  %s", text_string(&text));
		table_add(&t, TABLE_PLAIN, "%s", words_metric(s->metric));
		text_set(&text, "%s", "");
		words_value(&text, f.value);
		table_add(&t, TABLE_PLAIN, "%s", text_string(&text));
		table_add(&t, TABLE_PLAIN, "%s", s->unit);
		if (isfinite(f.low))
			table_add(&t, TABLE_DIM, "[%.4g, %.4g]", f.low, f.high);
		else
			table_add(&t, TABLE_DIM, "no interval of %zu block%s", f.blocks,
			          text_plural(f.blocks));
		text_free(&text);
	}
	table_print_rows(&t, to);
	table_free(&t);
	fputc('\n', to);
}

// ---- what it rests on

static void put_basis(FILE *to, const struct outcome *o, unsigned columns)
{
	const struct run *run = &o->store->run;
	struct text line = {0};
	size_t blocks = facts_blocks(o);

	text_add(&line, "%zu ", blocks);
	text_add(&line, "%sblock%s, %u of %zu trials clean, 95 %% intervals",
	         run->tunnels > 1 ? "paired " : "", text_plural(blocks), o->series.trials[TRIAL_OK],
	         o->store->trials);
	if (run->tunnels > 1)
		text_add(&line, ", threshold %g %%", o->verdicts.gate_percent);
	text_add(&line, ". Run %s.", run->id);
	put_wrapped(to, text_string(&line), columns, "");
	text_free(&line);
}

// What would decide. A command is for copying, so it stays one line.
static void put_remedy(FILE *to, const struct outcome *o, unsigned columns)
{
	struct text text = {0};

	if (facts_remedy(&text, o)) {
		fputs("To decide:\n", to);
		quote_printf(to, "  %s\n", text_string(&text));
	} else {
		put_wrapped(to, text_string(&text), columns, "  ");
	}
	text_free(&text);
}

// ---- goals

static void put_goals(FILE *to, const struct outcome *o)
{
	struct text line = {0};

	if (o->goals)
		fputs("Goals of the plan\n", to);
	for (size_t i = 0; i < o->goals; i++) {
		text_cut(&line, 0);
		facts_goal(&line, &o->goal[i]);
		quote_printf(to, "  %s\n", text_string(&line));
	}
	if (o->goals)
		fputc('\n', to);
	text_free(&line);
}

void brief_print(const struct outcome *o, unsigned columns, FILE *to)
{
	struct text line = {0};
	size_t n = 0;
	struct summary *s = summaries_of(o, &n);

	for (size_t i = 0; i < n; i++)
		if (!s[i].control)
			put_comparison(to, o, &s[i], columns);
	for (size_t i = 0; i < n; i++)
		if (s[i].control)
			put_control(to, o, &s[i], columns);
	if (!n)
		put_figures(to, o);
	put_goals(to, o);
	facts_meanings(&line, o);
	if (line.length)
		put_wrapped(to, text_string(&line), columns, "");
	text_cut(&line, 0);
	put_basis(to, o, columns);
	if (o->remark.length)
		put_wrapped(to, text_string(&o->remark), columns, "");
	if (n) {
		headline_answer(&line, o);
		put_wrapped(to, text_string(&line), columns, "");
		if (outcome_answer(o) == OUTCOME_UNDECIDED && !o->missing && !o->unfinished)
			put_remedy(to, o, columns);
	}
	text_free(&line);
	free(s);
}
