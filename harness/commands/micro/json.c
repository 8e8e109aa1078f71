// Results as JSON.
#include "base/fields.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/schema.h"
#include "base/text.h"
#include "harness/commands/micro/print.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_SCHEMA = 1 };

struct shown_counter {
	const char *name;
	double value;
};

struct shown_cell {
	const char *variant;
	size_t runs;
	const char *error, *order;      // or NULL
	double median, least, greatest; // NAN: no time was measured, as below
	size_t blocks;
	double ratio, low, high;
	const char *interval; // what low and high are
	size_t counters;
	struct shown_counter *counter;
};

struct shown_entry {
	char *name, *sweep;
	const char *time; // "real" or "cpu"
	size_t variants;
	struct shown_cell *variant;
};

struct shown_reason {
	const char *counter, *reason;
};

struct shown_slot {
	char *slot, *base;
	size_t entries, reasons;
	struct shown_entry *entry;
	struct shown_reason *reason;
};

struct shown {
	const struct micro_raw *raw;
	const char *id;
	size_t slots;
	struct shown_slot *slot;
};

#define NUMBER(key, member)                                                                        \
	{                                                                                          \
		key, FIELD_NUMBER, FIELD_OPTIONAL, HERE(member), .otherwise = NAN                  \
	}
#define HERE(member) FIELD_IN(struct shown_cell, member)
static const struct field counter = {.kind = FIELD_NUMBER, FIELD_IN(struct shown_counter, value)};
static const struct field cell_rows[] = {
    {"runs", FIELD_INTEGER, HERE(runs)},
    {"error", FIELD_TEXT, FIELD_OPTIONAL, HERE(error)},
    {"order", FIELD_TEXT, FIELD_OPTIONAL, HERE(order)},
    NUMBER("median_ns", median),
    NUMBER("least_ns", least),
    NUMBER("greatest_ns", greatest),
    {"blocks", FIELD_INTEGER, FIELD_OPTIONAL, HERE(blocks)},
    NUMBER("ratio", ratio),
    NUMBER("low", low),
    NUMBER("high", high),
    {"interval", FIELD_TEXT, FIELD_OPTIONAL, HERE(interval)},
    {"counters", FIELD_MAP, FIELD_LIST(struct shown_cell, counter, counters), .rows = &counter},
    {0},
};
#undef HERE
#undef NUMBER
static const struct field cell = {.kind = FIELD_OBJECT, .rows = cell_rows};

#define HERE(member) FIELD_IN(struct shown_entry, member)
static const struct field entry_rows[] = {
    {"name", FIELD_TEXT, HERE(name)},
    {"sweep", FIELD_TEXT, HERE(sweep)},
    {"time", FIELD_TEXT, HERE(time)},
    {"variants", FIELD_MAP, FIELD_LIST(struct shown_entry, variant, variants), .rows = &cell},
    {0},
};
#undef HERE
static const struct field entry = {.kind = FIELD_OBJECT, .rows = entry_rows};

#define HERE(member) FIELD_IN(struct shown_slot, member)
static const struct field reason = {.kind = FIELD_TEXT, FIELD_IN(struct shown_reason, reason)};
static const struct field slot_rows[] = {
    {"slot", FIELD_TEXT, HERE(slot)},
    {"base", FIELD_TEXT, HERE(base)},
    {"entries", FIELD_ARRAY, FIELD_LIST(struct shown_slot, entry, entries), .rows = &entry},
    {"unavailable", FIELD_MAP, FIELD_LIST(struct shown_slot, reason, reasons), .rows = &reason},
    {0},
};
#undef HERE
static const struct field slot = {.kind = FIELD_OBJECT, .rows = slot_rows};

static const struct field rows[] = {
    {"id", FIELD_TEXT, FIELD_IN(struct shown, id)},
    {"slots", FIELD_ARRAY, FIELD_LIST(struct shown, slot, slots), .rows = &slot},
    {0},
};

static struct shown_cell describe_cell(const struct micro_result *r, const struct micro_entry *e,
                                       size_t variant)
{
	const struct micro_cell *c = &e->cell[variant];
	struct shown_cell d = {.variant = r->variant[variant],
	                       .runs = c->runs,
	                       .error = c->error,
	                       .order = c->order,
	                       .median = c->runs ? c->median : NAN,
	                       .least = c->runs ? c->least : NAN,
	                       .greatest = c->runs ? c->greatest : NAN,
	                       .blocks = c->blocks,
	                       .ratio = c->blocks ? c->ratio : NAN,
	                       .low = c->blocks ? c->low : NAN,
	                       .high = c->blocks ? c->high : NAN,
	                       .interval = !c->blocks ? NULL
	                                   : c->exact ? "95 %"
	                                              : "range",
	                       .counter = memory_new(e->counters, sizeof(*d.counter))};

	for (size_t i = 0; i < e->counters; i++)
		if (isfinite(e->counter[i].median[variant]))
			d.counter[d.counters++] = (struct shown_counter){
			    e->counter[i].name, e->counter[i].median[variant]};
	return d;
}

// Names that were cut may end within a character.
static struct shown_entry describe_entry(const struct micro_result *r, const struct micro_entry *e)
{
	struct shown_entry d = {.name = output_clean(e->shown),
	                        .sweep = output_clean(e->sweep),
	                        .time = e->passing ? "real" : "cpu",
	                        .variant = memory_new(r->variants, sizeof(*d.variant))};

	for (size_t v = 0; v < r->variants; v++)
		if (e->cell[v].runs || e->cell[v].error)
			d.variant[d.variants++] = describe_cell(r, e, v);
	return d;
}

static void add_reason(struct shown_slot *s, const char *of, const char *why)
{
	for (size_t i = 0; i < s->reasons; i++)
		if (!strcmp(s->reason[i].counter, of))
			return;
	s->reason[s->reasons++] = (struct shown_reason){of, why};
}

// What a result points to goes with it, but for what is of the runs.
static int add_slot(const struct micro_result *r, const struct micro_runs *runs, void *context)
{
	struct shown *s = context;
	struct shown_slot *to = &s->slot[s->slots++];

	*to = (struct shown_slot){.slot = runs->slot,
	                          .base = runs->base,
	                          .entries = r->entries,
	                          .entry = memory_new(r->entries, sizeof(*to->entry)),
	                          .reason = memory_new(s->raw->counters, sizeof(*to->reason))};
	for (size_t i = 0; i < r->entries; i++)
		to->entry[i] = describe_entry(r, &r->entry[i]);
	for (size_t i = 0; i < s->raw->counters; i++) {
		const char *why = micro_reason(runs, r->variant[0], s->raw->counter[i]);

		if (why)
			add_reason(to, s->raw->counter[i], why);
	}
	return micro_count_failures(r);
}

static void free_entry(struct shown_entry *e)
{
	for (size_t i = 0; i < e->variants; i++)
		free(e->variant[i].counter);
	free(e->variant);
	free(e->name);
	free(e->sweep);
}

static void free_shown(struct shown *s)
{
	for (size_t i = 0; i < s->slots; i++) {
		for (size_t e = 0; e < s->slot[i].entries; e++)
			free_entry(&s->slot[i].entry[e]);
		free(s->slot[i].entry);
		free(s->slot[i].reason);
	}
	free(s->slot);
}

int micro_show_json(const struct micro_raw *raw, FILE *to)
{
	struct shown s = {
	    .raw = raw, .id = raw->id, .slot = memory_new(raw->slots, sizeof(*s.slot))};
	int ret = micro_each_slot(raw, add_slot, &s);

	if (ret >= 0) {
		json_t *document = schema_write(&s, SHOWN_SCHEMA, rows);

		json_dumpf(document, to, output_json_flags(to));
		fprintf(to, "\n");
		json_decref(document);
	}
	free_shown(&s);
	return ret;
}
