#include "harness/commands/micro/raw.h"

#include "base/memory.h"
#include "base/schema.h"
#include "base/text.h"
#include "harness/spec/parse.h"
#include "harness/stats/basic.h"

#include <string.h>

enum { MICRO_SCHEMA = 1, MANY = 1 << 16, NAME_BYTES = 63, TEXTS_MAX = 4096 };
#define COUNT_MAX 4294967295.0
#define SEED_MAX 0x1p53

static const struct field word = {.kind = FIELD_TEXT, FIELD_EACH(char *), .min = 1, .max = 255};
static const struct field argument = {.kind = FIELD_TEXT, FIELD_EACH(char *), .max = TEXTS_MAX};
static const struct field variant = {
    .kind = FIELD_NAME, FIELD_EACH(char *), .min = 1, .max = NAME_BYTES};
static const struct field context = {.kind = FIELD_OBJECT, FIELD_IN(struct micro_context, said)};

// Each other field that Google Benchmark gives is looked at where it is taken.
static const struct field benchmark_rows[] = {
    {"name", FIELD_TEXT, .min = 1, .max = 255},
    {"aggregate_name", FIELD_TEXT, FIELD_OPTIONAL, .max = 255},
    {"error_message", FIELD_TEXT, FIELD_OPTIONAL, .max = 4096},
    {0},
};
static const struct field benchmark = {.kind = FIELD_OBJECT, .rows = benchmark_rows};

#define HERE(member) FIELD_IN(struct micro_run, member)
static const struct field run_rows[] = {
    {"variant", FIELD_NAME, HERE(variant), .min = 1, .max = NAME_BYTES},
    {"sweep", FIELD_TEXT, FIELD_OPTIONAL, HERE(sweep), .max = 255},
    {"block", FIELD_INTEGER, HERE(block), .max = STATS_BLOCKS_MAX - 1},
    {"position", FIELD_INTEGER, FIELD_ADDED, HERE(position), .max = COUNT_MAX},
    {"benchmarks", FIELD_ARRAY, HERE(benchmarks), .max = MANY, .rows = &benchmark},
    {0},
};
#undef HERE
static const struct field run = {.kind = FIELD_OBJECT, .rows = run_rows};

#define HERE(member) FIELD_IN(struct micro_runs, member)
#define LIST(member, count) FIELD_LIST(struct micro_runs, member, count)
static const struct field slot_rows[] = {
    {"slot", FIELD_NAME, HERE(slot), .min = 1, .max = NAME_BYTES},
    {"variants", FIELD_ARRAY, LIST(variant, variants), .max = SPEC_VARIANTS_MAX, .rows = &variant},
    {"base", FIELD_NAME, HERE(base), .max = NAME_BYTES},
    {"contexts", FIELD_MAP, FIELD_ADDED, LIST(context, contexts), .max = SPEC_VARIANTS_MAX,
     .keys = FIELD_NAME, .rows = &context},
    {"runs", FIELD_ARRAY, FIELD_ADDED, LIST(run, runs), .max = MANY, .rows = &run},
    {0},
};
#undef HERE
#undef LIST
static const struct field slot = {.kind = FIELD_OBJECT, .rows = slot_rows};

#define HERE(member) FIELD_IN(struct micro_raw, member)
#define LIST(member, count) FIELD_LIST(struct micro_raw, member, count)
static const struct field rows[] = {
    {"id", FIELD_NAME, HERE(id), .min = 1, .max = 127},
    {"created", FIELD_TIME, FIELD_OPTIONAL, HERE(created)},
    {"command", FIELD_ARRAY, FIELD_ADDED, LIST(command, words), .max = TEXTS_MAX,
     .rows = &argument},
    {"seed", FIELD_INTEGER, FIELD_ADDED, HERE(seed), .max = SEED_MAX},
    {"repetitions", FIELD_INTEGER, FIELD_ADDED, HERE(repetitions), .max = COUNT_MAX},
    {"min_time_s", FIELD_NUMBER, FIELD_ADDED, HERE(min_time_s), .max = 1e9},
    {"counters", FIELD_ARRAY, FIELD_ADDED, LIST(counter, counters), .max = 64, .rows = &word},
    {"environment", FIELD_OBJECT, FIELD_OPTIONAL, HERE(environment)},
    {"slots", FIELD_ARRAY, LIST(slot, slots), .max = 64, .rows = &slot},
    {0},
};
#undef HERE
#undef LIST

int micro_raw_load(struct micro_raw *raw, const char *path, struct text *fault)
{
	return schema_load(raw, path, MICRO_SCHEMA, rows, fault);
}

json_t *micro_raw_write(const struct micro_raw *raw)
{
	return schema_write(raw, MICRO_SCHEMA, rows);
}

void micro_raw_free(struct micro_raw *raw)
{
	fields_free(raw, rows);
}

void micro_runs_add(struct micro_runs *s, const char *of, const char *sweep, unsigned block,
                    unsigned position, json_t *benchmarks)
{
	s->run = memory_more(s->run, s->runs, &s->room, sizeof(*s->run));
	s->run[s->runs++] = (struct micro_run){.variant = text_format("%s", of),
	                                       .sweep = text_format("%s", sweep),
	                                       .block = block,
	                                       .position = position,
	                                       .benchmarks = benchmarks};
}

const struct micro_context *micro_runs_context(const struct micro_runs *s, const char *of)
{
	for (size_t i = 0; i < s->contexts; i++)
		if (!strcmp(s->context[i].variant, of))
			return &s->context[i];
	return NULL;
}

void micro_runs_add_context(struct micro_runs *s, const char *of, json_t *said)
{
	s->context = memory_resize(s->context, s->contexts + 1, sizeof(*s->context));
	s->context[s->contexts++] = (struct micro_context){text_format("%s", of), said};
}
