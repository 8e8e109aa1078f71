#include "harness/commands/micro/print.h"

#include "base/file.h"
#include "base/quote.h"
#include "base/text.h"
#include "harness/commands/micro/plot.h"
#include "harness/commands/micro/summary.h"
#include "harness/show/document.h"
#include "harness/show/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTER_COLUMNS_MAX = TABLE_COLUMNS_MAX - 2 };

static const char unavailable[] = "unavailable";

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
static size_t name_counters(const struct micro_result *r, json_t *asked,
                            const char *names[COUNTER_COLUMNS_MAX])
{
	size_t n = 0, i;
	json_t *name;

	json_array_foreach(asked, i, name)
	{
		if (n < COUNTER_COLUMNS_MAX)
			names[n++] = json_string_value(name);
	}
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

// The reason why what was asked for isn't counted, or NULL.
static const char *reason_of(json_t *slot, const char *variant, const char *counter)
{
	json_t *context = json_object_get(json_object_get(slot, "contexts"), variant);
	char key[96];

	snprintf(key, sizeof(key), "counter:%s", counter);
	const char *said = json_string_value(json_object_get(context, key));
	return said && !strncmp(said, unavailable, strlen(unavailable)) ? said : NULL;
}

static void add_counter(struct table *t, const struct micro_entry *e, const char *name,
                        size_t variant, const char *reason)
{
	const struct micro_counter *c = find_counter(e, name);
	char number[32];

	if (c && isfinite(c->median[variant]))
		table_add(t, TABLE_PLAIN, "%s", show_number(c->median[variant], number));
	else
		table_add(t, TABLE_DIM, "%s", reason ? unavailable : "-");
}

// false: there is no counter at all.
static bool make_counters(const struct micro_result *r, json_t *slot, json_t *asked,
                          struct table *t)
{
	struct table_column columns[TABLE_COLUMNS_MAX] = {{"benchmark", TABLE_LEFT},
	                                                  {"variant", TABLE_LEFT}};
	const char *names[COUNTER_COLUMNS_MAX];
	size_t n = name_counters(r, asked, names);

	if (!n)
		return false;
	for (size_t i = 0; i < n; i++)
		columns[2 + i] = (struct table_column){names[i], TABLE_RIGHT};
	table_init(t, columns, 2 + n);
	for (const struct micro_entry *e = r->entry; e < r->entry + r->entries; e++)
		for (size_t v = 0; v < r->variants; v++) {
			if (!e->cell[v].runs || e->cell[v].order ||
			    (!e->counters && !json_array_size(asked)))
				continue;
			table_add(t, TABLE_PLAIN, "%s", e->shown);
			table_add(t, TABLE_PLAIN, "%s", r->variant[v]);
			for (size_t i = 0; i < n; i++)
				add_counter(t, e, names[i], v,
				            reason_of(slot, r->variant[v], names[i]));
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

static char *describe_reasons(const struct micro_result *r, json_t *slot, json_t *asked)
{
	struct text text = {0};
	json_t *name;
	size_t i;

	json_array_foreach(asked, i, name)
	{
		const char *word = json_string_value(name);
		const char *reason = reason_of(slot, r->variant[0], word);

		if (reason)
			text_add(&text, "%s%s: %s", text.length ? "; " : "", word, reason);
	}
	return text_take(&text);
}

static int count_failures(const struct micro_result *r)
{
	int failed = 0;

	for (size_t e = 0; e < r->entries; e++)
		for (size_t v = 0; v < r->variants; v++)
			failed += r->entry[e].cell[v].error != NULL;
	return failed;
}

// Calls `each` for every slot that has runs, and adds what it returns. -EINVAL after a line.
static int each_slot(json_t *raw, int (*each)(struct micro_result *, json_t *slot, void *context),
                     void *context)
{
	json_t *slot;
	size_t i;
	int sum = 0;

	json_array_foreach(json_object_get(raw, "slots"), i, slot)
	{
		struct micro_result r;
		int ret;

		if (!json_array_size(json_object_get(slot, "runs")))
			continue;
		ret = micro_result_make(&r, slot);
		if (ret) {
			fprintf(stderr, "wgbench micro: slot %zu of the runs isn't well formed\n",
			        i + 1);
			return ret;
		}
		ret = each(&r, slot, context);
		micro_result_free(&r);
		if (ret < 0)
			return ret;
		sum += ret;
	}
	return sum;
}

// ---- text

struct printing {
	json_t *raw;
	FILE *to;
};

static int print_slot(struct micro_result *r, json_t *slot, void *context)
{
	struct printing *p = context;
	json_t *asked = json_object_get(p->raw, "counters");
	char *text = describe_times(r);
	struct table t;

	quote_printf(p->to, "%s: %s\n\n", r->slot, text);
	free(text);
	make_times(r, &t);
	table_print(&t, p->to);
	table_free(&t);
	fprintf(p->to, "\n");
	if (make_counters(r, slot, asked, &t)) {
		table_print(&t, p->to);
		table_free(&t);
		text = describe_reasons(r, slot, asked);
		quote_printf(p->to, *text ? "%s\n\n" : "%s\n", text);
		free(text);
	}
	return count_failures(r);
}

int micro_show_text(json_t *raw, FILE *to)
{
	return each_slot(raw, print_slot, &(struct printing){raw, to});
}

// ---- JSON

static json_t *cell_json(const struct micro_entry *e, size_t variant)
{
	const struct micro_cell *c = &e->cell[variant];
	json_t *object = json_pack("{si}", "runs", (int)c->runs);
	json_t *counters = json_object();

	if (c->error)
		json_object_set_new(object, "error", json_string(c->error));
	if (c->order)
		json_object_set_new(object, "order", json_string(c->order));
	if (c->runs)
		json_object_update_new(object,
		                       json_pack("{sf sf sf}", "median_ns", c->median, "least_ns",
		                                 c->least, "greatest_ns", c->greatest));
	if (c->blocks)
		json_object_update_new(object,
		                       json_pack("{si sf sf sf ss}", "blocks", (int)c->blocks,
		                                 "ratio", c->ratio, "low", c->low, "high", c->high,
		                                 "interval", c->exact ? "95 %" : "range"));
	for (size_t i = 0; i < e->counters; i++)
		if (isfinite(e->counter[i].median[variant]))
			json_object_set_new(counters, e->counter[i].name,
			                    json_real(e->counter[i].median[variant]));
	json_object_set_new(object, "counters", counters);
	return object;
}

struct collecting {
	json_t *slots, *asked;
};

static int collect_slot(struct micro_result *r, json_t *slot, void *context)
{
	struct collecting *collecting = context;
	json_t *entries = json_array(), *missing = json_object(), *name;
	size_t i;

	for (const struct micro_entry *e = r->entry; e < r->entry + r->entries; e++) {
		json_t *variants = json_object();

		for (size_t v = 0; v < r->variants; v++)
			if (e->cell[v].runs || e->cell[v].error)
				json_object_set_new(variants, r->variant[v], cell_json(e, v));
		json_array_append_new(
		    entries, json_pack("{ss ss ss so}", "name", e->shown, "sweep", e->sweep, "time",
		                       e->passing ? "real" : "cpu", "variants", variants));
	}
	json_array_foreach(collecting->asked, i, name)
	{
		const char *word = json_string_value(name);
		const char *reason = reason_of(slot, r->variant[0], word);

		if (reason)
			json_object_set_new(missing, word, json_string(reason));
	}
	json_array_append_new(collecting->slots, json_pack("{ss ss so so}", "slot", r->slot, "base",
	                                                   r->variant[r->base], "entries", entries,
	                                                   "unavailable", missing));
	return count_failures(r);
}

int micro_show_json(json_t *raw, FILE *to)
{
	struct collecting collecting = {json_array(), json_object_get(raw, "counters")};
	int ret = each_slot(raw, collect_slot, &collecting);
	json_t *all = json_pack("{sO sO so}", "schema", json_object_get(raw, "schema"), "id",
	                        json_object_get(raw, "id"), "slots", collecting.slots);

	if (ret >= 0) {
		json_dumpf(all, to, output_json_flags(to));
		fprintf(to, "\n");
	}
	json_decref(all);
	return ret;
}

// ---- report

struct reporting {
	json_t *raw;
	const char *root;
	struct document document;
};

static int report_slot(struct micro_result *r, json_t *slot, void *context)
{
	struct reporting *p = context;
	json_t *asked = json_object_get(p->raw, "counters");
	char *text = describe_times(r);
	struct table t;

	document_heading(&p->document, r->slot);
	document_paragraph(&p->document, "%s", text);
	free(text);
	make_times(r, &t);
	document_table(&p->document, &t);
	table_free(&t);
	if (make_counters(r, slot, asked, &t)) {
		document_table(&p->document, &t);
		table_free(&t);
		text = describe_reasons(r, slot, asked);
		if (*text)
			document_paragraph(&p->document, "%s", text);
		free(text);
	}
	return micro_plot_slot(&p->document, p->root, r);
}

int micro_show_report(json_t *raw, const char *root, const char *dir)
{
	struct reporting p = {.raw = raw, .root = root};
	char *title =
	    text_format("Microbenchmarks %s", json_string_value(json_object_get(raw, "id")));
	int ret = document_begin(&p.document, dir, title);

	if (!ret) {
		ret = each_slot(raw, report_slot, &p);
		if (ret < 0)
			document_abandon(&p.document);
		else
			ret = document_end(&p.document);
	}
	free(title);
	return ret;
}
