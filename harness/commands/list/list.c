// What can be compared, under what traffic, here.
#include "base/file.h"
#include "base/text.h"
#include "harness/command.h"
#include "harness/commands/list/listing.h"
#include "harness/options.h"
#include "harness/show/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *join_words(const char *const *words, size_t n)
{
	struct text joined = {0};

	for (size_t i = 0; i < n; i++)
		text_add(&joined, "%s%s", i ? " " : "", words[i]);
	return text_take(&joined);
}

static char *join_choices(const struct listed_preset *p)
{
	struct text joined = {0};

	for (size_t i = 0; i < p->choices; i++)
		text_add(&joined, "%s%s=%s", i ? "," : "", p->choice[i].slot, p->choice[i].variant);
	return text_take(&joined);
}

// Frees the words.
static void add_named(struct table *t, const char *name, char *words)
{
	table_add(t, TABLE_PLAIN, "%s", name);
	table_add(t, TABLE_PLAIN, "%s", words);
	free(words);
}

static void print_table(struct table *t)
{
	table_print(t, stdout);
	printf("\n");
	table_free(t);
}

static void print_slots(const struct listing *l)
{
	static const struct table_column columns[] = {{"slot", TABLE_LEFT},
	                                              {"variants", TABLE_LEFT}};
	struct table t;

	table_init(&t, columns, 2);
	for (const struct listed_slot *s = l->slot; s < l->slot + l->slots; s++)
		add_named(&t, s->name, join_words(s->variant, s->variants));
	print_table(&t);
}

static void print_presets(const struct listing *l)
{
	static const struct table_column columns[] = {
	    {"preset", TABLE_LEFT}, {"slot=variant", TABLE_LEFT}, {"meaning", TABLE_LEFT}};
	struct table t;

	table_init(&t, columns, 3);
	for (const struct listed_preset *p = l->preset; p < l->preset + l->presets; p++) {
		add_named(&t, p->name, join_choices(p));
		table_add(&t, TABLE_DIM, "%s", p->meaning);
	}
	print_table(&t);
}

static void print_externals(const struct listing *l)
{
	static const struct table_column columns[] = {
	    {"external", TABLE_LEFT}, {"available", TABLE_LEFT}, {"note", TABLE_LEFT}};
	struct table t;

	table_init(&t, columns, 3);
	for (const struct listed_external *e = l->external; e < l->external + l->externals; e++) {
		table_add(&t, TABLE_PLAIN, "%s", e->name);
		table_add(&t, e->available ? TABLE_GREEN : TABLE_YELLOW,
		          e->available ? "yes" : "no");
		table_add(&t, TABLE_PLAIN, "%s", e->reason);
	}
	print_table(&t);
}

static void print_workloads(const struct listing *l)
{
	static const struct table_column columns[] = {
	    {"workload", TABLE_LEFT}, {"key=default", TABLE_LEFT}, {"meaning", TABLE_LEFT}};
	struct table t;

	table_init(&t, columns, 3);
	for (const struct listed_workload *w = l->workload; w < l->workload + l->workloads; w++) {
		table_add(&t, TABLE_PLAIN, "%s", w->name);
		table_add(&t, TABLE_PLAIN, "%s", "");
		table_add(&t, TABLE_PLAIN, "%s", w->summary);
		for (size_t i = 0; i < w->parameters; i++) {
			const struct workload_parameter *p = &w->parameter[i];

			table_add(&t, TABLE_PLAIN, "%s", "");
			table_add(&t, TABLE_PLAIN, "%s=%ld", p->name, p->fallback);
			table_add(&t, TABLE_PLAIN, "%s", p->help);
		}
	}
	print_table(&t);
}

static void print_text(const struct listing *l)
{
	char *plans = join_words((const char *const *)l->plan, l->plans);

	print_slots(l);
	print_presets(l);
	print_externals(l);
	print_workloads(l);
	printf("plans: %s\n", plans);
	free(plans);
}

static int print_json(const struct listing *l)
{
	json_t *document = listing_write(l);

	if (!document) {
		fprintf(stderr,
		        "wgbench list: a name in variants/ isn't UTF-8, which JSON must be\n");
		return EXIT_ERROR;
	}
	output_print_json(document);
	return EXIT_NO_REGRESSION;
}

// Presets, changes of one slot, external ones.
static void print_tunnel_names(const struct listing *l)
{
	for (size_t i = 0; i < l->presets; i++)
		printf("%s\n", l->preset[i].name);
	for (const struct listed_slot *s = l->slot; s < l->slot + l->slots; s++)
		for (size_t i = 0; i < s->variants; i++)
			printf("%s=%s\n", s->name, s->variant[i]);
	for (size_t i = 0; i < l->externals; i++)
		printf("%s\n", l->external[i].name);
}

static void print_names(const struct listing *l, const char *kind)
{
	if (!strcmp(kind, "tunnels"))
		print_tunnel_names(l);
	for (size_t i = 0; i < l->workloads && !strcmp(kind, "workloads"); i++)
		printf("%s\n", l->workload[i].name);
	for (size_t i = 0; i < l->plans && !strcmp(kind, "plans"); i++)
		printf("%s\n", l->plan[i]);
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
	struct listing all;

	if (ret)
		return ret < 0 ? EXIT_ERROR : EXIT_NO_REGRESSION;
	if (spec_catalog_load(&catalog)) {
		spec_catalog_free(&catalog);
		return EXIT_ERROR;
	}
	listing_gather(&all, &catalog);
	if (names)
		print_names(&all, names);
	else if (json)
		ret = print_json(&all);
	else
		print_text(&all);
	listing_free(&all);
	spec_catalog_free(&catalog);
	return ret;
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
