// What is said of a self-check below verdicts: of the same machine, workload and metric, by as many
// blocks at most.
#include "harness/show/selfcheck_note.h"
#include "tests/support/capture.h"

#include <stdlib.h>

#define ROW(workload, blocks, found)                                                               \
	"{\"workload\":\"" workload "\",\"metric\":\"goodput_gbps\",\"blocks\":" #blocks           \
	",\"different\":0.04,\"found_percent\":" found "}"

static const char file[] =
    "{\"schema\":1,\"created\":\"2026-01-31T23:59:59Z\",\"machine\":{\"cpus\":2},\"rows\":[" ROW(
        "tcp", 8, "9") "," ROW("tcp", 12, "7.25") "," ROW("tcp", 27, "3") "," ROW("ping", 8,
                                                                                  "null") "]}";

static char *print_note(const char *json, unsigned cpus, const char *workload, size_t blocks)
{
	char path[] = "/tmp/wgbench-note-XXXXXX", *text;
	const struct series series = {.workload = workload, .metric = "goodput_gbps"};
	struct verdict verdict = {.series = &series, .clean.blocks = blocks};
	struct store store = {.run.environment.all = json_pack("{si}", "cpus", cpus)};
	struct outcome outcome = {.store = &store, .verdicts = {.n = 1, .verdict = &verdict}};
	int fd = mkstemp(path);
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	assert_true(fd >= 0 && to);
	assert_int_equal(write(fd, json, strlen(json)), strlen(json));
	close(fd);
	selfcheck_print_note(&outcome, path, to);
	fclose(to);
	unlink(path);
	json_decref(store.run.environment.all);
	return text;
}

static void assert_note(unsigned cpus, const char *workload, size_t blocks, const char *says)
{
	char *note = print_note(file, cpus, workload, blocks);

	assert_string_equal(note, says);
	free(note);
}

static const char unknown[] = "Smallest detectable effect: unknown; run wgbench selfcheck.\n";
#define KNOWN "By the self-check of 2026-01-31T23:59:59Z on such a machine:"

static void it_is_of_the_machine_and_of_so_many_blocks(void **state)
{
	(void)state;
	assert_note(2, "tcp", 20,
	            KNOWN " tcp goodput_gbps: 12 blocks find effects from 7.2 % on, and call A/A "
	                  "different in 4.0 %.\n");
	assert_note(2, "tcp", 7, KNOWN " nothing of these workloads by so few blocks.\n");
	assert_note(2, "ping", 20, KNOWN " nothing of these workloads by so few blocks.\n");
	assert_note(3, "tcp", 20, unknown);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	struct capture err;
	char *note;

	(void)state;
	capture_begin(&err, 2);
	note = print_note("{\"schema\":1,\"created\":\"2026-01-31T23:59:59Z\",\"rows\":{}}", 2,
	                  "tcp", 20);
	capture_end(&err);
	assert_string_equal(note, unknown);
	assert_non_null(strstr(err.text, ": 'rows' must be an array"));
	free(note);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_of_the_machine_and_of_so_many_blocks),
	    cmocka_unit_test(a_file_that_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
