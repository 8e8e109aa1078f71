// A run's folder through the commands that read one: compare, report, history and export. What is
// refused is said; what comes of the rest is only text, wherever it goes.
//
// The input: 'f' and the files, run.json and trials.jsonl with a line of four dashes between; or
// 't' and texts, each ended by a zero byte, which stand in the fields of a run that is right
// otherwise.
#include "tests/fuzz/fuzz.h"

#include "harness/command.h"
#include "base/file.h"
#include "base/process.h"
#include "harness/record/store.h"
#include "tests/fuzz/run_folder/check.h"

#include <dirent.h>
#include <jansson.h>
#include <sys/stat.h>

int __wrap_process_run(const char *const argv[], int ns, const char *input, unsigned timeout_ms,
                       struct process_text *text);
int __wrap_fsync(int fd);

static const char *const files[] = {"run.json",     "trials.jsonl", "report.md",  "report.html",
                                    "verdict.json", "acknowledged", "history.svg"};
enum { FILES = sizeof(files) / sizeof(*files) };
static char folder[256], *out, *err;
static size_t out_bytes, err_bytes;

// gnuplot isn't started.
int __wrap_process_run(const char *const argv[], int ns, const char *input, unsigned timeout_ms,
                       struct process_text *text)
{
	(void)ns, (void)timeout_ms;
	FUZZ_CHECK(!strcmp(argv[0], "gnuplot"));
	check_plot(input);
	*text = (struct process_text){strdup("<svg></svg>"), strdup("")};
	return 0;
}

int __wrap_fsync(int fd)
{
	(void)fd;
	return 0;
}

static const char *path_of(const char *name)
{
	static char path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

// Names of plots stay below their folder.
static void remove_plots(void)
{
	DIR *plots = opendir(path_of("plots"));
	struct dirent *entry;

	while (plots && (entry = readdir(plots))) {
		char name[300];

		if (entry->d_name[0] == '.')
			continue;
		FUZZ_CHECK(!entry->d_name[strspn(
		    entry->d_name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		                   "0123456789_-.")]);
		snprintf(name, sizeof(name), "plots/%s", entry->d_name);
		FUZZ_CHECK(!unlink(path_of(name)));
	}
	if (plots)
		closedir(plots);
	rmdir(path_of("plots"));
}

static void empty_folder(void)
{
	for (size_t i = 0; i < FILES; i++)
		unlink(path_of(files[i]));
	remove_plots();
}

static void remove_folder(void)
{
	empty_folder();
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *temporary = getenv("TMPDIR");

	(void)argc;
	(void)argv;
	snprintf(folder, sizeof(folder), "%s/wgbench-fuzz-XXXXXX", temporary ? temporary : "/tmp");
	FUZZ_CHECK(mkdtemp(folder));
	atexit(remove_folder);
	// The sanitizers and libFuzzer write to the descriptors.
	stdout = open_memstream(&out, &out_bytes);
	stderr = open_memstream(&err, &err_bytes);
	FUZZ_CHECK(stdout && stderr);
	return 0;
}

// ---- the folder

static void write_file(const char *name, const char *text, size_t bytes)
{
	FILE *f = fopen(path_of(name), "w");

	FUZZ_CHECK(f && fwrite(text, 1, bytes, f) == bytes && !fclose(f));
}

static void write_files(const char *text, size_t bytes)
{
	static const char parting[] = "\n----\n";
	const char *trials = memmem(text, bytes, parting, sizeof(parting) - 1);
	size_t first = trials ? (size_t)(trials - text) : bytes;

	trials = trials ? trials + sizeof(parting) - 1 : text + bytes;
	write_file("run.json", text, first);
	write_file("trials.jsonl", trials, text + bytes - trials);
}

// The next text, which JSON can hold.
static json_t *take_text(struct fuzz_input *in, const char *otherwise)
{
	char text[256], kept[256];
	size_t n = 0;

	while (in->left && n < sizeof(text) - 1 && (text[n] = fuzz_byte(in)))
		n++;
	text[n] = 0;
	output_take_text(kept, sizeof(kept), n ? text : otherwise);
	return json_string(kept);
}

static json_t *make_tunnel(struct fuzz_input *in, const char *spec)
{
	json_t *row =
	    json_pack("{ss so ss so so}", "binary_sha256", "00", "spec", take_text(in, spec),
	              "revision", "0123456789ab", "version", take_text(in, "1"), "variants",
	              json_pack("{so}", "ring", take_text(in, "ck")));
	json_t *left = json_object();
	json_t *name = take_text(in, "tun-gso");

	json_object_set_new(left, json_string_value(name), json_true());
	json_object_set_new(row, "offloads", json_pack("{so sn}", "left", left, "right"));
	json_decref(name);
	return row;
}

static json_t *make_trial(struct fuzz_input *in, int block, int position)
{
	static const char *const status[] = {"ok", "contaminated", "failed", "generator-limited"};
	json_t *reason = take_text(in, "");
	unsigned what = fuzz_byte(in);
	double value = 1 + fuzz_byte(in);

	return json_pack(
	    "{ss si si si si si ss si si ss so s{s{sf so ss sb}}}", "run", "r", "block", block,
	    "position", position, "start", block, "attempt", 0, "tunnel",
	    position == 1 || position == 2, "workload", "tcp:flows=8", "start_ns", 1, "duration_ns",
	    1, "status", status[what < 200 ? 0 : what % 4], "reason", reason, "metrics", "cpu_us",
	    "value", value, "unit", json_string("\xc2\xb5s"), "better", "lower", "judged", 1);
}

static void write_texts(struct fuzz_input *in)
{
	enum { BLOCKS = 7, TRIALS = 4 };
	json_t *first = make_tunnel(in, "default"), *second = make_tunnel(in, "veth");
	json_t *word = take_text(in, "wgbench"), *key = take_text(in, "what");
	json_t *environment =
	    json_pack("{so so s{so}}", "kernel", take_text(in, "6.1"), "cpu_model",
	              take_text(in, "a CPU"), "mitigations", "meltdown", take_text(in, "none"));
	FILE *trials = fopen(path_of("trials.jsonl"), "w");
	json_t *row;

	FUZZ_CHECK(trials);
	json_object_set_new(environment, json_string_value(key), take_text(in, "that"));
	json_decref(key);
	json_t *run =
	    json_pack("{si ss ss ss si s[o] s[oo] so s[s] si si si}", "schema", 1, "id", "r",
	              "created", "2026-01-01T00:00:00Z", "plan", "", "seed", 1, "command", word,
	              "tunnels", first, second, "environment", environment, "workloads",
	              "tcp:flows=8", "blocks", BLOCKS, "trials_per_block", TRIALS, "duration", 1);
	FUZZ_CHECK(run && !json_dump_file(run, path_of("run.json"), 0));
	json_decref(run);
	for (int i = 0; i < BLOCKS * TRIALS; i++) {
		row = make_trial(in, i / TRIALS, i % TRIALS);
		FUZZ_CHECK(row && !json_dumpf(row, trials, JSON_COMPACT));
		fputc('\n', trials);
		json_decref(row);
	}
	fclose(trials);
}

// ---- the commands

static int run(int (*command)(int, char **), const char *const *words, size_t n)
{
	char *argv[16];

	rewind(stdout);
	rewind(stderr);
	for (size_t i = 0; i < n; i++)
		argv[i] = (char *)words[i];
	argv[n] = NULL;
	int code = command(n, argv);
	fflush(stdout);
	fflush(stderr);
	// What an earlier command printed may be longer.
	out[out_bytes] = 0;
	err[err_bytes] = 0;
	FUZZ_CHECK(code >= 0 && code <= 3);
	FUZZ_CHECK(code != 2 || (err_bytes && err[err_bytes - 1] == '\n'));
	check_text(err);
	return code;
}

#define RUN(command, ...)                                                                          \
	run(command, (const char *const[]){__VA_ARGS__},                                           \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void check_file(const char *name, void (*check)(const char *))
{
	FILE *f = fopen(path_of(name), "r");
	char *text = NULL;
	size_t room = 0;

	FUZZ_CHECK(f && getdelim(&text, &room, 0, f) > 0);
	fclose(f);
	check(text);
	free(text);
}

static void check_json(void)
{
	json_t *json = json_loads(out, JSON_REJECT_DUPLICATES, NULL);

	FUZZ_CHECK(json);
	json_decref(json);
}

static void run_commands(void)
{
	static const char *const formats[] = {"gbench", "benchstat", "csv", "openmetrics"};
	char known[512];
	int code = RUN(compare_command.main, "compare", folder);

	check_text(out);
	FUZZ_CHECK(RUN(compare_command.main, "compare", "--json", folder) == code);
	if (code != 2)
		check_json();
	if (!RUN(report_command.main, "report", folder)) {
		check_file("report.md", check_markdown);
		check_file("report.html", check_html);
	}
	snprintf(known, sizeof(known), "%s", path_of("acknowledged"));
	if (!RUN(history_command.main, "history", "--db", ":memory:", "--acknowledged", known,
	         "--json", folder))
		check_json();
	RUN(history_command.main, "history", "--db", ":memory:", "--acknowledged", known, "--plot",
	    path_of("history.svg"), folder);
	check_text(out);
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (!RUN(export_command.main, "export", "--format", formats[i], folder))
			check_export(formats[i], out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input in = {data + 1, bytes - 1};

	if (!bytes || (data[0] != 'f' && data[0] != 't'))
		return 0;
	empty_folder();
	if (data[0] == 'f')
		write_files((const char *)data + 1, bytes - 1);
	else
		write_texts(&in);
	run_commands();
	return 0;
}
