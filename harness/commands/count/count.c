// `wgbench count`: instructions per packet of one or two tunnels' data paths, replayed under
// callgrind; and their system calls in a test network.
#include "harness/commands/count/count.h"

#include "base/memory.h"
#include "base/process.h"
#include "harness/command.h"
#include "harness/measure/preflight.h"
#include "harness/options.h"
#include "harness/record/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Raises `wanted` for each word of the list; without words, for all.
static void choose_words(const struct options_words *words, const char *const names[], bool *wanted)
{
	for (size_t i = 0; names[i]; i++) {
		wanted[i] = !words->n;
		for (size_t w = 0; w < words->n; w++)
			wanted[i] |= !strcmp(names[i], words->word[w]);
	}
}

static int parse_options(struct count *c, struct options_words *specs, int argc, char **argv)
{
	struct options_words mixes = {0}, sides = {0};
	const struct option_row rows[] = {
	    {"gate", OPTION_DOUBLE, &c->gate_percent, "PERCENT",
	     .help = "the threshold: the smallest difference that matters", .min = 0.001, .max = 50,
	     .fallback = OPTION_TEXT(RUN_GATE_DEFAULT_COUNTED)},
	    {"mix", OPTION_STRINGS, &mixes, "MIX", .help = "packets to count", .words = count_mixes,
	     .otherwise = "all"},
	    {"side", OPTION_STRINGS, &sides, "SIDE", .help = "the side to show",
	     .words = count_sides, .otherwise = "all"},
	    {"function", OPTION_STRING, &c->function, "TEXT",
	     .help = "show the functions whose name contains TEXT"},
	    {"top", OPTION_UNSIGNED, &c->top, "N", .help = "show at most N functions", .min = 0,
	     .max = 100000, .fallback = "12"},
	    {"instructions", OPTION_FLAG, &c->instructions_only,
	     .help = "count instructions only, which needs no root"},
	    {"json", OPTION_FLAG, &c->json, .help = "print it as JSON"},
	};
	struct options options = {
	    .command = &count_command, .rows = rows, .n = sizeof(rows) / sizeof(*rows)};
	int ret = options_parse(&options, argc, argv, specs, 1, COUNT_TUNNELS_MAX);

	choose_words(&mixes, count_mixes, c->mix);
	choose_words(&sides, count_sides, c->side);
	return ret;
}

static int check_network(const struct count *c)
{
	struct plan plan;

	if (c->instructions_only)
		return 0;
	plan_default(&plan);
	plan.workloads = 0;
	int ret = check_ready(&plan);
	if (ret)
		fprintf(stderr, "wgbench: system calls are counted in a test network; "
		                "--instructions leaves them out\n");
	return ret;
}

static int build_tunnel(struct count_tunnel *t, const struct spec_catalog *c, bool network)
{
	fprintf(stderr, "building %s\n", t->spec.name);
	int ret = spec_build_replay(&t->spec, c, t->replay, t->commit);
	if (!ret && network)
		ret = spec_build(&t->spec, c, 0, t->program, t->commit);
	return ret;
}

static int parse_spec(struct spec *s, const struct spec_catalog *c, const char *word)
{
	int ret = spec_parse(s, c, word);

	if (ret || s->kind == SPEC_OWN)
		return ret;
	fprintf(stderr, "wgbench: %s: only a tunnel of this tree can be replayed\n", s->name);
	return -EINVAL;
}

static int prepare_tunnels(struct count *c, const struct options_words *specs)
{
	struct spec_catalog *catalog = memory_new(1, sizeof(*catalog));
	int ret = spec_catalog_load(catalog);
	for (; !ret && c->tunnels < specs->n; c->tunnels++)
		ret = parse_spec(&c->tunnel[c->tunnels].spec, catalog, specs->word[c->tunnels]);
	if (!ret)
		ret = count_check();
	if (!ret)
		ret = check_network(c);
	for (size_t i = 0; i < c->tunnels && !ret; i++)
		ret = build_tunnel(&c->tunnel[i], catalog, !c->instructions_only);
	spec_catalog_free(catalog);
	free(catalog);
	return ret;
}

static int replay_all(struct count *c)
{
	int ret = 0;

	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (size_t i = 0; i < c->tunnels && !ret; i++) {
			if (!c->mix[mix])
				continue;
			fprintf(stderr, "counting %s, %s\n", c->tunnel[i].spec.name,
			        count_mixes[mix]);
			ret = count_replay(&c->tunnel[i], mix);
		}
	return ret;
}

static int count_tunnels(struct count *c, const struct options_words *specs)
{
	int ret = process_guard_signals();

	if (!ret)
		ret = prepare_tunnels(c, specs);
	if (!ret)
		ret = replay_all(c);
	if (!ret && !c->instructions_only)
		ret = count_calls(c);
	return ret;
}

static int count_main(int argc, char **argv)
{
	struct count *c = memory_new(1, sizeof(*c));
	struct options_words specs;
	int ret, code = EXIT_ERROR;

	ret = parse_options(c, &specs, argc, argv);
	if (ret == OPTIONS_HELPED) {
		code = EXIT_NO_REGRESSION;
	} else if (!ret && !count_tunnels(c, &specs)) {
		count_print(c);
		code = count_exit_code(c);
	} else if (!ret && process_signal()) {
		code = EXIT_BY_SIGNAL + process_signal();
	}
	for (size_t i = 0; i < COUNT_TUNNELS_MAX; i++)
		for (int mix = 0; mix < COUNT_MIXES; mix++)
			for (int side = 0; side < COUNT_SIDES; side++)
				callgrind_free(&c->tunnel[i].cell[mix][side].code);
	free(c);
	return code;
}

static const struct command_exit exits[] = {
    {EXIT_NO_REGRESSION, "no regression"},
    {EXIT_REGRESSION, "more instructions than the threshold allows"},
    {EXIT_ERROR, "an error"},
    {EXIT_INCONCLUSIVE, "not judged: the tunnels differ in `aead`"},
    {EXIT_BY_SIGNAL, "stopped by signal N"},
    {0, NULL},
};

static const struct command_example examples[] = {
    {"wgbench count --instructions default@HEAD~1 default", "what the last commit costs"},
    {"wgbench count --mix 64 --top 4 default allowedips=poptrie", "which functions differ"},
    {0},
};

const struct command count_command = {
    .name = "count",
    .main = count_main,
    .arguments = "SPEC [SPEC]",
    .summary = "Count instructions and system calls per packet, exactly, of one tunnel or of two",
    .help =
        "The data path of each tunnel is linked from the tunnel's own objects into a program that "
        "takes fixed packets from memory, and runs under callgrind: bursts of 32 packets of 64 or "
        "1420 bytes, of 36 in the IMIX, or two TCP super-packets of 45 segments, for each of "
        "sixteen peers in turn. The counts repeat exactly, so the smallest difference is seen. "
        "Functions are named with their file, those of a variant with its slot.\n"
        "Instructions don't show what the kernel, caches and waiting cost: a count flags, and a "
        "paired run confirms. Tunnels with different `aead` are not judged.\n"
        "System calls per packet are counted in the same program, where no kernel answers late, "
        "and by the tunnels' own counters in a test network, three times for half a second.",
    .exits = exits,
    .examples = examples,
};
