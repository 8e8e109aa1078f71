// Run folders: what is written is what is read; what is torn, foreign or full is said and harmless.
#include "base/compressed.h"
#include "base/memory.h"
#include "tests/support/capture.h"
#include "tests/support/synthetic.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <zlib.h>

// Opens the folder, which must fail with a line that has `part` in it.
static void assert_refused(const char *dir, const char *part)
{
	struct capture c;
	struct store st;
	int ret;

	capture_begin(&c, 2);
	ret = store_open(&st, dir, false);
	capture_end(&c);
	assert_true(ret < 0);
	assert_says(&c, part);
}

static void round_trip(void **state)
{
	struct trial t = synthetic_trial(3, 1, 2, 1);
	json_t *run = synthetic_run(2, 8);
	const struct trial *back;
	struct synthetic s;
	struct store st;

	(void)state;
	json_object_set_new(run, "workloads", json_pack("[s, s]", "tcp", "tcp:flows=8"));
	synthetic_begin_with(&s, run);
	t.start = 4;
	strcpy(t.workload, "tcp:flows=8");
	t.status = TRIAL_CONTAMINATED;
	strcpy(t.reason, "steal 3.1 % \"of\" the machine\n\xc3\xa4");
	t.parameters = json_pack("{s:i}", "flows", 8);
	t.samples = json_pack("[f, f]", 1.5, 2.5);
	t.environment = json_pack("{s:f}", "steal", 0.031);
	t.tunnel_cpu_s = 0.5;
	t.congestion = text_format("cubic");
	t.contamination = text_format("steal");
	t.end[1].udp_sends = 0.25;
	t.end[1].counters = 2;
	t.end[1].counter = memory_new(2, sizeof(*t.end[1].counter));
	t.end[1].counter[0] = (struct trial_counter){text_format("tx_packets"), 4};
	t.end[1].counter[1] = (struct trial_counter){text_format("rx_packets"), 5};
	synthetic_metric(&t, "goodput_gbps", 0.1 + 0.2, true, true);
	synthetic_metric(&t, "retransmits", 0, false, false);
	assert_int_equal(store_append(&s.store, &t), 0);
	store_close(&s.store);

	assert_int_equal(store_open(&st, s.dir, false), 0);
	assert_int_equal(st.run.tunnels, 2);
	assert_int_equal(st.run.trials_per_block, 4);
	assert_string_equal(st.run.tunnel[1].spec, "tunnel-1");
	assert_int_equal(st.trials, 1);
	back = st.trial;
	assert_int_equal(back->block, 3);
	assert_int_equal(back->attempt, 1);
	assert_int_equal(back->position, 2);
	assert_int_equal(back->start, 4);
	assert_int_equal(back->tunnel, 1);
	assert_string_equal(back->workload, t.workload);
	assert_string_equal(back->reason, t.reason);
	assert_int_equal(back->status, TRIAL_CONTAMINATED);
	assert_int_equal(back->start_ns, t.start_ns);
	assert_int_equal(back->duration_ns, t.duration_ns);
	assert_int_equal(back->values, 2);
	assert_true(back->value[0].value == 0.1 + 0.2);
	assert_true(back->value[0].metric->higher_is_better && back->value[0].metric->judged);
	assert_string_equal(back->value[0].metric->unit, "Gbit/s");
	assert_false(back->value[1].metric->higher_is_better || back->value[1].metric->judged);
	assert_true(json_equal(back->parameters, t.parameters));
	assert_true(json_equal(back->samples, t.samples));
	assert_true(json_real_value(json_object_get(back->environment, "steal")) == 0.031);
	assert_true(back->tunnel_cpu_s == 0.5 && isnan(back->machine_cpu_s));
	assert_string_equal(back->congestion, "cubic");
	assert_true(trial_spoils(back) && !back->offload_change);
	assert_true(back->end[1].udp_sends == 0.25 && isnan(back->end[1].tun_reads));
	assert_true(trial_end_packets(&back->end[1]) == 9);
	assert_true(!back->end[0].counters && isnan(back->end[0].udp_sends));
	store_close(&st);
	trial_free(&t);
	synthetic_end(&s);
}

// Wherever the file ends, its whole lines are read, and an appending run goes on behind them.
static void torn_at_every_byte(void **state)
{
	struct synthetic_block b = {.noise = 0.01};
	struct trial t = synthetic_trial(1, 0, 0, 0);
	struct synthetic s;
	size_t bytes, whole = 0, lines = 0;
	char *text, path[256];

	(void)state;
	synthetic_begin(&s, 2, 8);
	synthetic_add(&s, 0, 0, &b);
	store_close(&s.store);
	text = synthetic_read(s.dir, "trials.jsonl", &bytes);
	snprintf(path, sizeof(path), "%s/trials.jsonl", s.dir);
	for (size_t cut = 0; cut <= bytes; cut++) {
		struct capture c;
		struct stat info;
		struct store st;
		char told[64];

		if (cut && text[cut - 1] == '\n') {
			whole = cut;
			lines++;
		}
		synthetic_write(s.dir, "trials.jsonl", text, cut);
		capture_begin(&c, 2);
		assert_int_equal(store_open(&st, s.dir, false), 0);
		assert_int_equal(st.torn, cut > whole);
		assert_int_equal(st.trials, lines);
		store_close(&st);
		assert_int_equal(store_open(&st, s.dir, true), 0);
		capture_end(&c);
		if (cut > whole) {
			snprintf(told, sizeof(told),
			         "trials.jsonl:%zu: the last line is torn: ", lines + 1);
			assert_says(&c, told);
			assert_says(&c, "left out");
			assert_says(&c, "cut off");
		} else {
			assert_string_equal(c.text, "");
		}
		assert_int_equal(stat(path, &info), 0);
		assert_int_equal(info.st_size, whole);
		assert_int_equal(store_append(&st, &t), 0);
		store_close(&st);
		assert_int_equal(store_open(&st, s.dir, false), 0);
		assert_false(st.torn);
		assert_int_equal(st.trials, lines + 1);
		store_close(&st);
	}
	assert_int_equal(lines, 4);
	free(text);
	synthetic_end(&s);
}

// Up to the closing brace nothing of it is a run.
static void run_json_cut_at_any_byte_is_refused(void **state)
{
	struct synthetic s;
	struct store st;
	size_t bytes;
	char *text;

	(void)state;
	synthetic_fill(&s, 1, 0, 0);
	store_close(&s.store);
	text = synthetic_read(s.dir, "run.json", &bytes);
	assert_string_equal(text + bytes - 2, "}\n");
	for (size_t cut = 0; cut < bytes - 1; cut++) {
		synthetic_write(s.dir, "run.json", text, cut);
		assert_refused(s.dir, "run.json:");
	}
	synthetic_write(s.dir, "run.json", text, bytes - 1);
	assert_int_equal(store_open(&st, s.dir, false), 0);
	store_close(&st);
	free(text);
	synthetic_end(&s);
}

// A FIFO would wait for a writer for ever, a device never end.
static void refuses_what_is_no_regular_file(void **state)
{
	static const char *const names[] = {"run.json", "trials.jsonl"};
	struct synthetic s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char path[256];

		synthetic_fill(&s, 1, 0, 0);
		store_close(&s.store);
		snprintf(path, sizeof(path), "%s/%s", s.dir, names[i]);
		assert_return_code(unlink(path), errno);
		assert_return_code(mkfifo(path, 0600), errno);
		assert_refused(s.dir, "regular file");
		assert_return_code(unlink(path), errno);
		assert_return_code(symlink("/dev/zero", path), errno);
		assert_refused(s.dir, "regular file");
		synthetic_end(&s);
	}
}

static void refuses_malformed_lines(void **state)
{
	static const struct {
		const char *from, *to, *says;
	} cases[] = {
	    {"\"block\":0", "\"block\":-1", "trials.jsonl:2: 'block'"},
	    {"\"block\":0", "\"block\":0.5", "trials.jsonl:2: 'block'"},
	    {"\"block\":0", "\"block\":0,\"block\":0", "trials.jsonl:2: duplicate"},
	    {"\"position\":1", "\"position\":0", "trials.jsonl:2: the same trial as line 1"},
	    {"\"tunnel\":1", "\"tunnel\":2", "trials.jsonl:2: tunnel 2, but run.json has 2"},
	    {"\"status\":\"ok\"", "\"status\":\"fine\"", "trials.jsonl:2: 'status'"},
	    {"\"run\":\"synthetic\"", "\"run\":\"another\"", "of run 'another'"},
	    {"\"goodput_gbps\":", "\"goodput_gbps\":1e999,\"x\":",
	     "trials.jsonl:2: real number overflow"},
	    {"\"goodput_gbps\":", "\"goodput_gbps\":NaN,\"x\":", "trials.jsonl:2: invalid token"},
	    {"\"goodput_gbps\":", "\"goodput_gbps\":1e300,\"x\":",
	     "'metrics.goodput_gbps' must be a number"},
	    {"\"goodput_gbps\":", "\"goodput_gbps\":\"6\",\"x\":", "'metrics.goodput_gbps'"},
	    {"\"goodput_gbps\":", "\"other_gbps\":",
	     "trials.jsonl:2: metric 'other_gbps' of tcp isn't among run.json's"},
	    {"\"goodput_gbps\"", "\"goodput gbps\"", "'metrics.goodput gbps' is no name here"},
	    {"\"goodput_gbps\"", "\"a\\u001b[31m\"", "'metrics.a\\x1b[31m' is no name here"},
	    {"\"block\":0", "\"block\":2147483647", "'block' must be an integer from 0 to 9999"},
	    {"\"build\":0", "\"build\":2147483647", "'build' must be an integer from 0 to 31"},
	    {"\"start\":0", "\"start\":4000000000", "'start'"},
	    {"\"attempt\":0", "\"attempt\":1e3", "'attempt'"},
	    {"\"tunnel\":1", "\"tunnel\":-1", "'tunnel'"},
	    {"\"start_ns\":", "\"start_ns\":-1,\"x\":", "'start_ns'"},
	    {"\"duration_ns\":", "\"duration_ns\":null,\"x\":", "'duration_ns'"},
	    {"\"reason\":\"\"", "\"reason\":[]", "'reason' must be a text of 0 to 255 bytes"},
	    {"\"reason\":\"\"", "\"reason\":\"\\u0000\"", "trials.jsonl:2: \\u0000"},
	    {"\"workload\":\"tcp\"", "\"workload\":\"../tcp\"",
	     "'workload' must be a workload such"},
	    {"\"workload\":\"tcp\"", "\"workload\":\"tcp:\"", "'workload'"},
	    {"\"workload\":\"tcp\"", "\"workload\":\"tcp\\n\"", "'workload'"},
	    {"\"metrics\":", "\"environment\":{\"tunnel_cpu_s\":\"1\"},\"metrics\":",
	     "'environment.tunnel_cpu_s'"},
	    {"\"metrics\":",
	     "\"environment\":{\"tunnel\":{\"right\":{\"counters\":{\"tx_packets\":\"1\"}}}},"
	     "\"metrics\":",
	     "'environment.tunnel.right.counters.tx_packets' must be an integer"},
	    {"{\"run\"", "", "trials.jsonl:2:"},
	    {"\"workload\":\"tcp\"", "\"workload\":\"\"", "trials.jsonl:2: 'workload'"},
	    {"\"workload\":\"tcp\"", "\"workload\":\"udp\"",
	     "trials.jsonl:2: workload 'udp' isn't among run.json's"},
	    {"\"position\":1", "\"position\":4", "trials.jsonl:2: position 4, but a block has 4"},
	};
	struct synthetic_block b = {.noise = 0};
	struct synthetic s;
	char *text, *second;
	size_t bytes;

	(void)state;
	synthetic_begin(&s, 2, 8);
	synthetic_add(&s, 0, 0, &b);
	store_close(&s.store);
	text = synthetic_read(s.dir, "trials.jsonl", &bytes);
	second = strchr(text, '\n') + 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *at = strstr(second, cases[i].from), *changed;
		int n;

		assert_non_null(at);
		n = asprintf(&changed, "%.*s%s%s", (int)(at - text), text, cases[i].to,
		             at + strlen(cases[i].from));
		synthetic_write(s.dir, "trials.jsonl", changed, n);
		assert_refused(s.dir, cases[i].says);
		free(changed);
	}
	free(text);
	synthetic_end(&s);
}

// ---- schema 1

// A line of a run of schema 1, which has what a metric is with every value.
#define OLD_LINE(position, tunnel, value, unit, better, judged)                                    \
	"{\"run\":\"synthetic\",\"block\":0,\"position\":" position                                \
	",\"start\":0,\"build\":0,\"attempt\":0,\"tunnel\":" tunnel                                \
	",\"workload\":\"tcp\",\"start_ns\":1,\"duration_ns\":1000,\"status\":\"ok\","             \
	"\"reason\":\"\",\"metrics\":{\"goodput_gbps\":{\"value\":" value ",\"unit\":" unit        \
	",\"better\":" better ",\"judged\":" judged "}}}\n"

static void begin_old(struct synthetic *s, const char *lines)
{
	json_t *run = synthetic_run(2, 8);
	char *text;

	synthetic_begin(s, 2, 8);
	store_close(&s->store);
	json_object_set_new(run, "schema", json_integer(1));
	json_object_set_new(run, "metrics", json_pack("[s]", "goodput_gbps"));
	text = json_dumps(run, 0);
	synthetic_write(s->dir, "run.json", text, strlen(text));
	synthetic_write(s->dir, "trials.jsonl", lines, strlen(lines));
	json_decref(run);
	free(text);
}

// And a run of it goes on in this schema.
static void schema_1_is_read(void **state)
{
	struct trial t = synthetic_trial(0, 0, 1, 1);
	struct synthetic s;
	struct store st;
	char *text;
	size_t bytes;

	(void)state;
	begin_old(&s, OLD_LINE("0", "0", "4.5", "\"Gbit/s\"", "\"higher\"", "true"));
	assert_int_equal(store_open(&st, s.dir, true), 0);
	assert_int_equal(st.run.deciding, 1);
	assert_string_equal(st.run.decides[0], "goodput_gbps");
	assert_int_equal(st.trials, 1);
	synthetic_metric(&t, "goodput_gbps", 5, true, true);
	synthetic_metric(&t, "cpu_s_per_gbit", 1, false, true);
	assert_int_equal(store_append(&st, &t), 0);
	assert_int_equal(st.trials, 2);
	store_close(&st);

	assert_int_equal(store_open(&st, s.dir, false), 0);
	assert_int_equal(st.run.deciding, 1);
	assert_int_equal(st.trials, 2);
	assert_true(st.trial[0].value[0].value == 4.5 && st.trial[1].value[0].value == 5);
	assert_ptr_equal(st.trial[0].value[0].metric, st.trial[1].value[0].metric);
	assert_string_equal(st.trial[0].value[0].metric->unit, "Gbit/s");
	assert_true(st.trial[0].value[0].metric->higher_is_better);
	assert_false(st.trial[1].value[1].metric->higher_is_better);
	store_close(&st);
	text = synthetic_read(s.dir, "run.json", &bytes);
	assert_non_null(strstr(text, "\"schema\": 2"));
	free(text);
	synthetic_end(&s);
}

static void malformed_lines_of_schema_1_are_refused(void **state)
{
	static const struct {
		const char *lines, *says;
	} cases[] = {
	    {OLD_LINE("0", "0", "1", "\"Gbit/s\"", "\"more\"", "true"),
	     "trials.jsonl:1: 'metrics.goodput_gbps.better' must be 'lower' or 'higher'"},
	    {OLD_LINE("0", "0", "1", "\"Gbit/s\"", "\"lower\"", "1"),
	     "'metrics.goodput_gbps.judged' must be true or false"},
	    {OLD_LINE("0", "0", "1e300", "\"Gbit/s\"", "\"lower\"", "true"),
	     "'metrics.goodput_gbps.value' must be a number"},
	    {OLD_LINE("0", "0", "1", "7", "\"lower\"", "true"), "'metrics.goodput_gbps.unit'"},
	    {OLD_LINE("0", "0", "1", "\"Gbit/s\"", "\"higher\"", "true")
	         OLD_LINE("1", "1", "1", "\"Mbit/s\"", "\"higher\"", "true"),
	     "trials.jsonl:2: trials of tcp disagree about the unit or direction of "
	     "'goodput_gbps'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct synthetic s;

		begin_old(&s, cases[i].lines);
		assert_refused(s.dir, cases[i].says);
		synthetic_end(&s);
	}
}

// ---- run.json

// 27 levels.
#define DEEP3(x) "[[[" x "]]]"
#define DEEP9(x) DEEP3(DEEP3(DEEP3(x)))
#define DEEP(x) DEEP9(DEEP9(DEEP9(x)))

static void refuses_foreign_folders(void **state)
{
	static const struct {
		const char *from, *to, *says;
	} cases[] = {
	    {"\"schema\": 2", "\"schema\": 3",
	     "schema 3, but this wgbench reads 1 to 2: use a newer"},
	    {"\"schema\": 2", "\"schema\": 0",
	     "schema 0, but this wgbench reads 1 to 2: use an older"},
	    {"\"schema\": 2", "\"scheme\": 2", "no 'schema': not a file of wgbench"},
	    {"\"id\": \"synthetic\"", "\"id\": 7",
	     "run.json: 'id' must be a name of letters, digits"},
	    {"\"tunnels\":", "\"tunnel\":", "'tunnels' is missing: it must be an array of 1 to 16"},
	    {"\"spec\": \"tunnel-1\"", "\"spec\": 1",
	     "'tunnels[1].spec' must be a text of 1 to 255 bytes"},
	    {"\"trials_per_block\": 4", "\"trials_per_block\": 0", "'trials_per_block'"},
	    {"\"workloads\": [", "\"workloads\": [7, ",
	     "'workloads[0]' must be a workload such as tcp:flows=8"},
	    {"\"id\": \"synthetic\"", "\"id\": \"../synthetic\"", "'id' must be a name"},
	    {"\"id\": \"synthetic\"", "\"id\": \"a/b\"", "'id' must be a name"},
	    {"\"id\": \"synthetic\"", "\"id\": \"-b\"", "'id' must be a name"},
	    {"\"created\": \"2020-01-01T00:00:00Z\"", "\"created\": \"\\nend\\n!id\\n\"",
	     "run.json: 'created' must be a time such as 2026-01-31T23:59:59Z"},
	    {"\"created\":", "\"made\":", "'created' is missing"},
	    {"\"plan\": \"\"", "\"plan\": \"../../etc/x\"", "'plan' must be a name"},
	    {"\"blocks\": 8", "\"blocks\": -8", "'blocks'"},
	    {"\"blocks\": 8", "\"blocks\": 9007199254740993", "'blocks'"},
	    {"\"duration\": 1", "\"duration\": \"1\"", "'duration' must be an integer from 0"},
	    {"\"command\": [", "\"command\": [null, ", "'command[0]' must be a text"},
	    {"\"version\"", "\"variants\": {\"ring\": 7}, \"version\"",
	     "'tunnels[0].variants.ring'"},
	    {"\"version\"", "\"variants\": {\"../x\": \"y\"}, \"version\"",
	     "'tunnels[0].variants.../x' is no name"},
	    {"\"version\"", "\"offloads\": {\"left\": 3}, \"version\"",
	     "'tunnels[0].offloads.left' must be an object"},
	    {"\"binary_sha256\": \"00\"", "\"binary_sha256\": \"$(id)\"",
	     "'tunnels[0].binary_sha256' must be hexadecimal digits"},
	    {"\"kernel\":", "\"mitigations\": {\"x\": null}, \"kernel\":",
	     "'environment.mitigations.x' must be a text"},
	    {"\"kernel\":", "\"cpus\": -2, \"kernel\":", "'environment.cpus'"},
	    {"\"seed\": 1", "\"seed\": 1, \"gate_percent\": 1e308",
	     "'gate_percent' must be a number"},
	    {"\"seed\": 1", "\"seed\": 1, \"decides\": [\"`id`\"]", "'decides[0]'"},
	    {"\"seed\": 1",
	     "\"seed\": 1, \"metrics\": {\"tcp\": {\"a\": {\"unit\": \"1\", \"better\": \"more\", "
	     "\"judged\": true}}}",
	     "'metrics.tcp.a.better' must be 'lower' or 'higher'"},
	    {"\"seed\": 1", "\"seed\": 1, \"looks\": [0]", "'looks[0]'"},
	    {"\"seed\": 1", "\"seed\": 1, \"ended\": {\"tcp\": \"soon\"}",
	     "'ended.tcp' must be 'decided', 'budget', 'blocks' or 'failed'"},
	    {"\"seed\": 1", "\"seed\": 1, \"trials\": -1", "'trials'"},
	    {"\"seed\": 1", "\"seed\": 1, \"goals\": [7]", "'goals[0]' must be an object"},
	    {"\"seed\": 1", "\"seed\": 1, \"resumed\": [{\"created\": \"now\"}]",
	     "'resumed[0].created'"},
	    {"\"seed\": 1", "\"seed\": 1, \"x\": " DEEP(DEEP("1")),
	     "run.json: nested deeper than 32"},
	    {"{", "[", "run.json:"},
	};
	struct synthetic s;
	char *text, path[256];
	size_t bytes;

	(void)state;
	synthetic_begin(&s, 2, 8);
	store_close(&s.store);
	text = synthetic_read(s.dir, "run.json", &bytes);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *at = strstr(text, cases[i].from), *changed;
		int n;

		assert_non_null(at);
		n = asprintf(&changed, "%.*s%s%s", (int)(at - text), text, cases[i].to,
		             at + strlen(cases[i].from));
		synthetic_write(s.dir, "run.json", changed, n);
		assert_refused(s.dir, cases[i].says);
		free(changed);
	}
	synthetic_write(s.dir, "run.json", text, bytes / 2);
	assert_refused(s.dir, "run.json:");
	synthetic_write(s.dir, "run.json", text, bytes);
	snprintf(path, sizeof(path), "%s/trials.jsonl", s.dir);
	assert_int_equal(unlink(path), 0);
	assert_refused(s.dir, "trials.jsonl: No such file");
	snprintf(path, sizeof(path), "%s/run.json", s.dir);
	assert_int_equal(unlink(path), 0);
	assert_refused(s.dir, "not a run folder");
	assert_refused("/nonexistent", "not a run folder");
	free(text);
	synthetic_end(&s);
}

static void create_refuses_a_folder_in_use(void **state)
{
	struct capture c;
	struct synthetic s;
	struct store st;
	struct run run = synthetic_read_run(synthetic_run(2, 8));

	(void)state;
	synthetic_begin(&s, 2, 8);
	capture_begin(&c, 2);
	assert_int_equal(store_create(&st, s.dir, &run), -EEXIST);
	assert_int_equal(store_open(&st, s.dir, true), -EBUSY);
	capture_end(&c);
	assert_says(&c, "holds a run already");
	assert_says(&c, "another wgbench is appending");
	store_close(&s.store);
	assert_int_equal(store_open(&st, s.dir, true), 0);
	store_close(&st);
	synthetic_end(&s);
}

static void create_refuses_what_could_not_be_read(void **state)
{
	struct run run = synthetic_read_run(synthetic_run(2, 8));
	struct capture c;
	struct store st;

	(void)state;
	run.trials_per_block = 0;
	capture_begin(&c, 2);
	assert_int_equal(store_create(&st, "/tmp/wgbench-test-none", &run), -EINVAL);
	capture_end(&c);
	assert_says(&c, "'trials_per_block' must be an integer from 1 to 1000");
	assert_int_equal(access("/tmp/wgbench-test-none", F_OK), -1);
}

static void append_refuses_what_could_not_be_read(void **state)
{
	struct trial good = synthetic_trial(0, 0, 0, 0), t;
	struct synthetic s;
	struct store st;

	(void)state;
	synthetic_begin(&s, 2, 8);
	synthetic_metric(&good, "goodput_gbps", 1, true, true);
	t = good;
	t.value[0].value = NAN;
	assert_int_equal(store_append(&s.store, &t), -EINVAL);
	t.value[0].value = INFINITY;
	assert_int_equal(store_append(&s.store, &t), -EINVAL);
	t = good;
	synthetic_metric(&t, "goodput_gbps", 2, true, true);
	assert_int_equal(store_append(&s.store, &t), -EINVAL);
	t = good;
	t.tunnel = 2;
	assert_int_equal(store_append(&s.store, &t), -EINVAL);
	t = good;
	*t.workload = 0;
	assert_int_equal(store_append(&s.store, &t), -EINVAL);
	t = good;
	strcpy(t.reason, "\xff not UTF-8");
	assert_int_equal(store_append(&s.store, &t), -EINVAL);
	assert_int_equal(store_append(&s.store, &good), 0);
	store_close(&s.store);
	assert_int_equal(store_open(&st, s.dir, false), 0);
	assert_int_equal(st.trials, 1);
	store_close(&st);
	synthetic_end(&s);
}

// A full disk, by the limit on a file's size: the line is taken back whole, at every cut.
static void full_disk_takes_the_line_back(void **state)
{
	struct trial t = synthetic_trial(0, 0, 0, 0), next = synthetic_trial(0, 0, 1, 1);
	struct rlimit before, limit;
	struct synthetic s;
	struct stat info;
	struct store st;

	(void)state;
	synthetic_begin(&s, 2, 8);
	synthetic_metric(&t, "goodput_gbps", 1, true, true);
	assert_int_equal(store_append(&s.store, &t), 0);
	assert_int_equal(fstat(s.store.trials_fd, &info), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	for (int room = 0; room < 100; room += 33) {
		limit = before;
		limit.rlim_cur = info.st_size + room;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_int_equal(store_append(&s.store, &next), -EFBIG);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		assert_int_equal(store_open(&st, s.dir, false), 0);
		assert_false(st.torn);
		assert_int_equal(st.trials, 1);
		store_close(&st);
	}
	assert_int_equal(store_append(&s.store, &next), 0);
	synthetic_end(&s);
}

static void full_disk_is_returned(void **state)
{
	struct trial t = synthetic_trial(0, 0, 0, 0);
	struct synthetic s;

	(void)state;
	synthetic_begin(&s, 2, 8);
	close(s.store.trials_fd);
	s.store.trials_fd = open("/dev/full", O_WRONLY);
	assert_int_equal(store_append(&s.store, &t), -ENOSPC);
	synthetic_end(&s);
}

// ---- gzipped

static const char packed[] = "trials.jsonl.gz";

// In place of its trials.jsonl.
static void pack(const struct synthetic *s)
{
	char path[256];
	size_t bytes;
	char *text = synthetic_read(s->dir, "trials.jsonl", &bytes);
	gzFile to;

	snprintf(path, sizeof(path), "%s/%s", s->dir, packed);
	to = gzopen(path, "wb");
	assert_non_null(to);
	assert_int_equal(gzwrite(to, text, bytes), bytes);
	assert_int_equal(gzclose(to), Z_OK);
	snprintf(path, sizeof(path), "%s/trials.jsonl", s->dir);
	assert_int_equal(unlink(path), 0);
	free(text);
}

static void gzipped_trials_are_the_same(void **state)
{
	struct store plain, st;
	struct synthetic s;

	(void)state;
	synthetic_fill(&s, 8, 0.1, 0.01);
	store_close(&s.store);
	assert_int_equal(store_open(&plain, s.dir, false), 0);
	pack(&s);
	assert_int_equal(store_open(&st, s.dir, false), 0);
	assert_false(st.torn);
	assert_int_equal(st.trials, plain.trials);
	for (size_t i = 0; i < st.trials; i++) {
		const struct trial *a = &st.trial[i], *b = &plain.trial[i];

		assert_int_equal(a->block, b->block);
		assert_int_equal(a->values, b->values);
		for (size_t m = 0; m < a->values; m++)
			assert_true(a->value[m].value == b->value[m].value);
	}
	store_close(&st);
	store_close(&plain);
	synthetic_end(&s);
}

static void gzipped_trials_cut_or_damaged_are_refused(void **state)
{
	struct synthetic s;
	size_t bytes;
	char *text;

	(void)state;
	synthetic_fill(&s, 8, 0.1, 0.01);
	store_close(&s.store);
	pack(&s);
	text = synthetic_read(s.dir, packed, &bytes);
	for (size_t cut = 20; cut < bytes; cut += 1 + bytes / 40) {
		synthetic_write(s.dir, packed, text, cut);
		assert_refused(s.dir, "trials.jsonl.gz: cannot be read: damaged, or cut short");
	}
	text[bytes - 6] ^= 1; // of the checksum
	synthetic_write(s.dir, packed, text, bytes);
	assert_refused(s.dir, "damaged");
	free(text);
	synthetic_end(&s);
}

static void both_files_of_trials_are_refused(void **state)
{
	struct synthetic s;

	(void)state;
	synthetic_fill(&s, 1, 0, 0);
	store_close(&s.store);
	synthetic_write(s.dir, packed, "", 0);
	assert_refused(s.dir, "holds both trials.jsonl and trials.jsonl.gz");
	synthetic_end(&s);
}

static void gzipped_trials_are_not_written_to(void **state)
{
	struct capture c;
	struct synthetic s;
	struct store st;
	struct run run = synthetic_read_run(synthetic_run(2, 1));

	(void)state;
	synthetic_fill(&s, 1, 0, 0);
	store_close(&s.store);
	pack(&s);
	capture_begin(&c, 2);
	assert_int_equal(store_open(&st, s.dir, true), -EINVAL);
	assert_int_equal(store_create(&st, s.dir, &run), -EEXIST);
	capture_end(&c);
	assert_says(&c, "gunzip");
	assert_says(&c, "holds a run already");
	synthetic_end(&s);
}

static void unpacking_is_bounded(void **state)
{
	char path[] = "/tmp/wgbench-test-XXXXXX", some[64];
	int fd = mkstemp(path), again;
	FILE *from;
	gzFile to;

	(void)state;
	assert_return_code(fd, errno);
	to = gzdopen(fd, "wb");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(gzputs(to, "0123456789\n"), 11);
	gzclose(to);
	again = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	from = compressed_open(again, 10999);
	while (fread(some, 1, sizeof(some), from))
		;
	assert_true(ferror(from));
	assert_int_equal(errno, EFBIG);
	fclose(from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(torn_at_every_byte),
	    cmocka_unit_test(run_json_cut_at_any_byte_is_refused),
	    cmocka_unit_test(refuses_what_is_no_regular_file),
	    cmocka_unit_test(refuses_malformed_lines),
	    cmocka_unit_test(schema_1_is_read),
	    cmocka_unit_test(malformed_lines_of_schema_1_are_refused),
	    cmocka_unit_test(refuses_foreign_folders),
	    cmocka_unit_test(create_refuses_a_folder_in_use),
	    cmocka_unit_test(create_refuses_what_could_not_be_read),
	    cmocka_unit_test(append_refuses_what_could_not_be_read),
	    cmocka_unit_test(full_disk_takes_the_line_back),
	    cmocka_unit_test(full_disk_is_returned),
	    cmocka_unit_test(gzipped_trials_are_the_same),
	    cmocka_unit_test(gzipped_trials_cut_or_damaged_are_refused),
	    cmocka_unit_test(both_files_of_trials_are_refused),
	    cmocka_unit_test(gzipped_trials_are_not_written_to),
	    cmocka_unit_test(unpacking_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
