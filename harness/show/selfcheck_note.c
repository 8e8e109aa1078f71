#include "harness/show/selfcheck_note.h"

#include "base/fields.h"
#include "base/quote.h"
#include "base/text.h"
#include "harness/record/environment_compare.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const struct field found_row_fields[] = {
    {"workload", FIELD_WORKLOAD, .min = 1, .max = 95},
    {"metric", FIELD_METRIC, .min = 1, .max = 47},
    {"blocks", FIELD_INTEGER, .min = 1, .max = RUN_BLOCKS_MAX},
    {"found_percent", FIELD_NUMBER, .presence = FIELD_OR_NULL, .max = 1e6},
    {"different", FIELD_NUMBER, .max = 1},
    {0},
};
static const struct field found_row = {.kind = FIELD_OBJECT, .rows = found_row_fields};
static const struct field found_fields[] = {
    {"created", .kind = FIELD_TIME},
    {"machine", FIELD_OBJECT, .presence = FIELD_OPTIONAL},
    {"rows", FIELD_ARRAY, .max = 4096, .rows = &found_row},
    {0},
};

// NULL where there is none, or none that can be read, which is said.
static json_t *load_found(const char *path)
{
	struct text fault = {0};
	json_t *found;
	int ret = fields_load(&found, path, &fault);

	if (!ret && !fields_check(found, found_fields, &fault))
		return found;
	if (ret != -ENOENT)
		quote_printf(stderr, "wgbench: %s:%s%s\n", path, ret ? "" : " ",
		             text_string(&fault));
	text_free(&fault);
	json_decref(found);
	return NULL;
}

void selfcheck_print_note(const struct outcome *o, const char *path, FILE *to)
{
	json_t *row;
	size_t r;

	json_t *found = load_found(path);
	if (!found || !environment_same_machine(o->store->run.environment.all,
	                                        json_object_get(found, "machine"))) {
		fprintf(to, "Smallest detectable effect: unknown; run wgbench selfcheck.\n");
		json_decref(found);
		return;
	}
	quote_printf(to, "By the self-check of %s on such a machine:",
	             json_string_value(json_object_get(found, "created")));
	bool any = false;
	for (size_t i = 0; i < o->verdicts.n; i++) {
		const struct verdict *v = &o->verdicts.verdict[i];
		json_t *best = NULL;

		if (i && o->verdicts.verdict[i - 1].series == v->series)
			continue;
		json_array_foreach(json_object_get(found, "rows"), r, row)
		{
			if (json_is_number(json_object_get(row, "found_percent")) &&
			    !strcmp(json_string_value(json_object_get(row, "workload")),
			            v->series->workload) &&
			    !strcmp(json_string_value(json_object_get(row, "metric")),
			            v->series->metric) &&
			    (size_t)json_integer_value(json_object_get(row, "blocks")) <=
			        v->clean.blocks)
				best = row;
		}
		if (!best)
			continue;
		fprintf(to,
		        "%s %s %s: %lld blocks find effects from %.1f %% on, and call A/A "
		        "different in %.1f %%",
		        any ? ";" : "", v->series->workload, v->series->metric,
		        json_integer_value(json_object_get(best, "blocks")),
		        json_number_value(json_object_get(best, "found_percent")),
		        100 * json_number_value(json_object_get(best, "different")));
		any = true;
	}
	fprintf(to, "%s.\n", any ? "" : " nothing of these workloads by so few blocks");
	json_decref(found);
}
