// What a run remembers of its machine, and how two such memories are told apart.
#include "harness/machine/environment.h"
#include "harness/record/environment_compare.h"
#include "harness/machine/libraries.h"
#include "tests/support/support.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const json_t *row_of(const json_t *differences, const char *what)
{
	const json_t *row;
	size_t i;

	json_array_foreach(differences, i, row)
	{
		if (!strcmp(json_string_value(json_array_get(row, 0)), what))
			return row;
	}
	fail_msg("no difference in %s", what);
	return NULL;
}

static void assert_row(const json_t *differences, const char *what, const char *first,
                       const char *second)
{
	const char *text[] = {first, second};

	for (int i = 0; i < 2; i++) {
		const json_t *value = json_array_get(row_of(differences, what), 1 + i);

		if (text[i])
			assert_string_equal(json_string_value(value), text[i]);
		else
			assert_true(json_is_null(value));
	}
}

static void the_same_place_twice_is_the_same(void **state)
{
	json_t *first = environment_collect(), *second = environment_collect();
	json_t *differences = environment_differences(first, second);

	(void)state;
	if (json_array_size(differences))
		fail_msg("%s", json_dumps(differences, 0));
	json_decref(differences);
	json_decref(first);
	json_decref(second);
}

// Each of them alone tells two environments apart.
static void every_field_counts(void **state)
{
	static const char *const fields[] = {
	    "kernel",
	    "kernel_build",
	    "cpu_model",
	    "cpus",
	    "microcode",
	    "smt",
	    "frequency_governor",
	    "idle_driver",
	    "clocksource",
	    "numa_nodes",
	    "memory_bytes",
	    "hypervisor_signature",
	    "steal",
	    "mitigations",
	    "sysctls",
	    "packages",
	    "boot_words",
	    "iperf3",
	    "harness_revision",
	    "harness_measuring",
	    "cpu_flags",
	    "cpus_allowed_list",
	    "cpu_quota",
	    "cpu_weight",
	    "memory_limit",
	    "memory_policy",
	    "nice",
	    "scheduling",
	    "seccomp",
	    "limits",
	    "variables",
	    "compiler",
	};
	json_t *here = environment_collect();

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		json_t *there = json_copy(here), *differences;

		if (!json_object_get(here, fields[i]))
			fail_msg("no %s", fields[i]);
		json_object_set_new(there, fields[i], json_string("another"));
		differences = environment_differences(here, there);
		assert_row(
		    differences, fields[i],
		    json_is_string(json_object_get(here, fields[i]))
		        ? json_string_value(json_object_get(here, fields[i]))
		        : json_string_value(json_array_get(row_of(differences, fields[i]), 1)),
		    "another");
		json_decref(differences);
		json_decref(there);
	}
	assert_true(json_object_size(json_object_get(here, "sysctls")) > 10);
	json_decref(here);
}

// What a process is granted, as taskset, chrt, nice, ulimit and a shell's exports change it. Run in
// a process of its own.
static int be_restricted(void)
{
	const struct sched_param none = {0};
	const struct rlimit files = {256, 256};
	json_t *before = environment_collect(), *after;
	cpu_set_t one;

	sched_getaffinity(0, sizeof(one), &one);
	for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &one) && seen++)
			CPU_CLR(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) || sched_setscheduler(0, SCHED_BATCH, &none) ||
	    nice(5) < 0 || setrlimit(RLIMIT_NOFILE, &files) || setenv("GOMAXPROCS", "1", 1))
		return 1;
	after = environment_conditions(environment_collect());
	if (json_integer_value(json_object_get(after, "cpus_allowed")) != 1 ||
	    strcmp(json_string_value(json_object_get(after, "scheduling")), "batch") ||
	    json_integer_value(json_object_get(after, "nice")) !=
	        json_integer_value(json_object_get(before, "nice")) + 5 ||
	    !json_object_get(json_object_get(after, "variables"), "GOMAXPROCS"))
		return 2;
	return !json_array_size(environment_differences(before, environment_collect()));
}

static void what_a_process_is_granted_is_remembered(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(be_restricted());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void conditions_are_what_changes_results(void **state)
{
	json_t *whole = json_pack("{s:i, s:s, s:{s:s, s:s}, s:{s:f}, s:s}", "nice", 5, "smt", "on",
	                          "sysctls", "net.ipv4.udp_mem", "1 2 3", "net.core.rmem_max", "1",
	                          "prices", "syscall_ns", 100.0, "harness_revision", "abc");
	json_t *wanted = json_pack("{s:i, s:s, s:{s:s}}", "nice", 5, "smt", "on", "sysctls",
	                           "net.core.rmem_max", "1");
	json_t *conditions = environment_conditions(whole);

	(void)state;
	if (!json_equal(conditions, wanted))
		fail_msg("%s", json_dumps(conditions, 0));
	assert_int_equal(json_object_size(json_object_get(whole, "sysctls")), 2);
	json_decref(conditions);
	json_decref(wanted);
	json_decref(whole);
	conditions = environment_conditions(NULL);
	assert_int_equal(json_object_size(conditions), 0);
	json_decref(conditions);
}

static void libraries_are_known_by_content(void **state)
{
	char *program = realpath("/proc/self/exe", NULL);
	json_t *libraries = libraries_of(program), *none = libraries_of("/dev/null");
	const char *libc = json_string_value(json_object_get(libraries, "libc.so.6"));

	(void)state;
	assert_non_null(libc);
	assert_non_null(strchr(libc, ' '));
	assert_int_equal(strlen(strchr(libc, ' ') + 1), 16);
	assert_int_equal(json_object_size(none), 0);
	json_decref(libraries);
	json_decref(none);
	free(program);
}

static void differences_name_both_sides(void **state)
{
	json_t *first =
	    json_pack("{s:s, s:i, s:{s:s, s:s}, s:[s], s:{s:f}, s:{s:f}, s:n}", "kernel", "6.1",
	              "cpus", 2, "sysctls", "a.b", "1", "c", "2", "boot_words", "nosmt", "prices",
	              "syscall_ns", 100.0, "busy", "share", 0.5, "none");
	json_t *second =
	    json_pack("{s:s, s:i, s:{s:s}, s:[], s:{s:f}, s:b}", "kernel", "6.1", "cpus", 4,
	              "sysctls", "a.b", "1", "boot_words", "prices", "syscall_ns", 200.0, "new", 1);
	json_t *differences = environment_differences(first, second);
	char text[256];

	(void)state;
	assert_int_equal(json_array_size(differences), 4); // what is measured anew doesn't count
	assert_row(differences, "cpus", "2", "4");
	assert_row(differences, "sysctls.c", "2", NULL);
	assert_row(differences, "boot_words[0]", "nosmt", NULL);
	assert_row(differences, "new", NULL, "true");
	assert_string_equal(environment_differences_line(differences, text, sizeof(text)),
	                    "cpus '2', then '4'; sysctls.c '2', then 'not recorded'; "
	                    "boot_words[0] 'nosmt', then 'not recorded'; "
	                    "new 'not recorded', then 'true'");
	for (size_t bytes = 1; bytes < 64; bytes++)
		assert_int_equal(strlen(environment_differences_line(differences, text, bytes)),
		                 bytes - 1);
	json_decref(differences);
	json_decref(first);
	json_decref(second);
}

static struct run_tunnel tunnel(char *spec, bool udp_gso, int length, const char *libc)
{
	return (struct run_tunnel){
	    .spec = spec,
	    .offloads = {json_pack("{s:b}", "udp-gso", udp_gso)},
	    .interfaces = json_pack("{s:{s:i}}", "left", "txqlen", length),
	    .libraries = json_pack("{s:s}", "libc", libc),
	};
}

static void free_tunnel(struct run_tunnel *t)
{
	json_decref(t->offloads[0]);
	json_decref(t->interfaces);
	json_decref(t->libraries);
}

// Offloads and interfaces count where both runs have the tunnel.
static void runs_differ_in_their_tunnels(void **state)
{
	json_t *environment = json_pack("{s:s}", "kernel", "6.1");
	struct run_tunnel tunnels[] = {tunnel("default", true, 500, "a"),
	                               tunnel("mine", true, 1, "a"),
	                               tunnel("default", false, 77, "b")};
	struct run first = {.tunnels = 2, .tunnel = tunnels, .environment.all = environment};
	struct run second = {.tunnels = 1, .tunnel = &tunnels[2], .environment.all = environment};
	json_t *differences = environment_differences_of_runs(&first, &second);

	(void)state;
	assert_int_equal(json_array_size(differences), 3);
	assert_row(differences, "tunnel default.left.udp-gso", "true", "false");
	assert_row(differences, "tunnel default library.libc", "a", "b");
	assert_row(differences, "tunnel default interface.left.txqlen", "500", "77");
	json_decref(differences);
	second.environment.all = NULL;
	assert_null(environment_differences_of_runs(&first, &second));
	for (int i = 0; i < 3; i++)
		free_tunnel(&tunnels[i]);
	json_decref(environment);
}

static void resuming_is_noted(void **state)
{
	json_t *same = json_pack("{s:s}", "kernel", "6.1"),
	       *other = json_pack("{s:s}", "kernel", "6.2");
	struct run run = {0};

	(void)state;
	assert_int_equal(run_take_environment(&run, json_deep_copy(same)), 0);
	assert_null(environment_note_resumed(&run, 3, same));
	assert_ptr_equal(environment_latest(&run), run.environment.all);
	assert_row(environment_note_resumed(&run, 5, other), "kernel", "6.1", "6.2");
	assert_true(json_equal((json_t *)environment_latest(&run), other));
	assert_null(environment_note_resumed(&run, 6, other)); // as it was last
	assert_row(environment_note_resumed(&run, 7, same), "kernel", "6.2", "6.1");
	assert_int_equal(run.times_resumed, 4);
	assert_int_equal(run.resumed[1].trials, 5);
	run_free(&run);
	json_decref(same);
	json_decref(other);
}

static bool has_numbered(const json_t *packages, const char *name)
{
	const char *key;
	json_t *version;

	json_object_foreach((json_t *)packages, key, version)
	{
		if (!strncmp(key, name, strlen(name)) && isdigit(key[strlen(name)]))
			return true;
	}
	return false;
}

// In every release, each of which numbers them anew.
static void libraries_are_remembered(void **state)
{
	static const char *const libraries[] = {
	    "libb2-", "libc",      "libck",  "libhwloc", "libipsec-mb",
	    "libmnl", "libsodium", "libssl", "liburcu",
	};
	json_t *environment = environment_collect();
	const json_t *packages = json_object_get(environment, "packages");

	(void)state;
	if (!json_object_size(packages)) {
		json_decref(environment);
		print_message("no dpkg here\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++)
		if (!has_numbered(packages, libraries[i]))
			fail_msg("no %sN: %s", libraries[i], json_dumps(packages, 0));
	json_decref(environment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_place_twice_is_the_same),
	    cmocka_unit_test(libraries_are_remembered),
	    cmocka_unit_test(every_field_counts),
	    cmocka_unit_test(what_a_process_is_granted_is_remembered),
	    cmocka_unit_test(conditions_are_what_changes_results),
	    cmocka_unit_test(libraries_are_known_by_content),
	    cmocka_unit_test(differences_name_both_sides),
	    cmocka_unit_test(runs_differ_in_their_tunnels),
	    cmocka_unit_test(resuming_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
