// `wgbench compare` from end to end on made-up run folders: exit codes, text, JSON.
#include "harness/command.h"
#include "harness/record/environment_compare.h"
#include "tests/support/capture.h"
#include "tests/support/synthetic.h"

#include <dirent.h>
#include <errno.h>

struct said {
	struct capture out, err;
};

static int compare(struct said *said, const char *dir, const char *option)
{
	char *argv[] = {"compare", (char *)dir, (char *)option, NULL};
	int code;

	capture_begin(&said->err, 2);
	capture_begin(&said->out, 1);
	code = compare_command.main(option ? 3 : 2, argv);
	capture_end(&said->out);
	capture_end(&said->err);
	return code;
}

static void compare_known(double effect, double noise, int code, const char *word)
{
	struct synthetic s;
	struct said said;

	synthetic_fill(&s, 8, log1p(effect), noise);
	assert_int_equal(compare(&said, s.dir, NULL), code);
	assert_says(&said.out, word);
	assert_says(&said.out, "throughput");
	assert_string_equal(said.err.text, "");
	synthetic_end(&s);
}

static void exit_codes(void **state)
{
	struct synthetic s;
	struct said said;

	(void)state;
	compare_known(0, 0.001, 0, "same");
	compare_known(0.1, 0.001, 0, "better");
	compare_known(-0.1, 0.001, 1, "worse");
	synthetic_begin(&s, 2, 8); // noise of no chance: that could look like an effect
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0,
		              &(struct synthetic_block){.effect = {0, i % 2 ? 0.2 : -0.2}});
	assert_int_equal(compare(&said, s.dir, NULL), 3);
	assert_says(&said.out, "undecided");
	synthetic_end(&s);
}

static void json_has_every_field(void **state)
{
	static const char *const fields[] = {"workload", "metric", "baseline", "candidate",
	                                     "effect",   "ci_low", "ci_high",  "p",
	                                     "blocks",   "verdict"};
	struct synthetic s;
	struct said said;
	json_t *json, *rows;

	(void)state;
	synthetic_fill(&s, 8, log(0.9), 0);
	assert_int_equal(compare(&said, s.dir, "--json"), 1);
	json = json_loads(said.out.text, 0, NULL);
	rows = json_object_get(json, "verdicts");
	assert_int_equal(json_array_size(rows), 2);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!json_object_get(json_array_get(rows, 0), fields[i]))
			fail_msg("no %s", fields[i]);
	assert_true(fabs(json_number_value(json_object_get(json_array_get(rows, 0), "effect")) +
	                 10) < 1e-9);
	assert_int_equal(json_integer_value(json_object_get(json, "exit_code")), 1);
	json_decref(json);
	synthetic_end(&s);
}

static unsigned files_in(const char *dir)
{
	struct dirent **entry;
	int n = scandir(dir, &entry, NULL, NULL);

	assert_true(n > 2);
	for (int i = 0; i < n; i++)
		free(entry[i]);
	free(entry);
	return n;
}

static void a_folder_is_only_read(void **state)
{
	struct synthetic s;
	struct said said;
	unsigned files;

	(void)state;
	synthetic_fill(&s, 8, 0, 0.001);
	files = files_in(s.dir);
	assert_int_equal(compare(&said, s.dir, NULL), 0);
	assert_int_equal(compare(&said, s.dir, "--json"), 0);
	assert_int_equal(files_in(s.dir), files);
	synthetic_end(&s);
}

static void bounds_that_are_not_there_are_null(void **state)
{
	struct synthetic s;
	struct said said;
	json_t *json;

	(void)state;
	synthetic_fill(&s, 1, log(0.5), 0);
	assert_int_equal(compare(&said, s.dir, "--json"), 3);
	json = json_loads(said.out.text, 0, NULL);
	assert_true(json_is_null(
	    json_object_get(json_array_get(json_object_get(json, "verdicts"), 0), "ci_low")));
	json_decref(json);
	synthetic_end(&s);
}

static void gate_and_metric(void **state)
{
	json_t *run = synthetic_run(2, 8);
	struct synthetic s;
	struct said said;

	(void)state;
	synthetic_fill(&s, 8, log(0.95), 0.0001);
	assert_int_equal(compare(&said, s.dir, NULL), 1);
	assert_int_equal(compare(&said, s.dir, "--gate=8"), 0);
	assert_int_equal(compare(&said, s.dir, "--gate=0"), 2);
	assert_int_equal(compare(&said, s.dir, "--metric=retransmits"), 3); // zeros
	assert_says(&said.out, "a value of zero has no ratio");
	assert_int_equal(compare(&said, s.dir, "--metric=cpu_s_per_gbit"), 1);
	assert_null(strstr(said.out.text, "throughput"));
	assert_int_equal(compare(&said, s.dir, "--metric=speed"), 2);
	assert_says(&said.err, "no metric 'speed': one of goodput_gbps");
	synthetic_end(&s);

	json_object_set_new(run, "gate_percent", json_real(8)); // the run's own gate
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.effect = {0, log(0.95)}});
	assert_int_equal(compare(&said, s.dir, NULL), 0);
	synthetic_end(&s);
}

static json_t *verdict_of(const struct said *said, size_t i)
{
	json_t *json = json_loads(said->out.text, 0, NULL);
	json_t *row = json_incref(json_array_get(json_object_get(json, "verdicts"), i));

	json_decref(json);
	return row;
}

// Tunnels 0, 1, 2 at 1 : 2 : 1, seen from the middle one.
static void any_tunnel_can_be_the_baseline(void **state)
{
	struct synthetic s;
	struct said said;
	json_t *row;

	(void)state;
	synthetic_begin(&s, 3, 8);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.effect = {0, log(2), 0}});
	assert_int_equal(compare(&said, s.dir, "--baseline=tunnel-1"), 1);
	assert_says(&said.out, "tunnel-0 is worse than tunnel-1");
	assert_int_equal(compare(&said, s.dir, "--baseline=tunnel-9"), 2);
	assert_says(&said.err, "no tunnel 'tunnel-9': one of tunnel-0 tunnel-1 tunnel-2\n");

	char *argv[] = {"compare", s.dir, "--json", "--baseline", "tunnel-1", NULL};
	capture_begin(&said.out, 1);
	assert_int_equal(compare_command.main(5, argv), 1);
	capture_end(&said.out);
	row = verdict_of(&said, 1);
	assert_string_equal(json_string_value(json_object_get(row, "baseline")), "tunnel-1");
	assert_string_equal(json_string_value(json_object_get(row, "candidate")), "tunnel-2");
	assert_true(fabs(json_number_value(json_object_get(row, "effect")) + 50) < 1e-9);
	json_decref(row);
	synthetic_end(&s);
}

static void set_tunnel(json_t *run, size_t tunnel, const char *key, json_t *value)
{
	json_object_set_new(json_array_get(json_object_get(run, "tunnels"), tunnel), key, value);
}

// Tunnel 2 is tunnel 0 once more, whose blocks differ from it by `bias`.
static void compare_biased(double bias, int code, const char *word)
{
	json_t *run = synthetic_run(3, 8);
	struct synthetic s;
	struct said said;

	set_tunnel(run, 2, "control", json_true());
	set_tunnel(run, 2, "spec", json_string("tunnel-0"));
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.effect = {0, log(1.1), bias}});
	assert_int_equal(compare(&said, s.dir, NULL), code);
	assert_says(&said.out, word);
	assert_says(&said.out, "tunnel-1 is better than tunnel-0");
	assert_null(strstr(said.out.text, "the same tunnel again"));
	synthetic_end(&s);
}

static void a_biased_run_is_no_pass(void **state)
{
	(void)state;
	compare_biased(0, 0, "Null control, tunnel-0 against itself: 2 metrics: 2 the same.");
	compare_biased(log(1.1), 3, "Biased");
	compare_biased(log(0.9), 3, "Biased");
}

static void compare_pairs(json_t *pairs, int code, const char *word)
{
	json_t *run = synthetic_run(3, 8);
	struct synthetic s;
	struct said said;

	json_object_set_new(run, "comparisons", pairs);
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.effect = {0, log(2), log(4)}});
	assert_int_equal(compare(&said, s.dir, NULL), code);
	assert_says(&said.out, word);
	assert_null(strstr(said.out.text, "tunnel-2 is better than tunnel-0"));
	synthetic_end(&s);
}

static void a_run_says_what_is_compared(void **state)
{
	(void)state;
	compare_pairs(json_pack("[{si si} {si si}]", "candidate", 1, "baseline", 0, "candidate", 2,
	                        "baseline", 1),
	              0, "tunnel-2 is better than tunnel-1: 2.0× the throughput, 50 % less CPU");
	compare_pairs(json_pack("[{si si}]", "candidate", 0, "baseline", 2), 1,
	              "tunnel-0 is worse than tunnel-2");
}

// Each other block twice as fast: the middle is nowhere.
static void two_modes_are_told(void **state)
{
	struct synthetic s;
	struct said said;

	(void)state;
	synthetic_begin(&s, 2, 12);
	for (unsigned i = 0; i < 12; i++)
		synthetic_add(
		    &s, i, 0,
		    &(struct synthetic_block){.effect = {0, i % 2 ? log(2) : 0}, .noise = 0.001});
	compare(&said, s.dir, NULL);
	assert_says(&said.out, "tunnel-1 has two modes, ");
	assert_says(&said.out, " Gbit/s (6 blocks) and ");
	assert_null(strstr(said.out.text, "tunnel-0 has two modes"));
	synthetic_end(&s);
}

static void places_that_are_not_there_are_refused(void **state)
{
	static const char said[][64] = {"3 against 0, of 3 tunnels", "1 against 1, of 3 tunnels"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		json_t *run = synthetic_run(3, 8);
		struct run read = {0};
		struct text fault = {0};

		json_object_set_new(run, "comparisons",
		                    json_pack("[{si si}]", "candidate", i ? 1 : 3, "baseline", i));
		assert_int_equal(run_read(&read, run, &fault), -EINVAL);
		assert_non_null(strstr(text_string(&fault), said[i]));
		text_free(&fault);
		json_decref(run);
	}
}

static void goals_are_judged_beside_the_verdicts(void **state)
{
	json_t *run = synthetic_run(3, 8), *json, *goal;
	struct synthetic s;
	struct said said;

	(void)state;
	json_object_set_new(run, "goals",
	                    json_pack("[{ss ss ss ss ss sf}]", "workload", "tcp", "metric",
	                              "goodput_gbps", "candidate", "tunnel-2", "baseline",
	                              "tunnel-1", "relation", ">=", "ratio", 1.5));
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.effect = {0, log(2), log(2.5)}});
	assert_int_equal(compare(&said, s.dir, NULL), 0);
	assert_says(&said.out, "[1.250, 1.250]");
	assert_says(&said.out, "not reached");
	assert_int_equal(compare(&said, s.dir, "--json"), 0);
	json = json_loads(said.out.text, 0, NULL);
	goal = json_array_get(json_object_get(json, "goals"), 0);
	assert_true(fabs(json_number_value(json_object_get(goal, "measured_ratio")) - 1.25) < 1e-9);
	assert_string_equal(json_string_value(json_object_get(goal, "word")), "not reached");
	assert_true(json_is_false(json_object_get(goal, "reached")));
	json_decref(json);
	synthetic_end(&s);

	run = synthetic_run(2, 8);
	json_object_set_new(run, "goals",
	                    json_pack("[{ss ss ss ss ss sf}]", "workload", "tcp", "metric",
	                              "goodput_gbps", "candidate", "tunnel-7", "baseline",
	                              "tunnel-1", "relation", ">=", "ratio", 1.5));
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.noise = 0.001});
	assert_int_equal(compare(&said, s.dir, NULL), 2);
	assert_says(&said.err, "run.json: goal 0 can't be read");
	synthetic_end(&s);
}

static void what_cannot_be_judged_is_an_error(void **state)
{
	struct synthetic s;
	struct said said;
	char path[256];

	(void)state;
	assert_int_equal(compare(&said, "/nonexistent", NULL), 2);
	assert_int_equal(compare(&said, "/tmp", NULL), 2);
	synthetic_begin(&s, 2, 8);
	assert_int_equal(compare(&said, s.dir, NULL), 2);
	assert_says(&said.err, "holds no trials");
	snprintf(path, sizeof(path), "%s/run.json", s.dir);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(compare(&said, s.dir, NULL), 2);
	assert_string_equal(said.out.text, "");
	synthetic_end(&s);
	synthetic_begin(&s, 1, 8);
	synthetic_add(&s, 0, 0, &(struct synthetic_block){.noise = 0});
	assert_int_equal(compare(&said, s.dir, NULL), 2);
	synthetic_end(&s);
}

static void nothing_but_failures_is_an_error(void **state)
{
	struct synthetic s;
	struct said said;

	(void)state;
	synthetic_begin(&s, 2, 8);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0,
		              &(struct synthetic_block){.status = {TRIAL_FAILED, TRIAL_FAILED}});
	assert_int_equal(compare(&said, s.dir, NULL), 2);
	assert_says(&said.err, "none of 32 trials measured anything: iperf3 said no");
	assert_string_equal(said.out.text, "");
	synthetic_end(&s);
}

static void a_foreign_folder_is_an_error(void **state)
{
	static const struct {
		const char *file, *from, *to, *says;
	} cases[] = {
	    {"run.json", "\"schema\": 2", "\"schema\": 3", "schema 3"},
	    {"run.json", "\"schema\": 2", "\"schema\": 0", "schema 0"},
	    {"run.json", "\"id\": \"synthetic\"", "\"id\": \"other\"", "of run 'synthetic'"},
	    {"run.json", "\"tcp\"", "\"ping\"", "workload 'tcp' isn't among run.json's"},
	    {"trials.jsonl", "\"tunnel\":1", "\"tunnel\":7", "tunnel 7, but run.json has 2"},
	    {"run.json", "\"goodput_gbps\"", "\"speed_gbps\"",
	     "metric 'goodput_gbps' of tcp isn't among run.json's"},
	    {"trials.jsonl", "\"run\":\"synthetic\"", "\"run\":\"other\"", "of run 'other'"},
	    {"trials.jsonl", "{", "garbage {", "trials.jsonl:1:"},
	};
	struct synthetic s;
	struct said said;

	(void)state;
	synthetic_fill(&s, 8, 0, 0.001);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t bytes;
		char *text = synthetic_read(s.dir, cases[i].file, &bytes), *changed;
		char *at = strstr(text, cases[i].from);
		int n;

		assert_non_null(at);
		n = asprintf(&changed, "%.*s%s%s", (int)(at - text), text, cases[i].to,
		             at + strlen(cases[i].from));
		synthetic_write(s.dir, cases[i].file, changed, n);
		assert_int_equal(compare(&said, s.dir, NULL), 2);
		assert_says(&said.err, cases[i].says);
		assert_string_equal(said.out.text, "");
		synthetic_write(s.dir, cases[i].file, text, bytes);
		free(changed);
		free(text);
	}
	assert_int_equal(compare(&said, s.dir, NULL), 0);
	synthetic_end(&s);
}

static void cut_at_every_byte(struct synthetic *s)
{
	struct said said;
	size_t bytes, lines = 0;
	char *text = synthetic_read(s->dir, "trials.jsonl", &bytes);

	for (size_t cut = 0; cut <= bytes; cut++) {
		int code, expected;

		lines += cut && text[cut - 1] == '\n';
		// In the middle of a block one cut is as another: take some of those.
		if (lines % 4 && cut % 97)
			continue;
		synthetic_write(s->dir, "trials.jsonl", text, cut);
		code = compare(&said, s->dir, NULL);
		expected = !lines ? 2 : lines < 32 ? 3 : 0;
		if (code != expected)
			fail_msg("cut after %zu bytes, %zu lines: exit %d\n%s", cut, lines, code,
			         said.err.text);
	}
	free(text);
}

// Eight equal blocks pass, seven and a part of one never do, whether or not the run had ended.
static void trials_cut_at_any_byte_never_pass(void **state)
{
	json_t *run = synthetic_run(2, 8);
	struct synthetic s;

	(void)state;
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.noise = 0.001});
	for (int ended = 0; ended < 2; ended++) {
		if (ended) {
			run_set_end(&s.store.run, "tcp", END_BLOCKS);
			s.store.run.trials = 32;
			assert_int_equal(store_write_run(&s.store), 0);
		}
		cut_at_every_byte(&s);
	}
	synthetic_end(&s);
}
static void a_planned_workload_without_result_is_no_pass(void **state)
{
	json_t *run = synthetic_run(2, 8);
	struct synthetic s;
	struct said said;

	(void)state;
	json_object_set_new(run, "workloads", json_pack("[s, s]", "tcp", "udp"));
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.noise = 0.001});
	assert_int_equal(compare(&said, s.dir, NULL), 3);
	assert_says(&said.out, "Workload udp was planned but has no result.");
	synthetic_end(&s);
}

// A workload whose trials all failed has no metric, and so no line of its own.
static void a_workload_that_only_failed_is_no_pass(void **state)
{
	json_t *run = synthetic_run(2, 8);
	struct synthetic s;
	struct said said;

	(void)state;
	json_object_set_new(run, "workloads", json_pack("[s, s]", "tcp", "udp"));
	synthetic_begin_with(&s, run);
	for (unsigned i = 0; i < 8; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.noise = 0.001});
	for (unsigned i = 0; i < 4; i++) {
		struct trial t = synthetic_trial(0, 0, i, i == 1 || i == 2);

		strcpy(t.workload, "udp");
		t.status = TRIAL_FAILED;
		assert_int_equal(store_append(&s.store, &t), 0);
	}
	assert_int_equal(compare(&said, s.dir, NULL), 3);
	assert_says(&said.out, "Workload udp was planned but has no result.");
	synthetic_end(&s);
}

static void an_unfinished_run_is_no_pass(void **state)
{
	struct synthetic s;
	struct said said;

	(void)state;
	synthetic_begin(&s, 2, 8);
	for (unsigned i = 0; i < 6; i++)
		synthetic_add(&s, i, 0, &(struct synthetic_block){.noise = 0.001});
	assert_int_equal(compare(&said, s.dir, NULL), 3);
	assert_says(&said.out, "Unfinished: 6 of 8 blocks are whole; wgbench run --resume");
	synthetic_end(&s);
}

static int compare_environments(struct said *said, const char *first, const char *second)
{
	char *argv[] = {"compare", "--environment", (char *)first, (char *)second, NULL};
	int code;

	capture_begin(&said->err, 2);
	capture_begin(&said->out, 1);
	code = compare_command.main(second ? 4 : 3, argv);
	capture_end(&said->out);
	capture_end(&said->err);
	return code;
}

static void environments_of_two_runs(void **state)
{
	json_t *run = synthetic_run(2, 8), *other;
	struct synthetic here, there;
	struct said said;

	(void)state;
	synthetic_fill(&here, 8, 0, 0.001);
	json_object_set_new(json_object_get(run, "environment"), "kernel", json_string("6.2"));
	synthetic_begin_with(&there, run);
	assert_int_equal(compare_environments(&said, here.dir, here.dir), 0);
	assert_string_equal(said.out.text, "the same environment\n");
	assert_int_equal(compare_environments(&said, here.dir, there.dir), 1);
	assert_string_equal(said.out.text, "what    synthetic    synthetic\n"
	                                   "kernel  6.1 <x> | y  6.2\n");
	assert_int_equal(compare_environments(&said, here.dir, "/nonexistent"), 2);
	assert_int_equal(compare_environments(&said, "/nonexistent", here.dir), 2);
	assert_int_equal(compare_environments(&said, here.dir, NULL), 2);
	assert_says(&said.err, "give one RUN to judge");
	assert_int_equal(compare(&said, here.dir, there.dir), 2); // what would that judge?

	other = json_pack("{s:s, s:{s:i}}", "kernel", "6.3", "cpu", "count", 2);
	environment_note_resumed(&here.store.run, 4, other);
	assert_int_equal(store_write_run(&here.store), 0);
	assert_int_equal(compare_environments(&said, here.dir, here.dir), 1);
	assert_says(&said.err, "was itself resumed in another environment");
	assert_int_equal(compare(&said, here.dir, NULL), 0);
	assert_says(&said.out, "Trials from number 5 on were measured in another environment: "
	                       "kernel '6.1 <x> | y', then '6.3'.");
	json_decref(other);

	there.store.run.peer = (struct run_tunnel){.rest = json_pack("{ss}", "spec", "kernel"),
	                                           .spec = text_format("kernel"),
	                                           .revision = text_format("%s", ""),
	                                           .sha256 = text_format("%s", ""),
	                                           .version = text_format("6.1")};
	assert_int_equal(store_write_run(&there.store), 0);
	assert_int_equal(compare_environments(&said, here.dir, there.dir), 1);
	assert_says(&said.out, "tunnel kernel as peer.version");
	json_object_del(there.store.run.rest, "environment");
	json_object_clear(there.store.run.environment.all);
	free(there.store.run.environment.kernel);
	there.store.run.environment.kernel = NULL;
	assert_int_equal(store_write_run(&there.store), 0);
	assert_int_equal(compare_environments(&said, here.dir, there.dir), 2);
	assert_says(&said.err, "no 'environment' to compare");
	synthetic_end(&here);
	synthetic_end(&there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exit_codes),
	    cmocka_unit_test(json_has_every_field),
	    cmocka_unit_test(a_folder_is_only_read),
	    cmocka_unit_test(bounds_that_are_not_there_are_null),
	    cmocka_unit_test(gate_and_metric),
	    cmocka_unit_test(any_tunnel_can_be_the_baseline),
	    cmocka_unit_test(a_biased_run_is_no_pass),
	    cmocka_unit_test(a_run_says_what_is_compared),
	    cmocka_unit_test(two_modes_are_told),
	    cmocka_unit_test(places_that_are_not_there_are_refused),
	    cmocka_unit_test(goals_are_judged_beside_the_verdicts),
	    cmocka_unit_test(what_cannot_be_judged_is_an_error),
	    cmocka_unit_test(nothing_but_failures_is_an_error),
	    cmocka_unit_test(a_foreign_folder_is_an_error),
	    cmocka_unit_test(trials_cut_at_any_byte_never_pass),
	    cmocka_unit_test(a_planned_workload_without_result_is_no_pass),
	    cmocka_unit_test(a_workload_that_only_failed_is_no_pass),
	    cmocka_unit_test(an_unfinished_run_is_no_pass),
	    cmocka_unit_test(environments_of_two_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
