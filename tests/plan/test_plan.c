#include "base/text.h"
#include "harness/plan/plan.h"
#include "harness/spec/parse.h"
#include "tests/support/capture.h"
#include "tests/support/synthetic.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

static char root[] = "/tmp/wgbench-test-XXXXXX";

static int make_root(void **state)
{
	char path[PATH_MAX];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/workloads", root);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/workloads/plans", root);
	return mkdir(path, 0755);
}

static void plan_path(char *path, const char *name)
{
	snprintf(path, PATH_MAX, "%s/workloads/plans/%s.plan", root, name);
}

static int remove_root(void **state)
{
	char path[PATH_MAX];

	(void)state;
	plan_path(path, "it");
	unlink(path);
	snprintf(path, sizeof(path), "%s/workloads/plans", root);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/workloads", root);
	rmdir(path);
	return rmdir(root);
}

static int load(struct plan *p, const char *text, struct capture *c)
{
	char path[PATH_MAX];

	plan_path(path, "it");
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	capture_begin(c, STDERR_FILENO);
	int ret = plan_load(p, root, "it");
	capture_end(c);
	return ret;
}

static void what_is_compared(void **state)
{
	static const char file[] = "tunnel default\ntunnel wireguard-go if-available\n"
	                           "tunnel gsoc-after\ncompare default wireguard-go\n"
	                           "compare default gsoc-after\ncontrol\nworkload tcp\nblocks 8\n";
	struct plan p;
	struct run run = {0};
	struct capture c;

	(void)state;
	assert_int_equal(load(&p, file, &c), 0);
	assert_int_equal(p.comparisons, 2);
	assert_true(p.control);
	p.tunnel[1] = p.tunnel[--p.tunnels]; // as if that one weren't available
	plan_drop_comparisons(&p);
	assert_int_equal(plan_add_control(&p), 0);
	assert_int_equal(p.tunnels, 3);
	assert_string_equal(p.tunnel[2].spec, "default");
	assert_true(p.tunnel[2].control && !p.tunnel[0].control);
	assert_int_equal(plan_comparisons(&p), 2); // metrics
	plan_to_run(&p, &run);
	assert_int_equal(run.comparisons, 1);
	assert_int_equal(run.comparison[0].candidate, 0);
	assert_int_equal(run.comparison[0].baseline, 1);
	run_free(&run);

	assert_int_equal(load(&p, "tunnel default\ncompare default frob\nworkload tcp\n", &c),
	                 -EINVAL);
	assert_says(&c, "it.plan:2: no tunnel 'frob' above");
	assert_int_equal(load(&p, "tunnel default\ncompare default\nworkload tcp\n", &c), -EINVAL);
	assert_says(&c, "it.plan:2: expected compare CANDIDATE BASELINE");
}

static void file_is_read(void **state)
{
	struct plan p;
	struct capture c;

	(void)state;
	assert_int_equal(load(&p,
	                      "# what\n\ntunnel default  # baseline\n"
	                      "tunnel wireguard-go if-available\nworkload tcp:flows=2\n"
	                      "workload ping\nblocks 13\nduration 2",
	                      &c),
	                 0);
	assert_string_equal(p.name, "it");
	assert_int_equal(p.tunnels, 2);
	assert_string_equal(p.tunnel[0].spec, "default");
	assert_false(p.tunnel[0].if_available);
	assert_true(p.tunnel[1].if_available);
	assert_int_equal(p.workloads, 2);
	assert_string_equal(p.workload[0].name, "tcp:flows=2");
	assert_int_equal(p.blocks, 13);
	assert_int_equal(p.duration_s, 2);
}

#define GOALS                                                                                      \
	"tunnel a\ntunnel b\ntunnel c\nworkload tcp\nworkload ping\n"                              \
	"goal tcp goodput_gbps a/b >= 2 # twice\ngoal ping p50_us c/b <= 0.5\n"                    \
	"goal tcp goodput_gbps c/a >= 3\n"

static void goals_follow_their_tunnels(void **state)
{
	struct plan p;
	struct capture c;

	(void)state;
	assert_int_equal(load(&p, GOALS, &c), 0);
	assert_int_equal(p.goals, 3);
	assert_string_equal(p.goal[1].candidate, "c");
	plan_rename_tunnel(&p, 0, "canonical");
	assert_string_equal(p.tunnel[0].spec, "canonical");
	assert_string_equal(p.goal[0].candidate, "canonical");
	assert_string_equal(p.goal[2].baseline, "canonical");

	capture_begin(&c, STDERR_FILENO);
	plan_drop_goals(&p);
	capture_end(&c);
	assert_string_equal(c.text, "");
	assert_int_equal(p.goals, 3);

	p.tunnels = 2; // c isn't there
	capture_begin(&c, STDERR_FILENO);
	plan_drop_goals(&p);
	capture_end(&c);
	assert_says(&c, "2 of the plan's 3 goals left out");
	assert_int_equal(p.goals, 1);
	p.workload[0] = p.workload[1];
	p.workloads = 1; // only ping is measured
	capture_begin(&c, STDERR_FILENO);
	plan_drop_goals(&p);
	capture_end(&c);
	assert_int_equal(p.goals, 0);
}

static void bad_files_are_named(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
	    {"", "it.plan: needs a tunnel and a workload"},
	    {"tunnel default\n", "needs a tunnel and a workload"},
	    {"tunnel\n", "it.plan:1: expected a word after 'tunnel'"},
	    {"tunnel default perhaps\n", "it.plan:1: trailing 'perhaps'"},
	    {"tunnel a\nworkload nope\n", "unknown workload 'nope'"},
	    {"tunnel a\nworkload tcp\nworkload tcp\n", "'tcp' is given twice"},
	    {"tunnel a\nworkload tcp\nblocks 0\n", "it.plan:3: 'blocks 0'"},
	    {"tunnel a\nworkload tcp\nblocks 5x\n", "'blocks 5x'"},
	    {"tunnel a\nworkload tcp\nduration -1\n", "'duration -1'"},
	    {"tunnel a\nworkload tcp\nduration 1 2\n", "trailing '2'"},
	    {"tunel a\n", "'tunel a': expected tunnel"},
	    {"tunnel a\nworkload tcp\nbudget 0\n", "'budget 0'"},
	    {"tunnel a\nworkload tcp\nbudget soon\n", "'budget soon'"},
	    {"tunnel a\nworkload tcp\nbuilds 33\n", "'builds 33'"},
	    {"tunnel a\nworkload tcp\nmetric speed\n", "measures 'speed'"},
	    {"metric goodput_gbps\n", "measures 'goodput_gbps'"},
	    {"goal\n", "it.plan:1: '': expected goal WORKLOAD"},
	    {"tunnel a\nworkload tcp\ngoal tcp goodput_gbps a/b >= 2\ntunnel b\n",
	     "it.plan:3: 'b' is no tunnel named above: one of a\n"},
	};
	struct plan p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct capture c;

		assert_int_equal(load(&p, cases[i].text, &c), -EINVAL);
		assert_says(&c, cases[i].said);
	}
}

static void unknown_plan_lists_what_exists(void **state)
{
	struct plan p;
	struct capture c;

	(void)state;
	load(&p, "tunnel default\nworkload tcp\n", &c);
	capture_begin(&c, STDERR_FILENO);
	assert_int_equal(plan_load(&p, root, "other"), -EINVAL);
	assert_int_equal(plan_load(&p, root, "../plans/it"), -EINVAL);
	capture_end(&c);
	assert_says(&c, "unknown plan 'other': one of it\n");
	assert_says(&c, "unknown plan '../plans/it'");
}

// Through run.json, of which one field may be missing.
static int through_run(struct plan *back, const struct plan *p, const char *missing)
{
	struct text fault = {0};
	struct run run = {.id = text_format("a"),
	                  .created = text_format("2026-01-01T00:00:00Z"),
	                  .tunnels = p->tunnels,
	                  .tunnel = calloc(p->tunnels, sizeof(*run.tunnel))};
	struct run read = {0};

	plan_to_run(p, &run);
	assert_int_equal(run.trials_per_block, 2 * p->tunnels);
	for (size_t i = 0; i < p->tunnels; i++)
		run.tunnel[i] = (struct run_tunnel){.spec = text_format("%s", p->tunnel[i].spec),
		                                    .revision = text_format("%s", ""),
		                                    .version = text_format("%s", ""),
		                                    .sha256 = text_format("%s", "")};
	json_t *object = run_write(&run, &fault);
	assert_non_null(object);
	assert_true(!missing || !json_object_del(object, missing));
	assert_int_equal(run_read(&read, object, &fault), 0);
	int ret = plan_from_run(back, &read, "dir");
	run_free(&read);
	run_free(&run);
	json_decref(object);
	text_free(&fault);
	return ret;
}

static void a_budget_fixes_the_analyses(void **state)
{
	struct plan p;
	struct capture c;

	(void)state;
	assert_int_equal(load(&p,
	                      "tunnel a\ntunnel b\nworkload tcp\nmetric goodput_gbps\nbudget 5m\n"
	                      "builds 3\n",
	                      &c),
	                 0);
	assert_true(p.budget_s == 300);
	assert_int_equal(p.blocks, RUN_BLOCKS_MAX);
	assert_int_equal(p.builds, 3);
	assert_int_equal(p.metrics, 1);
	assert_int_equal(plan_comparisons(&p), 1); // its CPU cost isn't what the budget is for
	struct plan all = p;
	all.metrics = 0;
	assert_int_equal(plan_comparisons(&all), 2);
	assert_int_equal(p.analyses.plan.n, 0);
	plan_fix_interim(&p); // a block takes four trials of a second and something
	assert_true(interim_due(&p.analyses, 8));
	size_t last = p.analyses.plan.blocks[p.analyses.plan.n - 1];
	assert_true(last > 60 && last < 75);

	struct plan brief = p; // not a block's time: a run that is there to be read all the same
	brief.budget_s = 1;
	plan_fix_interim(&brief);
	assert_int_equal(brief.analyses.plan.n, 1);
	assert_int_equal(brief.analyses.plan.blocks[0], 1);

	struct plan back;
	assert_int_equal(through_run(&back, &p, NULL), 0);
	assert_true(back.budget_s == 300 && back.builds == 3 && back.metrics == 1);
	assert_int_equal(back.analyses.plan.n, p.analyses.plan.n);
	assert_string_equal(back.metric[0], "goodput_gbps");
}

static json_t *peer_object(void)
{
	return json_pack("{ss ss ss ss s{ss}}", "spec", "gsoc-before", "revision", "ab", "version",
	                 "1", "binary_sha256", "00", "variants", "ring", "spinlock");
}

// A run that goes on has the peer that it was begun with; one that has none writes none.
static void a_run_keeps_its_peer(void **state)
{
	struct text fault = {0};
	json_t *object = synthetic_run(2, 8), *again;
	struct run run = {0}, without = synthetic_read_run(synthetic_run(2, 8));
	struct plan p;

	(void)state;
	json_object_set_new(object, "peer", peer_object());
	assert_int_equal(run_read(&run, object, &fault), 0);
	assert_int_equal(plan_from_run(&p, &run, "dir"), 0);
	assert_string_equal(p.peer, "gsoc-before");
	again = run_write(&run, &fault);
	assert_true(json_equal(json_object_get(again, "peer"), json_object_get(object, "peer")));
	json_decref(again);
	json_decref(object);
	run_free(&run);
	assert_int_equal(plan_from_run(&p, &without, "dir"), 0);
	assert_string_equal(p.peer, "");
	again = run_write(&without, &fault);
	assert_null(json_object_get(again, "peer"));
	json_decref(again);
	run_free(&without);
}

static void half_a_peer_is_refused(void **state)
{
	static const char *const fields[] = {"spec", "revision", "version", "binary_sha256"};

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		json_t *object = synthetic_run(2, 8), *peer = peer_object();
		struct text fault = {0};
		struct run run = {0};

		json_object_del(peer, fields[i]);
		json_object_set_new(object, "peer", peer);
		assert_int_equal(run_read(&run, object, &fault), -EINVAL);
		assert_string_equal(text_string(&fault),
		                    "'peer' must have spec, revision, binary_sha256 and version");
		text_free(&fault);
		json_decref(object);
	}
}

static void every_plan_of_ours_can_be_run(void **state)
{
	struct spec_catalog *catalog = calloc(1, sizeof(*catalog));
	DIR *d = opendir("workloads/plans");
	size_t plans = 0;

	(void)state;
	assert_non_null(d);
	assert_int_equal(spec_catalog_load(catalog), 0);
	for (struct dirent *e; (e = readdir(d));) {
		char name[64], *dot = strstr(e->d_name, ".plan");
		struct spec spec;
		struct plan p;

		if (!dot)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(dot - e->d_name), e->d_name);
		if (plan_load(&p, ".", name))
			fail_msg("%s can't be loaded", name);
		for (size_t i = 0; i < p.tunnels; i++)
			if (spec_parse(&spec, catalog, p.tunnel[i].spec))
				fail_msg("%s: %s", name, p.tunnel[i].spec);
		plans++;
	}
	closedir(d);
	spec_catalog_free(catalog);
	free(catalog);
	assert_true(plans >= 3);
}

// What goes into run.json comes out of it, for --resume.
static void run_json_round_trip(void **state)
{
	struct plan p, back;

	(void)state;
	plan_default(&p);
	assert_int_equal(plan_add_tunnel(&p, "wireguard-go", true), 0);
	assert_int_equal(plan_add_workload(&p, "udp:rate=7,length=100"), 0);
	p.seed = (1ull << 53) - 1;
	p.blocks = 17;
	p.duration_s = 3;
	assert_int_equal(through_run(&back, &p, NULL), 0);
	assert_int_equal(back.seed, p.seed);
	assert_int_equal(back.blocks, 17);
	assert_int_equal(back.duration_s, 3);
	assert_int_equal(back.tunnels, 2);
	assert_string_equal(back.tunnel[1].spec, "wireguard-go");
	assert_int_equal(back.workloads, 2);
	assert_string_equal(back.workload[1].name, p.workload[1].name);
}

static void damaged_run_json_is_refused(void **state)
{
	static const char *const missing[] = {"blocks", "duration", "workloads"};
	struct plan p, back;

	(void)state;
	plan_default(&p);
	for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++) {
		struct capture c;

		capture_begin(&c, STDERR_FILENO);
		int ret = through_run(&back, &p, missing[i]);
		capture_end(&c);
		assert_int_equal(ret, -EINVAL);
		assert_says(&c, "dir/run.json");
	}
}

static void a_place_is_one_of_three(void **state)
{
	struct plan p, back;
	struct capture c;

	(void)state;
	plan_default(&p);
	p.between = -1;
	assert_int_equal(plan_add_tunnel(&p, "b", false), 0);
	capture_begin(&c, STDERR_FILENO);
	int two = through_run(&back, &p, NULL);
	assert_int_equal(plan_add_tunnel(&p, "c", false), 0);
	int three = through_run(&back, &p, NULL);
	capture_end(&c);
	assert_int_equal(two, -EINVAL);
	assert_int_equal(three, 0);
	assert_int_equal(back.between, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(file_is_read),
	    cmocka_unit_test(what_is_compared),
	    cmocka_unit_test(goals_follow_their_tunnels),
	    cmocka_unit_test(bad_files_are_named),
	    cmocka_unit_test(unknown_plan_lists_what_exists),
	    cmocka_unit_test(a_budget_fixes_the_analyses),
	    cmocka_unit_test(a_run_keeps_its_peer),
	    cmocka_unit_test(half_a_peer_is_refused),
	    cmocka_unit_test(every_plan_of_ours_can_be_run),
	    cmocka_unit_test(run_json_round_trip),
	    cmocka_unit_test(damaged_run_json_is_refused),
	    cmocka_unit_test(a_place_is_one_of_three),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
