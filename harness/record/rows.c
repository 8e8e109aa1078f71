#include "harness/record/rows.h"

#include "harness/record/store.h"

// An index beyond what a run can have: what is counted by it stays small.
enum {
	BLOCK_MAX = 9999,
	ATTEMPT_MAX = 999,
	STARTS_MAX = 1 << 20,
	TEXTS_MAX = 4096,
	TRIALS_MAX = STORE_TRIALS_MAX
};
#define INTEGER_MAX 9223372036854774784.0 // that a double holds
#define VALUE_MAX 1e30
#define METRIC_BYTES (sizeof(((struct metric *)0)->name) - 1)
#define WORKLOAD_BYTES (sizeof(((struct trial *)0)->workload) - 1)
#define PLAN_NAME_BYTES 63
#define SPEC_BYTES (sizeof(((struct store_tunnel *)0)->spec) - 1)

static const char *const endings[] = {"decided", "budget", "blocks", "failed", NULL};
static const char *const relations[] = {">=", "<=", NULL};
static const char *const betters[] = {"higher", "lower", NULL};
static const char *const statuses[] = {"ok", "contaminated", "generator-limited", "failed", NULL};

static const struct field text = {.kind = FIELD_TEXT, .max = TEXTS_MAX};
static const struct field metric_name = {.kind = FIELD_METRIC, .min = 1, .max = METRIC_BYTES};
static const struct field workload_name = {.kind = FIELD_WORKLOAD, .min = 1, .max = WORKLOAD_BYTES};
static const struct field hash = {.kind = FIELD_HEX, .max = 64};
static const struct field look = {.kind = FIELD_INTEGER, .min = 1, .max = RUN_BLOCKS_MAX};
static const struct field ending = {.kind = FIELD_WORD, .words = endings};

// ---- run.json

static const struct field end_rows[] = {
    {"left", FIELD_OBJECT, .presence = FIELD_OR_NULL},
    {"right", FIELD_OBJECT, .presence = FIELD_OR_NULL},
    {0},
};

static const struct field tunnel_rows[] = {
    {"spec", FIELD_TEXT, .min = 1, .max = SPEC_BYTES},
    {"revision", FIELD_TEXT, .max = sizeof(((struct store_tunnel *)0)->revision) - 1},
    {"binary_sha256", FIELD_HEX, .max = 64},
    {"version", FIELD_TEXT, .max = sizeof(((struct store_tunnel *)0)->version) - 1},
    {"variants", FIELD_MAP, .presence = FIELD_OPTIONAL, .max = 32, .keys = FIELD_NAME,
     .rows = &text},
    {"builds_sha256", FIELD_ARRAY, .presence = FIELD_OPTIONAL, .max = RUN_BUILDS_MAX,
     .rows = &hash},
    {"offloads", FIELD_OBJECT, .presence = FIELD_OR_NULL, .rows = end_rows},
    {"interfaces", FIELD_OBJECT, .presence = FIELD_OR_NULL},
    {0},
};
static const struct field tunnel = {.kind = FIELD_OBJECT, .rows = tunnel_rows};

// What exports and histories are keyed by; the rest is only shown.
static const struct field environment_rows[] = {
    {"kernel", FIELD_TEXT, .presence = FIELD_OPTIONAL, .max = 127},
    {"cpu_model", FIELD_TEXT, .presence = FIELD_OPTIONAL, .max = 127},
    {"architecture", FIELD_TEXT, .presence = FIELD_OPTIONAL, .max = 127},
    {"cpus", FIELD_INTEGER, .presence = FIELD_OPTIONAL, .max = 65536},
    {"mitigations", FIELD_MAP, .presence = FIELD_OPTIONAL, .max = TEXTS_MAX, .keys = FIELD_TEXT,
     .rows = &text},
    {"harness_revision", FIELD_ASCII, .presence = FIELD_OPTIONAL, .max = 127},
    {"harness_profile", FIELD_ASCII, .presence = FIELD_OPTIONAL, .max = 127},
    {"harness_measuring", FIELD_ASCII, .presence = FIELD_OPTIONAL, .max = 127},
    {0},
};

static const struct field goal_rows[] = {
    {"workload", FIELD_WORKLOAD, .min = 1, .max = WORKLOAD_BYTES},
    {"metric", FIELD_METRIC, .min = 1, .max = METRIC_BYTES},
    {"candidate", FIELD_TEXT, .min = 1, .max = SPEC_BYTES},
    {"baseline", FIELD_TEXT, .min = 1, .max = SPEC_BYTES},
    {"relation", FIELD_WORD, .words = relations},
    {"ratio", FIELD_NUMBER, .min = 1e-9, .max = 1e9},
    {0},
};
static const struct field goal = {.kind = FIELD_OBJECT, .rows = goal_rows};

static const struct field side = {.kind = FIELD_TEXT, .presence = FIELD_OR_NULL, .max = TEXTS_MAX};
static const struct field difference = {.kind = FIELD_ARRAY, .min = 3, .max = 3, .rows = &side};
static const struct field resumed_rows[] = {
    {"created", FIELD_TIME, .presence = FIELD_OPTIONAL},
    {"trials", FIELD_INTEGER, .presence = FIELD_OPTIONAL, .max = TRIALS_MAX},
    {"environment", FIELD_OBJECT, .presence = FIELD_OPTIONAL, .rows = environment_rows},
    {"differs", FIELD_ARRAY, .presence = FIELD_OPTIONAL, .max = TEXTS_MAX, .rows = &difference},
    {0},
};
static const struct field resumed = {.kind = FIELD_OBJECT, .rows = resumed_rows};

const struct field store_run_rows[] = {
    {"id", FIELD_NAME, .min = 1, .max = sizeof(((struct store *)0)->id) - 1},
    {"created", .kind = FIELD_TIME},
    {"plan", FIELD_NAME, .presence = FIELD_OPTIONAL, .max = PLAN_NAME_BYTES},
    {"seed", FIELD_INTEGER, .presence = FIELD_OPTIONAL, .min = -INTEGER_MAX, .max = INTEGER_MAX},
    {"command", FIELD_ARRAY, .presence = FIELD_OPTIONAL, .max = TEXTS_MAX, .rows = &text},
    {"tunnels", FIELD_ARRAY, .min = 1, .max = RUN_TUNNELS_MAX, .rows = &tunnel},
    {"environment", FIELD_OBJECT, .presence = FIELD_OPTIONAL, .rows = environment_rows},
    {"workloads", FIELD_ARRAY, .presence = FIELD_OPTIONAL, .max = TEXTS_MAX,
     .rows = &workload_name},
    {"blocks", FIELD_INTEGER, .presence = FIELD_OPTIONAL, .min = 1, .max = BLOCK_MAX + 1},
    {"trials_per_block", FIELD_INTEGER, .min = 1, .max = 1000},
    {"duration", FIELD_INTEGER, .presence = FIELD_OPTIONAL, .max = RUN_DURATION_MAX_S},
    {"builds", FIELD_INTEGER, .presence = FIELD_OPTIONAL, .min = 1, .max = RUN_BUILDS_MAX},
    {"budget", FIELD_NUMBER, .presence = FIELD_OPTIONAL, .max = 1e9},
    {"looks", FIELD_ARRAY, .presence = FIELD_OPTIONAL, .max = RUN_BLOCKS_MAX, .rows = &look},
    {"metrics", FIELD_ARRAY, .presence = FIELD_OPTIONAL, .max = RUN_METRICS_MAX,
     .rows = &metric_name},
    {"between", FIELD_INTEGER, .presence = FIELD_OPTIONAL, .min = -1, .max = 1},
    {"ended", FIELD_MAP, .presence = FIELD_OPTIONAL, .max = TEXTS_MAX, .keys = FIELD_WORKLOAD,
     .rows = &ending},
    {"trials", FIELD_INTEGER, .presence = FIELD_OPTIONAL, .max = TRIALS_MAX},
    {"gate_percent", FIELD_NUMBER, .presence = FIELD_OPTIONAL, .min = RUN_GATE_MIN,
     .max = RUN_GATE_MAX},
    {"goals", FIELD_ARRAY, .presence = FIELD_OPTIONAL, .max = RUN_GOALS_MAX, .rows = &goal},
    {"resumed", FIELD_ARRAY, .presence = FIELD_OPTIONAL, .max = TEXTS_MAX, .rows = &resumed},
    {0},
};

// ---- trials.jsonl

static const struct field metric_rows[] = {
    {"value", FIELD_NUMBER, .min = -VALUE_MAX, .max = VALUE_MAX},
    {"unit", FIELD_TEXT, .max = sizeof(((struct metric *)0)->unit) - 1},
    {"better", FIELD_WORD, .words = betters},
    {"judged", .kind = FIELD_BOOLEAN},
    {0},
};
static const struct field measured = {.kind = FIELD_OBJECT, .rows = metric_rows};

static const struct field trial_environment_rows[] = {
    {"tunnel_cpu_s", FIELD_NUMBER, .presence = FIELD_OR_NULL, .max = VALUE_MAX},
    {0},
};

const struct field store_trial_rows[] = {
    {"run", FIELD_NAME, .min = 1, .max = sizeof(((struct store *)0)->id) - 1},
    {"block", FIELD_INTEGER, .max = BLOCK_MAX},
    {"position", FIELD_INTEGER, .max = 999},
    {"start", FIELD_INTEGER, .max = STARTS_MAX},
    {"build", FIELD_INTEGER, .presence = FIELD_OPTIONAL, .max = RUN_BUILDS_MAX - 1},
    {"attempt", FIELD_INTEGER, .max = ATTEMPT_MAX},
    {"tunnel", FIELD_INTEGER, .max = RUN_TUNNELS_MAX - 1},
    {"workload", FIELD_WORKLOAD, .min = 1, .max = WORKLOAD_BYTES},
    {"start_ns", FIELD_INTEGER, .max = INTEGER_MAX},
    {"duration_ns", FIELD_INTEGER, .max = INTEGER_MAX},
    {"status", FIELD_WORD, .words = statuses},
    {"reason", FIELD_TEXT, .max = sizeof(((struct trial *)0)->reason) - 1},
    {"parameters", FIELD_OBJECT, .presence = FIELD_OPTIONAL},
    {"metrics", FIELD_MAP, .max = TRIAL_METRICS_MAX, .keys = FIELD_METRIC, .rows = &measured},
    {"environment", FIELD_OBJECT, .presence = FIELD_OPTIONAL, .rows = trial_environment_rows},
    {0},
};
