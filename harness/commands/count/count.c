// `wgbench count`: instructions per packet of one or two tunnels' data paths, replayed under
// callgrind; and their system calls in a test network.
#include "harness/commands/count/count.h"

#include "base/process.h"
#include "harness/command.h"
#include "harness/measure/preflight.h"
#include "harness/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const char wgbench_profile[];

// Raises `wanted` for each word of the list; without words, for all.
static int choose(const char *option, const struct options_words *words, const char *const names[],
                  size_t n, bool *wanted)
{
	for (size_t i = 0; i < n; i++)
		wanted[i] = !words->n;
	for (size_t w = 0; w < words->n; w++) {
		size_t i = 0;

		while (i < n && strcmp(names[i], words->word[w]))
			i++;
		if (i < n) {
			wanted[i] = true;
			continue;
		}
		fprintf(stderr, "wgbench count: unknown --%s '%s': one of", option, words->word[w]);
		for (i = 0; i < n; i++)
			fprintf(stderr, " %s", names[i]);
		fprintf(stderr, "\n");
		return -EINVAL;
	}
	return 0;
}

static int parse(struct count *c, struct options_words *specs, int argc, char **argv)
{
	struct options_words mixes = {0}, sides = {0};
	const struct option_row rows[] = {
	    {"gate", OPTION_DOUBLE, &c->gate_percent, "PERCENT",
	     "the smallest difference that matters; default: 0.1", 0.001, 50},
	    {"mix", OPTION_STRINGS, &mixes, "MIX", "only this one: 64, imix, 1420, gso", 0, 0},
	    {"side", OPTION_STRINGS, &sides, "SIDE", "show only this one: encrypt, decrypt, both",
	     0, 0},
	    {"function", OPTION_STRING, &c->function, "TEXT",
	     "show functions whose name has this in it", 0, 0},
	    {"top", OPTION_UNSIGNED, &c->top, "N", "show so many functions; default: 12", 0,
	     100000},
	    {"instructions", OPTION_FLAG, &c->instructions_only, NULL,
	     "count nothing else: needs no root", 0, 0},
	    {"json", OPTION_FLAG, &c->json, NULL, "print it as JSON", 0, 0},
	};
	int ret = options_parse(&count_command, rows, sizeof(rows) / sizeof(*rows), argc, argv,
	                        specs, 1, COUNT_TUNNELS_MAX);

	if (!ret)
		ret = choose("mix", &mixes, count_mixes, COUNT_MIXES, c->mix);
	if (!ret)
		ret = choose("side", &sides, count_sides, COUNT_SIDES, c->side);
	return ret;
}

int count_check(void)
{
	if (!process_available("valgrind")) {
		fprintf(stderr, "wgbench: no program 'valgrind' in PATH: install it (Debian: apt "
		                "install valgrind)\n");
		return -ENOENT;
	}
	if (strcmp(wgbench_profile, "asan") && strcmp(wgbench_profile, "tsan"))
		return 0;
	fprintf(stderr,
	        "wgbench: what a sanitizer is built into doesn't run under valgrind: count with "
	        "build/release/wgbench, not with that of PROFILE=%s\n",
	        wgbench_profile);
	return -ENOTSUP;
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

static int build(struct count_tunnel *t, const struct spec_catalog *c, bool network)
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

static int prepare(struct count *c, const struct options_words *specs)
{
	struct spec_catalog *catalog = calloc(1, sizeof(*catalog));
	int ret;

	if (!catalog)
		abort();
	ret = spec_catalog_load(catalog);
	for (; !ret && c->tunnels < specs->n; c->tunnels++)
		ret = parse_spec(&c->tunnel[c->tunnels].spec, catalog, specs->word[c->tunnels]);
	if (!ret)
		ret = count_check();
	if (!ret)
		ret = check_network(c);
	for (size_t i = 0; i < c->tunnels && !ret; i++)
		ret = build(&c->tunnel[i], catalog, !c->instructions_only);
	free(catalog);
	return ret;
}

static int replay_all(struct count *c, const char *dir)
{
	int ret = 0;

	for (int mix = 0; mix < COUNT_MIXES; mix++)
		for (size_t i = 0; i < c->tunnels && !ret; i++) {
			if (!c->mix[mix])
				continue;
			fprintf(stderr, "counting %s, %s\n", c->tunnel[i].spec.name,
			        count_mixes[mix]);
			ret = count_replay(&c->tunnel[i], mix, dir);
		}
	return ret;
}

int count_make_folder(char dir[4000])
{
	const char *tmp = getenv("TMPDIR");

	if (snprintf(dir, 4000, "%s/wgbench-count-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 4000 &&
	    mkdtemp(dir))
		return 0;
	fprintf(stderr, "wgbench: %s: %s: set TMPDIR to a folder\n", dir, strerror(errno));
	return -EIO;
}

static int count(struct count *c, const struct options_words *specs)
{
	char dir[4000];
	int ret = process_guard_signals();

	if (!ret)
		ret = prepare(c, specs);
	if (!ret)
		ret = count_make_folder(dir);
	if (ret)
		return ret;
	ret = replay_all(c, dir);
	rmdir(dir);
	if (!ret && !c->instructions_only)
		ret = count_calls(c);
	return ret;
}

static int count_main(int argc, char **argv)
{
	struct count *c = calloc(1, sizeof(*c));
	struct options_words specs;
	int ret, code = EXIT_ERROR;

	if (!c)
		abort();
	c->gate_percent = 0.1;
	c->top = 12;
	ret = parse(c, &specs, argc, argv);
	if (ret == OPTIONS_HELPED) {
		code = EXIT_NO_REGRESSION;
	} else if (!ret && !count(c, &specs)) {
		count_print(c);
		code = count_exit_code(c);
	} else if (!ret && process_signal()) {
		code = 128 + process_signal();
	}
	for (size_t i = 0; i < COUNT_TUNNELS_MAX; i++)
		for (int mix = 0; mix < COUNT_MIXES; mix++)
			for (int side = 0; side < COUNT_SIDES; side++)
				callgrind_free(&c->tunnel[i].cell[mix][side].code);
	free(c);
	return code;
}

const struct command count_command = {
    .name = "count",
    .main = count_main,
    .arguments = "SPEC [SPEC]",
    .summary = "Count instructions and system calls per packet, exactly, of one tunnel or of two",
    .help =
        "The data path of each tunnel, linked from the same objects as the tunnel itself, runs\n"
        "fixed packets from memory under callgrind (workloads/replay): bursts of 32 packets of 64\n"
        "or 1420 bytes, 36 of IMIX, or two TCP super-packets of 45 segments, for one peer of\n"
        "sixteen after the other. What is counted repeats exactly, so the least difference is\n"
        "seen; where a function stands is told by its file, a variant's by its slot. What it\n"
        "doesn't tell: what the kernel, the caches and waiting cost. So it flags, and a paired\n"
        "run confirms. Tunnels of different `aead` aren't judged.\n"
        "\n"
        "System calls per packet are counted there too (with no kernel to answer late) and, by\n"
        "the tunnels' own counters, in a test network, three times for half a second.\n"
        "\n"
        "plant=Ni (instructions) and plant=Nns in a SPEC plant a cost for each packet, to see\n"
        "whether it's found.\n"
        "\n"
        "Exit codes: 0 no regression, 1 more instructions, 2 error, 3 not judged, 128 + N stopped\n"
        "by signal N.",
};
