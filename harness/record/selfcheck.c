#include "harness/record/selfcheck.h"

#include "base/schema.h"

enum { SCHEMA = 1, RUNS_MAX = 4096, ROWS_MAX = 1 << 16 };
#define COUNT_MAX 4294967295.0
#define PERCENT_MAX 1e9
#define SHARE_MAX 1.000001 // of draws: one is added to another, and each sum is rounded

static const struct field run_id = {
    .kind = FIELD_NAME, FIELD_EACH(char *), .min = 1, .max = RUN_ID_BYTES};

#define WORKLOAD_AND_METRIC                                                                        \
	{"workload", FIELD_WORKLOAD, HERE(workload), .min = 1, .max = RUN_WORKLOAD_BYTES},         \
	{                                                                                          \
		"metric", FIELD_METRIC, HERE(metric), .min = 1, .max = RUN_METRIC_BYTES            \
	}

#define HERE(member) FIELD_IN(struct selfcheck_row, member)
static const struct field row_fields[] = {
    WORKLOAD_AND_METRIC,
    {"blocks", FIELD_INTEGER, HERE(blocks), .min = 1, .max = RUN_BLOCKS_MAX},
    {"from_blocks", FIELD_INTEGER, FIELD_ADDED, HERE(from_blocks), .max = COUNT_MAX},
    {"sd_percent", FIELD_NUMBER, FIELD_ADDED, HERE(sd_percent), .max = PERCENT_MAX},
    {"different", FIELD_NUMBER, HERE(different), .max = SHARE_MAX},
    {"called", FIELD_NUMBER, FIELD_ADDED, HERE(called), .max = SHARE_MAX},
    {"found_percent", FIELD_NUMBER, FIELD_OR_NULL, HERE(found_percent), .max = PERCENT_MAX},
    {0},
};
#undef HERE
static const struct field row = {.kind = FIELD_OBJECT, .rows = row_fields};

#define HERE(member) FIELD_IN(struct selfcheck_budget_row, member)
static const struct field budget_fields[] = {
    WORKLOAD_AND_METRIC,
    {"budget_s", FIELD_NUMBER, HERE(budget_s), .max = RUN_BUDGET_MAX_S},
    {"effect_percent", FIELD_NUMBER, HERE(effect_percent), .max = PERCENT_MAX},
    {"beyond", FIELD_NUMBER, HERE(beyond), .max = SHARE_MAX},
    {"beyond_low", FIELD_NUMBER, FIELD_ADDED, HERE(beyond_low), .max = SHARE_MAX},
    {"beyond_high", FIELD_NUMBER, FIELD_ADDED, HERE(beyond_high), .max = SHARE_MAX},
    {"same", FIELD_NUMBER, HERE(same), .max = SHARE_MAX},
    {"different", FIELD_NUMBER, HERE(different), .max = SHARE_MAX},
    {"blocks", FIELD_NUMBER, HERE(blocks), .max = RUN_BLOCKS_MAX},
    {0},
};
#undef HERE
static const struct field budget = {.kind = FIELD_OBJECT, .rows = budget_fields};

// The first ones were of one "run", without limits.
#define HERE(member) FIELD_IN(struct selfcheck, member)
static const struct field rows[] = {
    {"runs", FIELD_ARRAY, FIELD_ADDED, FIELD_LIST(struct selfcheck, run, runs), .max = RUNS_MAX,
     .rows = &run_id},
    {"created", FIELD_TIME, HERE(created)},
    {"machine", FIELD_OBJECT, FIELD_OPTIONAL, HERE(machine)},
    {"gate_percent", FIELD_NUMBER, FIELD_ADDED, HERE(gate_percent), .max = RUN_GATE_MAX},
    {"draws", FIELD_INTEGER, FIELD_ADDED, HERE(draws), .max = COUNT_MAX},
    {"limit_sets", FIELD_INTEGER, FIELD_ADDED, HERE(limit_sets), .max = COUNT_MAX},
    {"rows", FIELD_ARRAY, FIELD_LIST(struct selfcheck, row, rows), .max = ROWS_MAX, .rows = &row},
    {"budgets", FIELD_ARRAY, FIELD_ADDED, FIELD_LIST(struct selfcheck, budget, budgets),
     .max = ROWS_MAX, .rows = &budget},
    {0},
};
#undef HERE

int selfcheck_load(struct selfcheck *s, const char *path, struct text *fault)
{
	return schema_load(s, path, SCHEMA, rows, fault);
}

json_t *selfcheck_write(const struct selfcheck *s)
{
	return schema_write(s, SCHEMA, rows);
}

void selfcheck_free(struct selfcheck *s)
{
	fields_free(s, rows);
}
