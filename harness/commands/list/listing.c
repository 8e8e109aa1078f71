#include "harness/commands/list/listing.h"

#include "base/fields.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const struct field name = {.kind = FIELD_TEXT, FIELD_EACH(const char *)};
static const struct field slot = {
    .kind = FIELD_ARRAY, FIELD_LIST(struct listed_slot, variant, variants), .rows = &name};
static const struct field choice = {.kind = FIELD_TEXT, FIELD_IN(struct listed_choice, variant)};
static const struct field preset = {
    .kind = FIELD_MAP, FIELD_LIST(struct listed_preset, choice, choices), .rows = &choice};

#define HERE(member) FIELD_IN(struct listed_external, member)
static const struct field external_rows[] = {
    {"name", FIELD_TEXT, HERE(name)},
    {"available", FIELD_BOOLEAN, HERE(available)},
    {"reason", FIELD_TEXT, HERE(reason)},
    {0},
};
#undef HERE
static const struct field external = {.kind = FIELD_OBJECT, .rows = external_rows};

#define HERE(member) FIELD_IN(struct workload_parameter, member)
static const struct field parameter_rows[] = {
    {"name", FIELD_TEXT, HERE(name)},  {"min", FIELD_INTEGER, HERE(min)},
    {"max", FIELD_INTEGER, HERE(max)}, {"default", FIELD_INTEGER, HERE(fallback)},
    {"help", FIELD_TEXT, HERE(help)},  {0},
};
#undef HERE
static const struct field parameter = {.kind = FIELD_OBJECT, .rows = parameter_rows};

#define HERE(member) FIELD_IN(struct metric, member)
static const char *const betters[] = {"lower", "higher", NULL};
static const struct field metric_rows[] = {
    {"name", FIELD_TEXT, HERE(name)},
    {"unit", FIELD_TEXT, HERE(unit)},
    {"better", FIELD_WORD, HERE(higher_is_better), .words = betters},
    {"judged", FIELD_BOOLEAN, HERE(judged)},
    {0},
};
#undef HERE
static const struct field metric = {.kind = FIELD_OBJECT, .rows = metric_rows};

#define HERE(member) FIELD_IN(struct listed_workload, member)
#define LIST(member, count) FIELD_LIST(struct listed_workload, member, count)
static const struct field workload_rows[] = {
    {"name", FIELD_TEXT, HERE(name)},
    {"summary", FIELD_TEXT, HERE(summary)},
    {"parameters", FIELD_ARRAY, LIST(parameter, parameters), .rows = &parameter},
    {"metrics", FIELD_ARRAY, LIST(metric, metrics), .rows = &metric},
    {0},
};
#undef HERE
#undef LIST
static const struct field workload = {.kind = FIELD_OBJECT, .rows = workload_rows};

#define LIST(member, count) FIELD_LIST(struct listing, member, count)
static const struct field rows[] = {
    {"slots", FIELD_MAP, LIST(slot, slots), .rows = &slot},
    {"presets", FIELD_MAP, LIST(preset, presets), .rows = &preset},
    {"external", FIELD_ARRAY, LIST(external, externals), .rows = &external},
    {"workloads", FIELD_ARRAY, LIST(workload, workloads), .rows = &workload},
    {"plans", FIELD_ARRAY, LIST(plan, plans), .rows = &name},
    {0},
};
#undef LIST

static void gather_slots(struct listing *l, const struct spec_catalog *c)
{
	l->slots = c->slots;
	l->slot = memory_new(c->slots, sizeof(*l->slot));
	for (size_t s = 0; s < c->slots; s++) {
		size_t n = c->slot[s].variants;

		l->slot[s] =
		    (struct listed_slot){c->slot[s].name, n, memory_new(n, sizeof(char *))};
		for (size_t v = 0; v < n; v++)
			l->slot[s].variant[v] = c->slot[s].variant[v];
	}
}

static void gather_presets(struct listing *l, const struct spec_catalog *c)
{
	l->presets = c->presets;
	l->preset = memory_new(c->presets, sizeof(*l->preset));
	for (size_t p = 0; p < c->presets; p++) {
		struct listed_preset *to = &l->preset[p];

		*to = (struct listed_preset){c->preset[p].name, c->preset[p].meaning, c->slots,
		                             memory_new(c->slots, sizeof(*to->choice))};
		for (size_t s = 0; s < c->slots; s++)
			to->choice[s] = (struct listed_choice){
			    c->slot[s].name, c->slot[s].variant[c->preset[p].variant[s]]};
	}
}

static void add_external(struct listing *l, const char *of, bool available, const char *reason)
{
	l->external = memory_resize(l->external, l->externals + 1, sizeof(*l->external));
	l->external[l->externals++] = (struct listed_external){of, available, output_clean(reason)};
}

static void gather_externals(struct listing *l, const struct spec_catalog *c)
{
	const char *of;

	for (size_t i = 0; (of = spec_external_name(i)); i++) {
		struct text reason = {0};
		struct spec spec;

		if (spec_parse(&spec, c, of))
			continue;
		bool available = spec_available(&spec, c, &reason);
		add_external(l, of, available, text_string(&reason));
		text_free(&reason);
	}
	add_external(l, "exec:PATH", true, "any program that is used as wireguard-go is");
}

static struct listed_workload describe_workload(const struct workload *w)
{
	struct listed_workload d = {.name = w->name,
	                            .summary = w->summary,
	                            .parameter = w->parameters,
	                            .metric = w->metrics};

	while (d.parameter[d.parameters].name)
		d.parameters++;
	while (d.metric[d.metrics].name)
		d.metrics++;
	return d;
}

static void gather_workloads(struct listing *l)
{
	while (workloads[l->workloads])
		l->workloads++;
	l->workload = memory_new(l->workloads, sizeof(*l->workload));
	for (size_t i = 0; i < l->workloads; i++)
		l->workload[i] = describe_workload(workloads[i]);
}

static void add_plan(struct listing *l, char *file)
{
	char *dot = strrchr(file, '.');

	if (!dot || dot == file || strcmp(dot, ".plan"))
		return;
	*dot = 0;
	l->plan = memory_resize(l->plan, l->plans + 1, sizeof(*l->plan));
	l->plan[l->plans++] = output_clean(file);
}

static void gather_plans(struct listing *l, const struct spec_catalog *c)
{
	char *path = path_join(c->root, "workloads/plans");
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		add_plan(l, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	free(path);
}

void listing_gather(struct listing *l, const struct spec_catalog *c)
{
	*l = (struct listing){0};
	gather_slots(l, c);
	gather_presets(l, c);
	gather_externals(l, c);
	gather_workloads(l);
	gather_plans(l, c);
}

json_t *listing_write(const struct listing *l)
{
	return fields_write(l, rows);
}

void listing_free(struct listing *l)
{
	for (size_t i = 0; i < l->slots; i++)
		free(l->slot[i].variant);
	for (size_t i = 0; i < l->presets; i++)
		free(l->preset[i].choice);
	for (size_t i = 0; i < l->externals; i++)
		free(l->external[i].reason);
	for (size_t i = 0; i < l->plans; i++)
		free(l->plan[i]);
	free(l->slot);
	free(l->preset);
	free(l->external);
	free(l->workload);
	free(l->plan);
}
