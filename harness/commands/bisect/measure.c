// One commit's measurement: a run of the good end, the commit and the bad end in the same blocks,
// or, of instructions, its count.
#include "base/memory.h"
#include "harness/commands/bisect/bisect.h"
#include "harness/measure/preflight.h"
#include "base/clock.h"
#include "harness/command.h"
#include "harness/judge/decided.h"
#include "harness/stats/signed_rank.h"
#include "harness/measure/run.h"
#include "harness/measure/replay.h"
#include "harness/judge/outcome.h"
#include "base/file.h"
#include "base/process.h"
#include "harness/spec/parse.h"
#include "harness/stats/basic.h"
#include "harness/record/store.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Counts repeat exactly; but none is beyond all doubt.
#define COUNT_ERROR 1e-6

bool bisect_counts(const struct bisect *b)
{
	return !strcmp(b->metric, "instructions");
}

double bisect_error(const struct bisect *b)
{
	return bisect_counts(b) ? COUNT_ERROR : PLACE_ERROR;
}

double bisect_spent_s(const struct bisect *b)
{
	double spent_s = 0;

	for (size_t i = 0; i < b->steps; i++)
		spent_s += b->step[i].seconds;
	return spent_s;
}

bool bisect_is_end(const struct bisect *b, size_t commit)
{
	return commit == b->commits - 1;
}

const struct bisect_step *bisect_ends(const struct bisect *b)
{
	const struct bisect_step *last = NULL;

	for (size_t i = 0; i < b->steps; i++)
		if (bisect_is_end(b, b->step[i].commit))
			last = &b->step[i];
	return last;
}

// +1 where the metric rises from the good end to the bad one, else -1.
static int direction(const struct bisect *b)
{
	return bisect_ends(b)->place.good.effect > 0 ? 1 : -1;
}

// ---- what can be measured

static int find_mix(const struct bisect *b, int *mix)
{
	for (*mix = 0; *mix < COUNT_MIXES; ++*mix)
		if (!strcmp(b->workload, count_mixes[*mix]))
			return 0;
	fprintf(stderr, "wgbench bisect: instructions are counted of a mix: --workload is one of");
	for (int i = 0; i < COUNT_MIXES; i++)
		fprintf(stderr, " %s", count_mixes[i]);
	fprintf(stderr, ", not '%s'\n", b->workload);
	return -EINVAL;
}

static int check_judged(const struct plan *p, const char *metric)
{
	const struct metric *m = p->workload[0].workload->metrics;

	for (; m->name; m++)
		if (!strcmp(m->name, metric) && m->judged)
			return 0;
	fprintf(stderr, "wgbench bisect: '%s' is recorded, not judged: --metric is one of", metric);
	for (m = p->workload[0].workload->metrics; m->name; m++)
		if (m->judged)
			fprintf(stderr, " %s", m->name);
	fprintf(stderr, "\n");
	return -EINVAL;
}

// But for its tunnels.
static int make_plan(struct plan *p, const struct bisect *b)
{
	plan_default(p);
	p->tunnels = p->workloads = 0;
	int ret = plan_add_workload(p, b->workload);
	return ret ? ret : plan_add_metric(p, b->metric);
}

// The tunnel at a commit.
static void spec_at(const struct bisect *b, const char *hash, char text[256])
{
	snprintf(text, 256, "%s@%.12s", b->tunnel, hash);
}

static int parse_at(const struct bisect *b, const char *hash, const struct spec_catalog *c,
                    struct spec *spec)
{
	char text[256];

	spec_at(b, hash, text);
	return spec_parse(spec, c, text);
}

static int check_tunnel(const struct bisect *b)
{
	struct spec_catalog *c = memory_new(1, sizeof(*c));
	struct spec *spec = memory_new(1, sizeof(*spec));
	int ret = 0;

	if (strchr(b->tunnel, '@') || !strncmp(b->tunnel, "exec:", 5)) {
		fprintf(
		    stderr,
		    "wgbench bisect: --tunnel '%s': a tunnel of this tree, without a revision\n",
		    b->tunnel);
		ret = -EINVAL;
	}
	if (!ret)
		ret = spec_catalog_load(c);
	if (!ret)
		ret = parse_at(b, b->good_hash, c, spec);
	if (!ret)
		ret = parse_at(b, b->commit[b->commits - 1].hash, c, spec);
	free(spec);
	spec_catalog_free(c);
	free(c);
	return ret;
}

int bisect_check(const struct bisect *b)
{
	struct plan p;
	int mix, ret = check_tunnel(b);

	if (ret)
		return ret;
	if (bisect_counts(b))
		return find_mix(b, &mix) ? -EINVAL : count_check();
	ret = make_plan(&p, b);
	if (!ret)
		ret = check_judged(&p, b->metric);
	return ret ? ret : check_ready(&p);
}

// A commit that itself is at fault tells no side; all else stops the search, which can go on later.
static int blame(int ret, struct bisect_step *s, const char *reason)
{
	if (ret != -EINVAL)
		return EXIT_ERROR;
	s->place.word = PLACE_NONE;
	snprintf(s->reason, sizeof(s->reason), "%s", reason);
	return 0;
}

// ---- by a count

static int count_in(struct count_tunnel *t, const struct bisect *b, double *per_packet)
{
	const struct count_cell *cell;
	int mix, ret = find_mix(b, &mix);

	if (ret)
		return ret;
	ret = count_replay(t, mix);
	cell = &t->cell[mix][COUNT_BOTH];
	if (!ret)
		*per_packet = (double)cell->code.instructions / cell->packets;
	for (int side = 0; side < COUNT_SIDES; side++)
		callgrind_free(&t->cell[mix][side].code);
	return ret;
}

// Of another commit than an end, the good one is the control.
static int parse_held_against(const struct bisect *b, const char *hash,
                              const struct spec_catalog *c, struct spec *spec)
{
	int ret = parse_at(b, hash, c, spec);

	if (strcmp(hash, b->good_hash) && strcmp(hash, b->commit[b->commits - 1].hash))
		strcpy(spec->control, b->good_hash);
	return ret;
}

static int count_at(const struct bisect *b, const char *hash, const struct spec_catalog *c,
                    bool *built, double *per_packet)
{
	struct count_tunnel *t = memory_new(1, sizeof(*t));
	int ret = parse_held_against(b, hash, c, &t->spec);

	if (!ret)
		ret = spec_build_replay(&t->spec, c, t->replay, t->commit);
	*built = !ret;
	if (!ret)
		ret = count_in(t, b, per_packet);
	free(t);
	return ret;
}

// A commit that can't be counted, twice, while the good end still can.
static int count_fairly(const struct bisect *b, const char *hash, const struct spec_catalog *c,
                        double *per_packet)
{
	double control;
	bool built;
	int ret = count_at(b, hash, c, &built, per_packet);

	if (ret != -EINVAL || !built)
		return ret;
	if (count_at(b, b->good_hash, c, &built, &control)) {
		fprintf(stderr,
		        "wgbench: the machine is at fault, not %.12s: '%s', which could be counted "
		        "before, can't be either\n",
		        hash, b->good);
		return -EIO;
	}
	return count_at(b, hash, c, &built, per_packet);
}

static int count_ends(struct bisect *b, const struct spec_catalog *c)
{
	const char *const hash[] = {b->good_hash, b->commit[b->commits - 1].hash};
	bool built;
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++)
		if (b->count[i] == 0)
			ret = count_at(b, hash[i], c, &built, &b->count[i]);
	return ret;
}

static void judge_counted_ends(const struct bisect *b, struct bisect_step *s)
{
	double percent = 100 * (b->count[1] / b->count[0] - 1);
	bool differ = !stats_above(b->gate_percent, fabs(percent));

	s->place = (struct place){.word = differ ? PLACE_BAD : PLACE_GOOD,
	                          .blocks = 1,
	                          .good = {percent, percent, percent}};
	if (!differ)
		snprintf(s->reason, sizeof(s->reason), "%+.3f %%, within the gate", percent);
}

static int count_commit(struct bisect *b, size_t commit, const struct spec_catalog *c,
                        struct bisect_step *s)
{
	double value[PLACE_TUNNELS];
	int ret;

	if (count_ends(b, c))
		return EXIT_ERROR;
	if (bisect_is_end(b, commit)) {
		judge_counted_ends(b, s);
		return 0;
	}
	ret = count_fairly(b, b->commit[commit].hash, c, &value[PLACE_COMMIT]);
	if (ret)
		return blame(ret, s, "can't be built or counted");
	value[PLACE_GOOD_END] = b->count[0];
	value[PLACE_BAD_END] = b->count[1];
	place_judge_exact(&s->place, value, b->gate_percent);
	return 0;
}

// ---- by a run

// Of what is left, a share for each measurement that may still be needed; but at least as many
// blocks as can decide anything. Whether there is time for these.
static bool take_share(const struct bisect *b, struct plan *p, bool ends)
{
	double left_s = b->budget_s - bisect_spent_s(b), block_s = plan_block_s(p);
	double needed = stats_signed_rank_blocks(INTERIM_ERROR);
	double measurements =
	    ends + bisect_search_expected(&b->search, b->confidence, bisect_error(b));

	p->blocks = fmin(RUN_BLOCKS_MAX, fmax(needed, floor(left_s / measurements / block_s)));
	p->budget_s = fmin(left_s, 2 * p->blocks * block_s); // blocks may have to be repeated
	return left_s >= needed * block_s;
}

static int plan_step(const struct bisect *b, const struct bisect_step *s, struct plan *p)
{
	bool ends = bisect_is_end(b, s->commit);
	const char *const hash[] = {b->good_hash, b->commit[s->commit].hash,
	                            b->commit[b->commits - 1].hash};
	int ret = make_plan(p, b);

	for (int i = 0; i < PLACE_TUNNELS - ends && !ret; i++) {
		char text[256];

		spec_at(b, hash[i], text);
		ret = plan_add_tunnel(p, text, false);
	}
	p->seed = b->steps;
	if (!ends)
		p->between = direction(b);
	return ret;
}

// A run whose making was cut off before its run.json has no trials, and is made anew.
static bool is_begun(const char *dir)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/run.json", dir);
	if (!access(path, F_OK))
		return true;
	snprintf(path, sizeof(path), "%s/trials.jsonl", dir);
	unlink(path);
	return false;
}

static void judge_ends(const struct outcome *o, struct bisect_step *s)
{
	const struct verdict *v = &o->verdicts.verdict[0];
	const struct verdict_effect *e = &v->clean;
	bool differ = v->word == VERDICT_WORSE || v->word == VERDICT_BETTER;

	s->place = (struct place){.word = differ                    ? PLACE_BAD
	                                  : v->word == VERDICT_SAME ? PLACE_GOOD
	                                                            : PLACE_OPEN,
	                          .blocks = e->blocks,
	                          .good = {e->effect, e->low, e->high}};
	if (!differ)
		snprintf(s->reason, sizeof(s->reason), "%s%s%s", verdict_names[v->word],
		         *v->reason ? ": " : "", v->reason);
}

static int judge_run(const struct bisect *b, const struct store *st, struct bisect_step *s)
{
	const struct outcome_how how = {.gate_percent = b->gate_percent, .metric = b->metric};
	struct outcome o;

	if (outcome_judge(&o, st, &how))
		return EXIT_ERROR;
	if (bisect_is_end(b, s->commit))
		judge_ends(&o, s);
	else
		place_judge(&s->place, o.verdicts.verdict[0].series, b->gate_percent, direction(b));
	outcome_free(&o);
	return 0;
}

// Goes on with a run that was cut off: what its trials took then is part of the step too.
static int go_on(const char *dir, struct bisect_step *s, struct run_result *result)
{
	int code = run_resume(dir, NULL, decided_by, result);

	for (size_t i = 0; i < result->trials_before; i++)
		s->seconds += result->store.trial[i].duration_ns * 1e-9;
	return code;
}

static int judge_result(const struct bisect *b, struct bisect_step *s, int code, const char *dir,
                        const struct run_result *result)
{
	if (!code)
		return judge_run(b, &result->store, s);
	if (code != EXIT_ERROR || bisect_is_end(b, s->commit) || result->faulty != PLACE_COMMIT)
		return code;
	s->place.word = PLACE_NONE;
	output_take_text(s->reason, sizeof(s->reason), result->reason);
	if (!is_begun(dir))
		*s->run = 0; // it wasn't kept: no trial was finished
	return 0;
}

static int run_step(const struct bisect *b, struct bisect_step *s)
{
	struct run_result result;
	struct plan p;
	char dir[4100];
	int code;

	snprintf(s->run, sizeof(s->run), "%03zu-%.12s", b->steps, b->commit[s->commit].hash);
	snprintf(dir, sizeof(dir), "%s/%s", b->dir, s->run);
	if (plan_step(b, s, &p))
		return EXIT_ERROR;
	if (is_begun(dir))
		code = go_on(dir, s, &result);
	else if (!take_share(b, &p, bisect_is_end(b, s->commit)))
		return EXIT_INCONCLUSIVE;
	else
		code = run_plan(&p, dir, b->gate_percent, decided_by, &result);
	code = judge_result(b, s, code, dir, &result);
	store_close(&result.store);
	return code;
}

// A commit that can't be built isn't an end's fault, and no difference.
static int build_and_run(struct bisect *b, const struct spec_catalog *c, struct bisect_step *s)
{
	char program[4096], hash[64];
	struct spec *spec;
	int ret;

	if (bisect_is_end(b, s->commit))
		return run_step(b, s);
	spec = memory_new(1, sizeof(*spec));
	ret = parse_held_against(b, b->commit[s->commit].hash, c, spec);
	if (!ret)
		ret = spec_build(spec, c, 0, program, hash);
	free(spec);
	return ret ? blame(ret, s, "can't be built") : run_step(b, s);
}

// ---- either

// Why it tells no side, where that was not an accident.
static void explain(struct bisect_step *s)
{
	const struct place *p = &s->place;

	if (p->word == PLACE_ALONE)
		snprintf(s->reason, sizeof(s->reason),
		         "stands alone: %+.2f %% from good, %+.2f %% from bad", p->good.effect,
		         p->bad.effect);
	else if (p->word == PLACE_OPEN && !*s->reason)
		snprintf(s->reason, sizeof(s->reason), "on neither side after %zu clean blocks",
		         p->blocks);
}

int bisect_measure(struct bisect *b, size_t commit, struct bisect_step *s)
{
	struct spec_catalog *c = memory_new(1, sizeof(*c));
	double began_s = clock_s();
	int code = EXIT_ERROR;

	*s = (struct bisect_step){.commit = commit};
	if (!spec_catalog_load(c))
		code = bisect_counts(b) ? count_commit(b, commit, c, s) : build_and_run(b, c, s);
	spec_catalog_free(c);
	free(c);
	if (process_signal())
		return EXIT_BY_SIGNAL + process_signal();
	s->seconds += clock_s() - began_s;
	explain(s);
	return code;
}
