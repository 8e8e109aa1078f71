#include "harness/commands/micro/print.h"

#include "base/quote.h"
#include "base/text.h"
#include "harness/commands/micro/plot.h"
#include "harness/show/document.h"
#include "harness/show/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTER_COLUMNS_MAX = TABLE_COLUMNS_MAX - 2 };

// ---- numbers

// Four digits, with k, M, G or T from 10,000 on.
static const char *show_number(double value, char text[32])
{
	static const char *const suffix[] = {"", " k", " M", " G", " T"};
	size_t i = 0;

	if (fabs(value) >= 10000)
		for (; fabs(value) >= 1000 && i < 4; i++)
			value /= 1000;
	snprintf(text, 32, "%.4g%s", value, suffix[i]);
	return text;
}

static void add_time(struct table *t, const struct micro_cell *c)
{
	char number[32];

	if (c->error)
		table_add(t, TABLE_RED, "%s", c->error);
	else if (!c->runs)
		table_add(t, TABLE_DIM, "-");
	else
		table_add(t, TABLE_PLAIN, "%s%s%s", show_number(c->median, number),
		          c->order ? " " : "", c->order ? c->order : "");
}

static void add_ratio(struct table *t, const struct micro_cell *c)
{
	enum table_colour colour = !c->exact     ? TABLE_DIM
	                           : c->low > 1  ? TABLE_RED
	                           : c->high < 1 ? TABLE_GREEN
	                                         : TABLE_PLAIN;

	if (c->error || !c->blocks)
		table_add(t, TABLE_DIM, "-");
	else
		table_add(t, colour, "%.3f [%.3f, %.3f]", c->ratio, c->low, c->high);
}

// ---- tables

static void make_times(const struct micro_result *r, struct table *t)
{
	struct table_column columns[TABLE_COLUMNS_MAX] = {
	    {"benchmark", TABLE_LEFT}, {"time", TABLE_LEFT}, {r->variant[r->base], TABLE_RIGHT}};
	size_t n = 3, shown[SPEC_VARIANTS_MAX], others = 0;

	for (size_t v = 0; v < r->variants && n + 2 <= TABLE_COLUMNS_MAX; v++) {
		if (v == r->base)
			continue;
		shown[others++] = v;
		columns[n++] = (struct table_column){r->variant[v], TABLE_RIGHT};
		columns[n++] = (struct table_column){r->against, TABLE_RIGHT};
	}
	table_init(t, columns, n);
	for (const struct micro_entry *e = r->entry; e < r->entry + r->entries; e++) {
		table_add(t, TABLE_PLAIN, "%s", e->shown);
		table_add(t, TABLE_DIM, "%s", e->passing ? "real" : "cpu");
		add_time(t, &e->cell[r->base]);
		for (size_t i = 0; i < others; i++) {
			add_time(t, &e->cell[shown[i]]);
			add_ratio(t, &e->cell[shown[i]]);
		}
	}
}

// The names of the slot's counters: those asked for first, then those that entries have.
static size_t name_counters(const struct micro_result *r, const struct micro_raw *raw,
                            const char *names[COUNTER_COLUMNS_MAX])
{
	size_t n = 0, i;

	for (; n < raw->counters && n < COUNTER_COLUMNS_MAX; n++)
		names[n] = raw->counter[n];
	for (const struct micro_entry *e = r->entry; e < r->entry + r->entries; e++)
		for (size_t c = 0; c < e->counters; c++) {
			for (i = 0; i < n && strcmp(names[i], e->counter[c].name); i++)
				;
			if (i == n && n < COUNTER_COLUMNS_MAX)
				names[n++] = e->counter[c].name;
		}
	return n;
}

static const struct micro_counter *find_counter(const struct micro_entry *e, const char *name)
{
	for (size_t c = 0; c < e->counters; c++)
		if (!strcmp(e->counter[c].name, name))
			return &e->counter[c];
	return NULL;
}

static void add_counter(struct table *t, const struct micro_entry *e, const char *name,
                        size_t variant, const char *reason)
{
	const struct micro_counter *c = find_counter(e, name);
	char number[32];

	if (c && isfinite(c->median[variant]))
		table_add(t, TABLE_PLAIN, "%s", show_number(c->median[variant], number));
	else
		table_add(t, TABLE_DIM, "%s", reason ? MICRO_UNAVAILABLE : "-");
}

// false: there is no counter at all.
static bool make_counters(const struct micro_result *r, const struct micro_runs *runs,
                          const struct micro_raw *raw, struct table *t)
{
	struct table_column columns[TABLE_COLUMNS_MAX] = {{"benchmark", TABLE_LEFT},
	                                                  {"variant", TABLE_LEFT}};
	const char *names[COUNTER_COLUMNS_MAX];
	size_t n = name_counters(r, raw, names);

	if (!n)
		return false;
	for (size_t i = 0; i < n; i++)
		columns[2 + i] = (struct table_column){names[i], TABLE_RIGHT};
	table_init(t, columns, 2 + n);
	for (const struct micro_entry *e = r->entry; e < r->entry + r->entries; e++)
		for (size_t v = 0; v < r->variants; v++) {
			if (!e->cell[v].runs || e->cell[v].order ||
			    (!e->counters && !raw->counters))
				continue;
			table_add(t, TABLE_PLAIN, "%s", e->shown);
			table_add(t, TABLE_PLAIN, "%s", r->variant[v]);
			for (size_t i = 0; i < n; i++)
				add_counter(t, e, names[i], v,
				            micro_reason(runs, r->variant[v], names[i]));
		}
	if (t->cells)
		return true;
	table_free(t);
	return false;
}

// Complete ones: an interrupted run has fewer than it was to have.
static size_t count_blocks(const struct micro_result *r)
{
	size_t blocks = 0;

	for (size_t e = 0; e < r->entries; e++)
		for (size_t v = 0; v < r->variants; v++)
			if (r->entry[e].cell[v].runs / 2 > blocks)
				blocks = r->entry[e].cell[v].runs / 2;
	return blocks;
}

static char *describe_times(const struct micro_result *r)
{
	size_t blocks = count_blocks(r);

	return text_format("ns per iteration, medians of %zu runs; after each its ratio to %s, %s "
	                   "of %zu block%s. time: CPU time of the thread, or real (elapsed) time.",
	                   2 * blocks, r->variant[r->base],
	                   blocks < MICRO_EXACT_BLOCKS ? "with the range"
	                                               : "with the 95 % interval",
	                   blocks, text_plural(blocks));
}

static char *describe_reasons(const struct micro_result *r, const struct micro_runs *runs,
                              const struct micro_raw *raw)
{
	struct text text = {0};

	for (size_t i = 0; i < raw->counters; i++) {
		const char *word = raw->counter[i];
		const char *reason = micro_reason(runs, r->variant[0], word);

		if (reason)
			text_add(&text, "%s%s: %s", text.length ? "; " : "", word, reason);
	}
	return text_take(&text);
}

int micro_count_failures(const struct micro_result *r)
{
	int failed = 0;

	for (size_t e = 0; e < r->entries; e++)
		for (size_t v = 0; v < r->variants; v++)
			failed += r->entry[e].cell[v].error != NULL;
	return failed;
}

int micro_each_slot(const struct micro_raw *raw, micro_each *each, void *context)
{
	int sum = 0;

	for (size_t i = 0; i < raw->slots; i++) {
		const struct micro_runs *runs = &raw->slot[i];
		struct micro_result r;
		int ret;

		if (!runs->runs)
			continue;
		ret = micro_result_make(&r, runs);
		if (ret) {
			fprintf(stderr, "wgbench micro: slot %zu of the runs isn't well formed\n",
			        i + 1);
			return ret;
		}
		ret = each(&r, runs, context);
		micro_result_free(&r);
		if (ret < 0)
			return ret;
		sum += ret;
	}
	return sum;
}

// ---- text

struct printing {
	const struct micro_raw *raw;
	FILE *to;
};

static int print_slot(const struct micro_result *r, const struct micro_runs *runs, void *context)
{
	struct printing *p = context;
	char *text = describe_times(r);
	struct table t;

	quote_printf(p->to, "%s: %s\n\n", r->slot, text);
	free(text);
	make_times(r, &t);
	table_print(&t, p->to);
	table_free(&t);
	fprintf(p->to, "\n");
	if (make_counters(r, runs, p->raw, &t)) {
		table_print(&t, p->to);
		table_free(&t);
		text = describe_reasons(r, runs, p->raw);
		quote_printf(p->to, *text ? "%s\n\n" : "%s\n", text);
		free(text);
	}
	return micro_count_failures(r);
}

int micro_show_text(const struct micro_raw *raw, FILE *to)
{
	return micro_each_slot(raw, print_slot, &(struct printing){raw, to});
}

// ---- report

struct reporting {
	const struct micro_raw *raw;
	const char *root;
	struct document document;
};

static int report_slot(const struct micro_result *r, const struct micro_runs *runs, void *context)
{
	struct reporting *p = context;
	char *text = describe_times(r);
	struct table t;

	document_heading(&p->document, r->slot);
	document_paragraph(&p->document, "%s", text);
	free(text);
	make_times(r, &t);
	document_table(&p->document, &t);
	table_free(&t);
	if (make_counters(r, runs, p->raw, &t)) {
		document_table(&p->document, &t);
		table_free(&t);
		text = describe_reasons(r, runs, p->raw);
		if (*text)
			document_paragraph(&p->document, "%s", text);
		free(text);
	}
	return micro_plot_slot(&p->document, p->root, r);
}

int micro_show_report(const struct micro_raw *raw, const char *root, const char *dir)
{
	struct reporting p = {.raw = raw, .root = root};
	char *title = text_format("Microbenchmarks %s", raw->id);
	int ret = document_begin(&p.document, dir, title);

	if (!ret) {
		ret = micro_each_slot(raw, report_slot, &p);
		if (ret < 0)
			document_abandon(&p.document);
		else
			ret = document_end(&p.document);
	}
	free(title);
	return ret;
}
