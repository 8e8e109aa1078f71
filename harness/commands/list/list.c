// What can be compared, under what traffic, here.
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "harness/command.h"
#include "harness/options.h"
#include "harness/plan/workload.h"
#include "harness/show/table.h"
#include "harness/spec/parse.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *list_slots(const struct spec_catalog *c)
{
	json_t *slots = json_object();

	for (size_t s = 0; s < c->slots; s++) {
		json_t *variants = json_array();

		for (size_t v = 0; v < c->slot[s].variants; v++)
			json_array_append_new(variants, json_string(c->slot[s].variant[v]));
		json_object_set_new(slots, c->slot[s].name, variants);
	}
	return slots;
}

static json_t *list_presets(const struct spec_catalog *c)
{
	json_t *presets = json_object();

	for (size_t p = 0; p < c->presets; p++) {
		json_t *choices = json_object();

		for (size_t s = 0; s < c->slots; s++)
			json_object_set_new(
			    choices, c->slot[s].name,
			    json_string(c->slot[s].variant[c->preset[p].variant[s]]));
		json_object_set_new(presets, c->preset[p].name, choices);
	}
	return presets;
}

static json_t *list_external(const struct spec_catalog *c)
{
	json_t *external = json_array();
	const char *name;

	for (size_t i = 0; (name = spec_external_name(i)); i++) {
		struct text reason = {0};
		struct spec spec;

		if (spec_parse(&spec, c, name))
			continue;
		bool available = spec_available(&spec, c, &reason);
		json_array_append_new(external,
		                      json_pack("{ss sb so}", "name", name, "available", available,
		                                "reason", output_string(text_string(&reason))));
		text_free(&reason);
	}
	json_array_append_new(external,
	                      json_pack("{s:s, s:b, s:s}", "name", "exec:PATH", "available", true,
	                                "reason", "any program that is used as wireguard-go is"));
	return external;
}

static json_t *list_workloads(void)
{
	json_t *all = json_array();

	for (size_t i = 0; workloads[i]; i++) {
		const struct workload *w = workloads[i];
		json_t *parameters = json_array(), *metrics = json_array();

		for (const struct workload_parameter *p = w->parameters; p->name; p++)
			json_array_append_new(parameters,
			                      json_pack("{s:s, s:I, s:I, s:I, s:s}", "name",
			                                p->name, "min", (json_int_t)p->min, "max",
			                                (json_int_t)p->max, "default",
			                                (json_int_t)p->fallback, "help", p->help));
		for (const struct metric *m = w->metrics; m->name; m++)
			json_array_append_new(metrics,
			                      json_pack("{s:s, s:s, s:s, s:b}", "name", m->name,
			                                "unit", m->unit, "better",
			                                m->higher_is_better ? "higher" : "lower",
			                                "judged", m->judged));
		json_array_append_new(all, json_pack("{s:s, s:s, s:o, s:o}", "name", w->name,
		                                     "summary", w->summary, "parameters",
		                                     parameters, "metrics", metrics));
	}
	return all;
}

static json_t *list_plans(const struct spec_catalog *c)
{
	json_t *plans = json_array();
	char *path = path_join(c->root, "workloads/plans");
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char *dot = strrchr(entries[i]->d_name, '.');

		if (dot && dot != entries[i]->d_name && !strcmp(dot, ".plan"))
			json_array_append_new(
			    plans, json_stringn(entries[i]->d_name, dot - entries[i]->d_name));
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	free(path);
	return plans;
}

// ---- as text: the same JSON, laid out

// Plain words with a space between, or "a=b" pairs with a comma, from an array or an object of
// texts.
static char *join_words(json_t *from)
{
	struct text words = {0};
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach(from, i, value)
	{
		text_add(&words, "%s%s", i ? " " : "", json_string_value(value));
	}
	json_object_foreach(from, key, value)
	{
		text_add(&words, "%s%s=%s", words.length ? "," : "", key, json_string_value(value));
	}
	return text_take(&words);
}

static void print_named(const char *heading, const char *what, json_t *object)
{
	const struct table_column columns[] = {{heading, TABLE_LEFT}, {what, TABLE_LEFT}};
	const char *name;
	json_t *value;
	struct table t;

	table_init(&t, columns, 2);
	json_object_foreach(object, name, value)
	{
		char *words = join_words(value);

		table_add(&t, TABLE_PLAIN, "%s", name);
		table_add(&t, TABLE_PLAIN, "%s", words);
		free(words);
	}
	table_print(&t, stdout);
	printf("\n");
	table_free(&t);
}

static void print_external(json_t *external)
{
	static const struct table_column columns[] = {
	    {"external", TABLE_LEFT}, {"available", TABLE_LEFT}, {"note", TABLE_LEFT}};
	json_t *row;
	struct table t;
	size_t i;

	table_init(&t, columns, 3);
	json_array_foreach(external, i, row)
	{
		bool available = json_is_true(json_object_get(row, "available"));

		table_add(&t, TABLE_PLAIN, "%s", json_string_value(json_object_get(row, "name")));
		table_add(&t, available ? TABLE_GREEN : TABLE_YELLOW, available ? "yes" : "no");
		table_add(&t, TABLE_PLAIN, "%s", json_string_value(json_object_get(row, "reason")));
	}
	table_print(&t, stdout);
	printf("\n");
	table_free(&t);
}

static void print_workloads(void)
{
	static const struct table_column columns[] = {
	    {"workload", TABLE_LEFT}, {"key=default", TABLE_LEFT}, {"meaning", TABLE_LEFT}};
	struct table t;

	table_init(&t, columns, 3);
	for (size_t i = 0; workloads[i]; i++) {
		const struct workload *w = workloads[i];

		table_add(&t, TABLE_PLAIN, "%s", w->name);
		table_add(&t, TABLE_PLAIN, "%s", "");
		table_add(&t, TABLE_PLAIN, "%s", w->summary);
		for (const struct workload_parameter *p = w->parameters; p->name; p++) {
			table_add(&t, TABLE_PLAIN, "%s", "");
			table_add(&t, TABLE_PLAIN, "%s=%ld", p->name, p->fallback);
			table_add(&t, TABLE_PLAIN, "%s", p->help);
		}
	}
	table_print(&t, stdout);
	printf("\n");
	table_free(&t);
}

static void print_text(json_t *all)
{
	char *plans = join_words(json_object_get(all, "plans"));

	print_named("slot", "variants", json_object_get(all, "slots"));
	print_named("preset", "slot=variant", json_object_get(all, "presets"));
	print_external(json_object_get(all, "external"));
	print_workloads();
	printf("plans: %s\n", plans);
	free(plans);
}

static void print_items(const json_t *items)
{
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		const json_t *name = json_is_string(item) ? item : json_object_get(item, "name");

		printf("%s\n", json_string_value(name));
	}
}

// Presets, changes of one slot, external ones.
static void print_tunnel_names(const json_t *all)
{
	const char *name;
	json_t *value, *variant;
	size_t i;

	json_object_foreach(json_object_get(all, "presets"), name, value)
	{
		printf("%s\n", name);
	}
	json_object_foreach(json_object_get(all, "slots"), name, value)
	{
		json_array_foreach(value, i, variant)
		{
			printf("%s=%s\n", name, json_string_value(variant));
		}
	}
	print_items(json_object_get(all, "external"));
}

static int list_main(int argc, char **argv)
{
	struct options_words words;
	struct spec_catalog catalog;
	bool json = false;
	const char *names = NULL;
	const struct option_row rows[] = {
	    {"json", OPTION_FLAG, &json, .help = "print it as JSON"},
	    {"names", OPTION_STRING, &names, "KIND",
	     .help = "print only the names of these, one a line",
	     .words = (const char *const[]){"tunnels", "workloads", "plans", NULL}},
	};
	struct options options = {
	    .command = &list_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};
	int ret = options_parse(&options, argc, argv, &words, 0, 0);
	json_t *all;

	if (ret)
		return ret < 0 ? EXIT_ERROR : EXIT_NO_REGRESSION;
	if (spec_catalog_load(&catalog))
		return EXIT_ERROR;
	all = json_pack("{s:o, s:o, s:o, s:o, s:o}", "slots", list_slots(&catalog), "presets",
	                list_presets(&catalog), "external", list_external(&catalog), "workloads",
	                list_workloads(), "plans", list_plans(&catalog));
	if (names && !strcmp(names, "tunnels"))
		print_tunnel_names(all);
	else if (names)
		print_items(json_object_get(all, names));
	else if (json)
		output_print_json(json_incref(all));
	else
		print_text(all);
	json_decref(all);
	return 0;
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "listed"}, {EXIT_ERROR, "not listed"}, {0, NULL}};

static const struct command_example examples[] = {
    {"wgbench list", "what there is"},
    {"wgbench list --json | jq .presets", "what each preset is made of"},
    {0},
};

const struct command list_command = {
    .name = "list",
    .main = list_main,
    .arguments = "",
    .summary = "Show slots, variants, presets, external tunnels, workloads and plans",
    .help = "A tunnel is named by a SPEC: a preset, slot=variant,... over the preset `default`, or "
            "an external tunnel. +SWITCH=VALUE after it sets one of the tunnel's switches, and "
            "@REVISION builds it from that revision. plant=Nns or plant=Ni among the slots injects "
            "a cost of N nanoseconds or instructions into every packet.",
    .exits = exits,
    .examples = examples,
};
