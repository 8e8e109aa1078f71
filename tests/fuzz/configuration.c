// Whatever text the programs read: switches, specs, workloads, plans, and run folders. What is
// refused is said in words; what is accepted means the same when it is printed and read again.
//
// The input: a letter that picks the reader, then the text. A run folder ('r') is run.json, a line
// of four dashes, and trials.jsonl.
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>
#include "base/memory.h"
#include "base/text.h"
#include "harness/judge/outcome.h"
#include "harness/show/verdict_json.h"
#include "harness/show/verdict_table.h"
#include "harness/plan/plan.h"
#include "harness/spec/parse.h"
#include "tunnel/switches.h"

#define NAME "fuzz"
#define PLANS "/workloads/plans"

static struct spec_catalog catalog;
static char folder[256];
// What the readers print.
static char *said;
static size_t said_bytes;

static void remove_folder(void)
{
	static const char *const names[] = {
	    PLANS "/" NAME ".plan", PLANS, "/workloads", "/run.json", "/trials.jsonl", ""};
	char path[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", folder, names[i]);
		remove(path);
	}
}

static void make_folder(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", folder, name);
	FUZZ_CHECK(!mkdir(path, 0700));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *temporary = getenv("TMPDIR");

	(void)argc;
	(void)argv;
	FUZZ_CHECK(!spec_catalog_load(&catalog));
	snprintf(folder, sizeof(folder), "%s/wgbench-fuzz-XXXXXX", temporary ? temporary : "/tmp");
	FUZZ_CHECK(mkdtemp(folder));
	atexit(remove_folder);
	make_folder("/workloads");
	make_folder(PLANS);
	// The sanitizers and libFuzzer write to the descriptor.
	stderr = open_memstream(&said, &said_bytes);
	FUZZ_CHECK(stderr);
	return 0;
}

static void forget_words(void)
{
	rewind(stderr);
}

// The words are for whom the text was wrong, and for nobody else.
static void check_words(int ret)
{
	fflush(stderr);
	FUZZ_CHECK(ret <= 0);
	FUZZ_CHECK(!ret == !said_bytes);
	FUZZ_CHECK(!ret || said[said_bytes - 1] == '\n');
}

static void write_file(const char *name, const char *text, size_t bytes)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	FUZZ_CHECK(f && fwrite(text, 1, bytes, f) == bytes && !fclose(f));
}

// ---- one line

static void read_switches(const char *text)
{
	struct switches s, again;
	char printed[1024];
	int ret = switches_parse(&s, text);

	check_words(ret);
	if (ret)
		return;
	FILE *f = fmemopen(printed, sizeof(printed), "w");
	FUZZ_CHECK(f);
	switches_print(&s, f);
	fclose(f);
	printed[strcspn(printed, "\n")] = 0;
	FUZZ_CHECK(!switches_parse(&again, printed));
	FUZZ_CHECK(!memcmp(&s, &again, sizeof(s)));
}

static void read_spec(const char *text)
{
	static struct spec s, again;

	// A revision is git's to find.
	if (strchr(text, '@'))
		return;
	int ret = spec_parse(&s, &catalog, text);
	check_words(ret);
	if (ret)
		return;
	FUZZ_CHECK(strlen(s.name) < sizeof(s.name));
	FUZZ_CHECK(!spec_parse(&again, &catalog, s.name));
	FUZZ_CHECK(s.kind == again.kind && !strcmp(s.name, again.name) &&
	           !strcmp(s.build, again.build) && !strcmp(s.switches, again.switches) &&
	           !strcmp(s.program, again.program) && s.choices == again.choices);
	FUZZ_CHECK(s.choices == (s.kind == SPEC_OWN ? catalog.slots : 0));
	FUZZ_CHECK(!memcmp(s.choice, again.choice, sizeof(s.choice)));
}

static bool same_use(const struct workload_use *a, const struct workload_use *b)
{
	return a->workload == b->workload && !strcmp(a->name, b->name) &&
	       !memcmp(a->value, b->value, sizeof(a->value));
}

static void read_workload(const char *text)
{
	struct workload_use use, again;
	int ret = workload_parse(&use, text);

	check_words(ret);
	if (ret)
		return;
	for (size_t i = 0; use.workload->parameters[i].name; i++)
		FUZZ_CHECK(use.value[i] >= use.workload->parameters[i].min &&
		           use.value[i] <= use.workload->parameters[i].max);
	FUZZ_CHECK(!workload_parse(&again, use.name) && same_use(&use, &again));
}

// ---- plans

static bool same_goal(const struct goal *a, const struct goal *b)
{
	return !strcmp(a->workload, b->workload) && !strcmp(a->metric, b->metric) &&
	       !strcmp(a->candidate, b->candidate) && !strcmp(a->baseline, b->baseline) &&
	       a->at_least == b->at_least && a->ratio == b->ratio;
}

// Through run.json and back.
static void check_plan(const struct plan *p)
{
	static struct plan again;
	struct run run = {.tunnels = p->tunnels,
	                  .tunnel = memory_new(p->tunnels, sizeof(*run.tunnel))};
	size_t i;

	FUZZ_CHECK(p->tunnels && p->tunnels <= RUN_TUNNELS_MAX && p->workloads &&
	           p->workloads <= RUN_WORKLOADS_MAX && p->goals <= RUN_GOALS_MAX);
	plan_to_run(p, &run);
	for (i = 0; i < p->tunnels; i++)
		run.tunnel[i].spec = text_format("%s", p->tunnel[i].spec);
	FUZZ_CHECK(!plan_from_run(&again, &run, folder));
	FUZZ_CHECK(again.tunnels == p->tunnels && again.workloads == p->workloads &&
	           again.blocks == p->blocks && again.duration_s == p->duration_s &&
	           again.seed == p->seed && !strcmp(again.name, p->name));
	for (i = 0; i < p->tunnels; i++)
		FUZZ_CHECK(!strcmp(p->tunnel[i].spec, again.tunnel[i].spec));
	for (i = 0; i < p->workloads; i++)
		FUZZ_CHECK(same_use(&p->workload[i], &again.workload[i]));
	FUZZ_CHECK(run.goals == p->goals);
	for (i = 0; i < p->goals; i++)
		FUZZ_CHECK(same_goal(&run.goal[i], &p->goal[i]));
	run_free(&run);
}

static void read_plan(const char *text, size_t bytes)
{
	static struct plan p;

	write_file(PLANS "/" NAME ".plan", text, bytes);
	int ret = plan_load(&p, folder, NAME);
	check_words(ret);
	if (!ret)
		check_plan(&p);
}

// ---- run folders

static void check_trials(struct store *st)
{
	for (size_t i = 0; i < st->trials; i++) {
		struct text fault = {0};
		struct trial again;
		char *line = trial_encode(&st->trial[i], &st->run), *second;

		FUZZ_CHECK(line);
		FUZZ_CHECK(!trial_decode(&again, &st->run, line, strlen(line), &fault));
		second = trial_encode(&again, &st->run);
		FUZZ_CHECK(second && !strcmp(line, second));
		free(line);
		free(second);
		trial_free(&again);
		text_free(&fault);
	}
}

static void check_outcome(void)
{
	static struct outcome o;
	const struct outcome_how how = {.alone = true};

	forget_words();
	int ret = outcome_load(&o, folder, &how);
	fflush(stderr);
	FUZZ_CHECK(!ret || said_bytes);
	if (ret)
		return;
	void (*const tables[])(const struct outcome *,
	                       struct table *) = {outcome_tunnels, outcome_verdicts, outcome_goals};
	FILE *null = fopen("/dev/null", "w");
	FUZZ_CHECK(null);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct table t;

		tables[i](&o, &t);
		FUZZ_CHECK(t.cells % t.columns == 0);
		table_print(&t, null);
		table_free(&t);
	}
	json_t *json = outcome_json(&o);
	FUZZ_CHECK(json && !json_dumpf(json, null, 0));
	json_decref(json);
	int code = (int)outcome_answer(&o);
	FUZZ_CHECK(code == 0 || code == 1 || code == 3);
	fclose(null);
	outcome_free(&o);
}

// A torn line is left out by a reader, cut off by a writer.
static void check_append(size_t trials)
{
	static struct store st;

	FUZZ_CHECK(!store_open(&st, folder, true) && st.trials == trials);
	store_close(&st);
	FUZZ_CHECK(!store_open(&st, folder, false) && st.trials == trials && !st.torn);
	store_close(&st);
}

static void read_run(const char *text, size_t bytes)
{
	static const char parting[] = "\n----\n";
	const char *trials = memmem(text, bytes, parting, sizeof(parting) - 1);
	size_t first = trials ? (size_t)(trials - text) : bytes;
	static struct store st;
	static struct plan p;

	trials = trials ? trials + sizeof(parting) - 1 : text + bytes;
	write_file("run.json", text, first);
	write_file("trials.jsonl", trials, text + bytes - trials);
	int ret = store_open(&st, folder, false);
	if (ret || !st.torn)
		check_words(ret);
	if (ret)
		return;
	FUZZ_CHECK(st.run.tunnels && st.run.tunnels <= RUN_TUNNELS_MAX);
	check_trials(&st);
	if (!plan_from_run(&p, &st.run, folder))
		check_plan(&p);
	size_t n = st.trials;
	store_close(&st);
	check_append(n);
	check_outcome();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (!bytes)
		return 0;
	char *text = strndup((const char *)data + 1, bytes - 1);
	FUZZ_CHECK(text);
	forget_words();
	switch (data[0]) {
	case 'w':
		read_switches(text);
		break;
	case 's':
		read_spec(text);
		break;
	case 'l':
		read_workload(text);
		break;
	case 'p':
		read_plan((const char *)data + 1, bytes - 1);
		break;
	case 'r':
		read_run((const char *)data + 1, bytes - 1);
		break;
	}
	free(text);
	return 0;
}
