// Run folders made up for tests, under a temporary folder.
#ifndef WGBENCH_TESTS_SUPPORT_SYNTHETIC_H
#define WGBENCH_TESTS_SUPPORT_SYNTHETIC_H

#include "base/text.h"
#include "harness/record/store.h"
#include "tests/support/support.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct synthetic {
	char base[64], dir[96]; // dir: of the run, below base
	struct store store;
	struct support_random random;
};

// The object of a run.json.
static inline json_t *synthetic_run(unsigned tunnels, unsigned blocks)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < tunnels; i++) {
		char spec[32];

		snprintf(spec, sizeof(spec), "tunnel-%u", i);
		json_array_append_new(rows, json_pack("{s:s, s:s, s:{}, s:s, s:s}", "spec", spec,
		                                      "revision", "0123456789abcdef", "variants",
		                                      "binary_sha256", "00", "version", "made up"));
	}
	return json_pack(
	    "{s:i, s:s, s:s, s:s, s:i, s:[s, s], s:o, s:{s:s, s:{s:i}}, s:[s], s:i, s:i, "
	    "s:i}",
	    "schema", STORE_SCHEMA, "id", "synthetic", "created", "2020-01-01T00:00:00Z", "plan",
	    "", "seed", 1, "command", "wgbench", "run", "tunnels", rows, "environment", "kernel",
	    "6.1 <x> | y", "cpu", "count", 2, "workloads", "tcp", "blocks", blocks,
	    "trials_per_block", 2 * tunnels, "duration", 1);
}

static inline struct run synthetic_read_run(json_t *object)
{
	struct text fault = {0};
	struct run run = {0};

	if (run_read(&run, object, &fault))
		fail_msg("%s", text_string(&fault));
	text_free(&fault);
	json_decref(object);
	return run;
}

static inline void synthetic_begin_with(struct synthetic *s, json_t *run)
{
	static unsigned count;

	memset(s, 0, sizeof(*s));
	strcpy(s->base, "/tmp/wgbench-test-XXXXXX");
	assert_non_null(mkdtemp(s->base));
	snprintf(s->dir, sizeof(s->dir), "%s/run", s->base);
	struct run made = synthetic_read_run(run);
	assert_int_equal(store_create(&s->store, s->dir, &made), 0);
	support_random_init(&s->random, support_seed() + count++);
}

static inline void synthetic_begin(struct synthetic *s, unsigned tunnels, unsigned blocks)
{
	synthetic_begin_with(s, synthetic_run(tunnels, blocks));
}

static inline int synthetic_remove(const char *path, const struct stat *info, int type,
                                   struct FTW *ftw)
{
	(void)info, (void)type, (void)ftw;
	return remove(path);
}

static inline void synthetic_end(struct synthetic *s)
{
	store_close(&s->store);
	nftw(s->base, synthetic_remove, 16, FTW_DEPTH | FTW_PHYS);
}

// A file's whole text, below 1 MiB; the caller frees it.
static inline char *synthetic_read(const char *dir, const char *name, size_t *bytes)
{
	char path[256], *text = calloc(1, 1 << 20);
	FILE *f;

	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	assert_non_null(f);
	*bytes = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

static inline void synthetic_write(const char *dir, const char *name, const char *text,
                                   size_t bytes)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, bytes, f), bytes);
	fclose(f);
}

// About normal, mean 0, sd 1.
static inline double synthetic_normal(struct synthetic *s)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += (double)(support_random_next(&s->random) >> 11) / (1ull << 53);
	return sum;
}

static inline struct trial synthetic_trial(unsigned block, unsigned attempt, unsigned position,
                                           unsigned tunnel)
{
	struct trial t;

	trial_init(&t);
	t.block = block;
	t.attempt = attempt;
	t.position = position;
	t.tunnel = tunnel;
	strcpy(t.workload, "tcp");
	t.start_ns = 1600000000000000000;
	t.duration_ns = 1000000000;
	return t;
}

// A row, as a workload has them.
static inline const struct metric *synthetic_row(const char *name, bool higher_is_better,
                                                 bool judged)
{
	static struct metric rows[64];
	struct metric *m = rows;

	while (m->name && (strcmp(m->name, name) || m->higher_is_better != higher_is_better ||
	                   m->judged != judged))
		m++;
	assert_true(m < rows + 63);
	*m =
	    (struct metric){name, higher_is_better ? "Gbit/s" : "s/Gbit", higher_is_better, judged};
	return m;
}

static inline void synthetic_metric(struct trial *t, const char *name, double value,
                                    bool higher_is_better, bool judged)
{
	t->value[t->values++] =
	    (struct value){synthetic_row(name, higher_is_better, judged), value};
}

struct synthetic_block {
	double effect[RUN_TUNNELS_MAX]; // ln, of each tunnel's goodput; CPU cost is its inverse
	double noise;                   // sd of ln
	enum trial_status status[RUN_TUNNELS_MAX];
	bool zero;                  // tunnel 1's goodput is 0
	const char *offload_change; // of the contaminated, or NULL
	unsigned build;
};

// A whole attempt at a block, in the order 0 1 .. 1 0.
static inline void synthetic_add(struct synthetic *s, unsigned block, unsigned attempt,
                                 const struct synthetic_block *b)
{
	unsigned n = s->store.run.tunnels;

	for (unsigned i = 0; i < 2 * n; i++) {
		unsigned tunnel = i < n ? i : 2 * n - 1 - i;
		struct trial t = synthetic_trial(block, attempt, i, tunnel);
		double value = 4 * exp(b->effect[tunnel] + b->noise * synthetic_normal(s));

		t.status = b->status[tunnel];
		t.build = b->build;
		t.start = block;
		if (t.status == TRIAL_FAILED) {
			strcpy(t.reason, "iperf3 said no");
		} else {
			synthetic_metric(&t, "goodput_gbps", b->zero && tunnel == 1 ? 0 : value,
			                 true, true);
			synthetic_metric(&t, "cpu_s_per_gbit", 1 / value, false, true);
			synthetic_metric(&t, "retransmits", tunnel, false, false);
		}
		if (b->offload_change && t.status == TRIAL_CONTAMINATED)
			t.offload_change = text_format("%s", b->offload_change);
		assert_int_equal(store_append(&s->store, &t), 0);
		trial_free(&t);
	}
}

// A finished run of two tunnels whose candidate differs by `effect` (ln).
static inline void synthetic_fill(struct synthetic *s, unsigned blocks, double effect, double noise)
{
	struct synthetic_block b = {.effect = {0, effect}, .noise = noise};

	synthetic_begin(s, 2, blocks);
	for (unsigned i = 0; i < blocks; i++)
		synthetic_add(s, i, 0, &b);
}

#endif
