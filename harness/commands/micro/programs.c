#include "harness/commands/micro/programs.h"

#include "base/argv.h"
#include "base/fields.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"
#include "harness/machine/environment.h"
#include "harness/measure/progress.h"
#include "harness/plan/block_order.h"

#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char wgbench_profile[];

enum { RUN_TIMEOUT_MS = 20 * 60 * 1000, LIST_TIMEOUT_MS = 60 * 1000 };

static char *name_program(const struct spec_catalog *c, const char *slot, const char *variant)
{
	return text_format("%s/build/%s/micro/%s/%s", c->root, wgbench_profile, slot, variant);
}

static int report_failure(const char *program, int ret, struct process_text *text)
{
	fprintf(stderr, "wgbench: %s: %s\n", program, process_reason(ret, text));
	return ret < 0 ? ret : -EIO;
}

// ---- which entries there are

static struct micro_sweep *find_sweep(struct micro_slot *s, const char *entry)
{
	size_t length = strcspn(entry, "/");

	for (size_t i = 0; i < s->sweeps; i++)
		if (!strncmp(s->sweep[i].name, entry, length) && !s->sweep[i].name[length])
			return &s->sweep[i];
	s->sweep = memory_resize(s->sweep, s->sweeps + 1, sizeof(*s->sweep));
	memset(&s->sweep[s->sweeps], 0, sizeof(*s->sweep));
	snprintf(s->sweep[s->sweeps].name, sizeof(s->sweep->name), "%.*s", (int)length, entry);
	return &s->sweep[s->sweeps++];
}

// Adds the entry to the sweep's pattern "^(a|b)$"; a '.' matches itself too.
static void pick_entry(struct micro_slot *s, size_t variant, const char *entry)
{
	struct micro_sweep *sweep = find_sweep(s, entry);
	char *before = sweep->pattern[variant];
	int kept = before ? strlen(before) - strlen(")$") : 0;

	sweep->pattern[variant] =
	    before ? text_format("%.*s|%s)$", kept, before, entry) : text_format("^(%s)$", entry);
	free(before);
	sweep->n++;
}

static bool is_picked(const regex_t *filter, const char *name)
{
	return !filter || !regexec(filter, name, 0, NULL, 0);
}

// Asks one program. Returns how many entries are picked, or -errno.
static int list_program(struct micro_plan *p, struct micro_slot *s, size_t variant,
                        const regex_t *filter)
{
	const char *slot = s->slot->name, *name = s->slot->variant[variant];
	char *path = name_program(p->catalog, slot, name);
	const char *const argv[] = {path, "--benchmark_list_tests=true", NULL};
	struct process_text text;
	int picked = 0;

	int ret = process_run(argv, PROCESS_HERE, NULL, LIST_TIMEOUT_MS, &text);
	if (ret && ret != -EINTR)
		ret = report_failure(path, ret, &text);
	for (char *line = ret ? NULL : strtok(text.out, "\n"); line; line = strtok(NULL, "\n")) {
		char *full = text_format("%s/%s/%s", slot, name, line);

		if (is_picked(filter, full)) {
			pick_entry(s, s->variants, line);
			json_array_append_new(p->entries, json_string(full));
			picked++;
		}
		free(full);
	}
	process_text_free(&text);
	free(path);
	return ret ? ret : picked;
}

static bool has_benchmarks(const struct spec_catalog *c, const char *slot)
{
	char *path = text_format("%s/workloads/micro/%s.c", c->root, slot);
	bool has = path_exists(path);

	free(path);
	return has;
}

// The variant of the preset `default`, else the first.
static size_t choose_base(const struct micro_plan *p, const struct micro_slot *s, size_t slot)
{
	for (size_t v = 0; v < s->variants; v++)
		if (p->catalog->presets && p->catalog->preset[0].variant[slot] == s->variant[v])
			return v;
	return 0;
}

static void free_slot(struct micro_slot *s)
{
	for (size_t i = 0; i < s->sweeps; i++)
		for (size_t v = 0; v < SPEC_VARIANTS_MAX; v++)
			free(s->sweep[i].pattern[v]);
	free(s->sweep);
}

static int list_slot(struct micro_plan *p, size_t slot, const regex_t *filter)
{
	struct micro_slot *s = &p->slot[p->slots];
	int ret = 0;

	*s = (struct micro_slot){.slot = &p->catalog->slot[slot]};
	for (size_t v = 0; v < s->slot->variants && ret >= 0; v++) {
		ret = list_program(p, s, v, filter);
		if (ret > 0)
			s->variant[s->variants++] = v;
	}
	if (s->variants > RUN_TUNNELS_MAX) {
		fprintf(stderr, "wgbench micro: slot '%s' has more than %d variants\n",
		        s->slot->name, RUN_TUNNELS_MAX);
		ret = -E2BIG;
	}
	s->base = choose_base(p, s, slot);
	if (ret < 0 || !s->variants)
		free_slot(s);
	else
		p->slots++;
	return ret < 0 ? ret : 0;
}

static int refuse_filter(const struct spec_catalog *c, const char *filter, const char *why)
{
	fprintf(stderr, "wgbench micro: '%s' %s SLOT/VARIANT/ENTRY:", filter, why);
	for (size_t s = 0; s < c->slots; s++)
		for (size_t v = 0; v < c->slot[s].variants && has_benchmarks(c, c->slot[s].name);
		     v++)
			fprintf(stderr, " %s/%s", c->slot[s].name, c->slot[s].variant[v]);
	fprintf(stderr, "; entries: wgbench micro --list\n");
	return -EINVAL;
}

int micro_plan_make(struct micro_plan *p, const struct spec_catalog *c, const char *filter)
{
	regex_t regex;
	int ret;

	*p = (struct micro_plan){.catalog = c};
	if (filter && regcomp(&regex, filter, REG_EXTENDED | REG_NOSUB))
		return refuse_filter(c, filter, "is no extended regular expression for");
	p->entries = json_array();
	ret = spec_make(c, "micro-programs");
	for (size_t slot = 0; slot < c->slots && !ret; slot++)
		if (has_benchmarks(c, c->slot[slot].name))
			ret = list_slot(p, slot, filter ? &regex : NULL);
	if (filter)
		regfree(&regex);
	if (!ret && !p->slots)
		ret = filter ? refuse_filter(c, filter, "matches none of") : -ENOENT;
	if (ret)
		micro_plan_free(p);
	return ret;
}

void micro_plan_free(struct micro_plan *p)
{
	while (p->slots)
		free_slot(&p->slot[--p->slots]);
	json_decref(p->entries);
	p->entries = NULL;
}

// ---- running

// What a program prints.
struct said {
	json_t *context, *benchmarks;
};

static const struct field benchmark = {.kind = FIELD_OBJECT};
static const struct field said_rows[] = {
    {"context", FIELD_OBJECT, FIELD_OPTIONAL, FIELD_IN(struct said, context)},
    {"benchmarks", FIELD_ARRAY, FIELD_IN(struct said, benchmarks), .max = 1 << 16,
     .rows = &benchmark},
    {0},
};

static bool read_said(struct said *said, const char *text)
{
	json_t *object = json_loads(text, 0, NULL);
	struct text fault = {0};
	bool is_read = json_is_object(object) && !fields_read(said, object, said_rows, &fault);

	text_free(&fault);
	json_decref(object);
	return is_read;
}

// Once for each variant: what the program says of itself and of this machine, without what says
// which machine it is or changes from run to run.
static void keep_context(struct micro_runs *runs, const char *variant, const char *program,
                         json_t *said)
{
	static const char *const drop[] = {"host_name", "date", "load_avg", "executable"};
	const char *const argv[] = {"sha256sum", "-b", program, NULL};

	if (!said || micro_runs_context(runs, variant))
		return;
	for (size_t i = 0; i < sizeof(drop) / sizeof(drop[0]); i++)
		json_object_del(said, drop[i]);
	char *line = environment_program_line(argv);
	json_object_set_new(said, "binary_sha256",
	                    json_stringn(line, strcspn(line, " ") < 64 ? 0 : 64));
	free(line);
	micro_runs_add_context(runs, variant, json_incref(said));
}

static int run_program(const struct micro_plan *p, const struct micro_slot *s, size_t variant,
                       const struct micro_sweep *sweep, unsigned block, unsigned position,
                       struct micro_runs *runs)
{
	const char *name = s->slot->variant[s->variant[variant]];
	char *path = name_program(p->catalog, s->slot->name, name);
	struct process_text text;
	struct argv argv = {0};

	argv_add_all(&argv, path, "--benchmark_format=json", NULL);
	argv_add_format(&argv, "--benchmark_min_time=%.9g", p->min_time_s);
	argv_add_format(&argv, "--benchmark_filter=%s", sweep->pattern[variant]);
	if (p->counters)
		argv_add_format(&argv, "--counters=%s", p->counters);
	int ret = process_run(argv_words(&argv), PROCESS_HERE, NULL, RUN_TIMEOUT_MS, &text);
	argv_free(&argv);
	// 1: an entry failed; its row says why.
	struct said said = {0};
	if ((ret == 0 || ret == 1) && read_said(&said, text.out)) {
		keep_context(runs, name, path, said.context);
		micro_runs_add(runs, name, sweep->name, block, position,
		               json_incref(said.benchmarks));
		ret = 0;
	} else if (ret != -EINTR) {
		ret = report_failure(path, ret, &text);
	}
	fields_free(&said, said_rows);
	process_text_free(&text);
	free(path);
	return ret;
}

static int run_sweep(const struct micro_plan *p, const struct micro_slot *s,
                     const struct micro_sweep *sweep, unsigned block, struct progress *progress,
                     struct micro_runs *runs)
{
	size_t chosen[SPEC_VARIANTS_MAX], n = 0;
	unsigned order[2 * RUN_TUNNELS_MAX];
	char shown[128];

	for (size_t v = 0; v < s->variants; v++)
		if (sweep->pattern[v])
			chosen[n++] = v;
	order_block(order, n, block, p->seed);
	snprintf(shown, sizeof(shown), "%s/%s", s->slot->name, sweep->name);
	for (unsigned i = 0; i < ORDER_TRIALS_PER_TUNNEL * n; i++) {
		progress_show(progress, block, shown, i, ORDER_TRIALS_PER_TUNNEL * n, 0);
		int ret = run_program(p, s, chosen[order[i]], sweep, block, i, runs);
		if (ret)
			return ret;
	}
	progress->done++;
	return 0;
}

static struct micro_runs begin_slot(const struct micro_slot *s)
{
	struct micro_runs runs = {.slot = text_format("%s", s->slot->name),
	                          .variants = s->variants,
	                          .variant = memory_new(s->variants, sizeof(char *)),
	                          .base = text_format("%s", s->slot->variant[s->variant[s->base]])};

	for (size_t v = 0; v < s->variants; v++)
		runs.variant[v] = text_format("%s", s->slot->variant[s->variant[v]]);
	return runs;
}

static int run_block(const struct micro_plan *p, unsigned block, struct progress *progress,
                     struct micro_raw *raw)
{
	for (size_t i = 0; i < p->slots; i++)
		for (size_t j = 0; j < p->slot[i].sweeps; j++) {
			int ret = run_sweep(p, &p->slot[i], &p->slot[i].sweep[j], block, progress,
			                    &raw->slot[i]);
			if (ret)
				return ret;
		}
	return 0;
}

int micro_run(const struct micro_plan *p, struct micro_raw *raw,
              int (*save)(const struct micro_raw *, void *context), void *context)
{
	struct progress progress;
	unsigned sweeps = 0;
	int ret = 0;

	raw->slot = memory_new(p->slots, sizeof(*raw->slot));
	for (size_t i = 0; i < p->slots; i++) {
		raw->slot[raw->slots++] = begin_slot(&p->slot[i]);
		sweeps += p->slot[i].sweeps;
	}
	progress_begin(&progress, sweeps * p->blocks, p->blocks, 0);
	for (unsigned block = 0; block < p->blocks && !ret; block++) {
		ret = run_block(p, block, &progress, raw);
		progress_clear(&progress);
		int saved = save(raw, context);
		ret = ret ? ret : saved;
		if (!ret && !progress.terminal) {
			progress.done--; // progress_finish() counts one
			progress_finish(&progress, block, "micro", "");
		}
	}
	return ret;
}
