#include "base/process.h"
#include "tests/support/support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LONG_MS = 20000 };

#define SH(script) ((const char *const[]){"sh", "-c", script, NULL})

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static bool is_gone(pid_t pid)
{
	for (int i = 0; i < 200; i++) {
		if (kill(pid, 0) && errno == ESRCH)
			return true;
		usleep(10000);
	}
	return false;
}

static void tells_exit_code_and_output(void **state)
{
	struct process_text text;

	(void)state;
	assert_int_equal(
	    process_run(SH("cat; echo oops >&2; exit 3"), PROCESS_HERE, "in\nput", LONG_MS, &text),
	    3);
	assert_string_equal(text.out, "in\nput");
	assert_string_equal(text.err, "oops\n");
	process_text_free(&text);
	assert_int_equal(process_run(SH("kill -9 $$"), PROCESS_HERE, NULL, LONG_MS, NULL),
	                 128 + SIGKILL);
	// Standard input is empty, not the caller's.
	assert_int_equal(process_run(SH("read x"), PROCESS_HERE, NULL, LONG_MS, NULL), 1);
}

static void arguments_are_not_interpreted(void **state)
{
	const char *const argv[] = {"printf", "%s", "$(echo a) 'b' ; c", NULL};
	struct process_text text;

	(void)state;
	assert_int_equal(process_run(argv, PROCESS_HERE, NULL, LONG_MS, &text), 0);
	assert_string_equal(text.out, "$(echo a) 'b' ; c");
	process_text_free(&text);
}

static void missing_program_is_an_error(void **state)
{
	const char *const argv[] = {"no-such-program-here", NULL};
	struct process_text text;

	(void)state;
	assert_int_equal(process_run(argv, PROCESS_HERE, NULL, LONG_MS, &text), -ENOENT);
	assert_string_equal(text.out, "");
	process_text_free(&text);
	assert_false(process_available("no-such-program-here"));
	assert_true(process_available("sh"));
	assert_true(process_available("/bin/sh"));
	assert_false(process_available("/bin/no"));
}

static void bad_namespace_is_an_error(void **state)
{
	(void)state;
	assert_true(process_run(SH("true"), STDERR_FILENO, NULL, LONG_MS, NULL) < 0);
}

static void timeout_leaves_nothing(void **state)
{
	struct process_text text;
	double began_s = now_s();

	(void)state;
	assert_int_equal(process_run(SH("echo $$; exec sleep 100"), PROCESS_HERE, NULL, 200, &text),
	                 -ETIMEDOUT);
	assert_true(now_s() - began_s < 10);
	assert_true(is_gone(atoi(text.out)));
	process_text_free(&text);
}

static void end_kills_the_stubborn_and_their_children(void **state)
{
	struct process p;
	pid_t child = 0;

	(void)state;
	assert_int_equal(process_start(&p, SH("trap '' TERM; sleep 100 & echo $!; wait; wait"),
	                               PROCESS_HERE, NULL),
	                 0);
	while (!child) {
		char *text = process_read(p.out);
		child = atoi(text);
		free(text);
		assert_int_equal(process_pause(5), 0);
	}
	pid_t pid = p.pid;
	process_end(&p);
	assert_int_equal(p.pid, 0);
	assert_true(is_gone(pid));
	assert_true(is_gone(child));
}

static void daemon_does_not_hold_the_reader(void **state)
{
	struct process_text text;
	double began_s = now_s();

	(void)state;
	assert_int_equal(process_run(SH("sleep 3 & echo here"), PROCESS_HERE, NULL, LONG_MS, &text),
	                 0);
	assert_true(now_s() - began_s < 2);
	assert_string_equal(text.out, "here\n");
	process_text_free(&text);
}

// In a process of its own, as the guard and the signal stay.
static int guarded(void)
{
	struct process p;
	double began_s = now_s();

	if (process_guard_signals() || process_signal() || process_pause(1))
		return 1;
	if (process_start(&p, SH("sleep 100"), PROCESS_HERE, NULL))
		return 2;
	kill(getpid(), SIGTERM);
	if (process_wait(&p, LONG_MS) != -EINTR || process_signal() != SIGTERM)
		return 3;
	kill(getpid(), SIGINT);
	if (process_signal() != SIGTERM) // the first one stays the reason
		return 4;
	if (process_run(SH("true"), PROCESS_HERE, NULL, LONG_MS, NULL) != -EINTR)
		return 5;
	if (process_shield(true) ||
	    process_run(SH("sleep 0.1"), PROCESS_HERE, NULL, LONG_MS, NULL) ||
	    !process_shield(false))
		return 6;
	process_end(&p);
	if (process_run(SH("true"), PROCESS_HERE, NULL, LONG_MS, NULL) != -EINTR)
		return 7;
	return now_s() - began_s < 10 ? 0 : 8;
}

static void signals_end_waits_but_not_the_program(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(guarded());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

// What the caller's environment holds neither changes what a program prints nor where it looks.
static void children_get_a_world_of_their_own(void **state)
{
	static const char *const dropped[] = {
	    "LANG",        "LANGUAGE",    "LC_NUMERIC", "GIT_DIR",       "GIT_INDEX_FILE",
	    "GIT_TRACE",   "MAKEFLAGS",   "MAKEFILES",  "LAYOUT",        "BASH_ENV",
	    "ENV",         "CDPATH",      "GNUTERM",    "GREP_OPTIONS",  "POSIXLY_CORRECT",
	    "WG_TUN_FD",   "LOG_LEVEL",   "PERL5OPT",   "VALGRIND_OPTS", "BENCHMARK_FILTER",
	    "IPERF3_TEST", "PERF_CONFIG", "LC_ALL",
	};
	static const char *const kept[] = {"CFLAGS", "LD_LIBRARY_PATH", "GIT_CONFIG_GLOBAL",
	                                   "GITTER", "LANGUAGES",       "GOMAXPROCS"};
	const char *const argv[] = {"env", NULL};
	struct process_text text;
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(dropped) / sizeof(*dropped); i++)
		setenv(dropped[i], "callers", 1);
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		setenv(kept[i], "kept", 1);
	assert_int_equal(process_run(argv, PROCESS_HERE, NULL, LONG_MS, &text), 0);
	if (strstr(text.out, "callers"))
		fail_msg("%s", text.out);
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		snprintf(line, sizeof(line), "%s=kept\n", kept[i]);
		if (!strstr(text.out, line))
			fail_msg("no %s in: %s", kept[i], text.out);
	}
	assert_non_null(strstr(text.out, "LC_ALL=C\n"));
	assert_non_null(strstr(text.out, "PERF_CONFIG=/dev/null\n"));
	process_text_free(&text);
	for (size_t i = 0; i < sizeof(dropped) / sizeof(*dropped); i++)
		unsetenv(dropped[i]);
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		unsetenv(kept[i]);
}

static int hang_up_child(void)
{
	signal(SIGHUP, SIG_IGN); // nohup's doing
	return process_run(SH("kill -HUP $$; exit 0"), PROCESS_HERE, NULL, LONG_MS, NULL) !=
	       128 + SIGHUP;
}

static void children_ignore_nothing(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(hang_up_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

// Children get the signals' own meaning back. (A shell would unblock them by itself.)
static int signal_child(void)
{
	const char *const argv[] = {"sleep", "100", NULL};
	struct process p;

	if (process_guard_signals() || process_start(&p, argv, PROCESS_HERE, NULL))
		return 1;
	kill(p.pid, SIGTERM);
	int code = process_wait(&p, LONG_MS / 4);
	process_end(&p);
	return code != 128 + SIGTERM;
}

static void children_are_not_guarded(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(signal_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void children_die_with_a_killed_parent(void **state)
{
	int pipes[2];
	struct process p;
	pid_t child = 0;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (!pid) {
		if (!process_start(&p, SH("sleep 100"), PROCESS_HERE, NULL) &&
		    write(pipes[1], &p.pid, sizeof(p.pid)) == sizeof(p.pid))
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipes[0], &child, sizeof(child)), sizeof(child));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(is_gone(child));
	close(pipes[0]);
	close(pipes[1]);
}

static void last_line(void **state)
{
	static const struct {
		const char *text, *last;
	} cases[] = {{NULL, ""},           {"", ""},          {"\n\n", ""},
	             {"a", "a"},           {"a\nbc\n", "bc"}, {"a\nb \n\n ", "b"},
	             {"abcdefgh", "abcde"}};
	char line[6];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(process_last_line(cases[i].text, line, sizeof(line)),
		                    cases[i].last);
}

static void a_failure_has_a_reason(void **state)
{
	struct process_text text;

	(void)state;
	int ret = process_run(SH("echo first >&2; echo last >&2; exit 3"), PROCESS_HERE, NULL,
	                      60000, &text);
	assert_int_equal(ret, 3);
	assert_string_equal(process_reason(ret, &text), "last");
	assert_string_equal(process_reason(-ENOENT, &text), strerror(ENOENT));
	process_text_free(&text);
}

static void path_is_completed(void **state)
{
	static const struct {
		const char *path, *complete;
	} cases[] = {
	    {NULL, "/usr/bin:/bin:/usr/sbin:/sbin"},
	    {"/opt/x:/usr/bin", "/opt/x:/usr/bin:/usr/sbin:/sbin"},
	    {"/bin", "/bin:/usr/sbin:/sbin"},
	    {"/usr/sbin:/usr/bin", "/usr/sbin:/usr/bin"},
	    {"/usr/bin:/sbin", "/usr/bin:/sbin"},
	    {"/opt/usr/bin", "/opt/usr/bin"},
	    {"/usr/bin:/usr/sbin2", "/usr/bin:/usr/sbin2:/usr/sbin:/sbin"},
	    {"", ""},
	};
	const char *path = getenv("PATH");
	char *kept = path ? strdup(path) : NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (cases[i].path)
			setenv("PATH", cases[i].path, 1);
		else
			unsetenv("PATH");
		process_complete_path();
		assert_string_equal(getenv("PATH"), cases[i].complete);
	}
	if (kept)
		setenv("PATH", kept, 1);
	free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_exit_code_and_output),
	    cmocka_unit_test(arguments_are_not_interpreted),
	    cmocka_unit_test(missing_program_is_an_error),
	    cmocka_unit_test(bad_namespace_is_an_error),
	    cmocka_unit_test(timeout_leaves_nothing),
	    cmocka_unit_test(end_kills_the_stubborn_and_their_children),
	    cmocka_unit_test(daemon_does_not_hold_the_reader),
	    cmocka_unit_test(signals_end_waits_but_not_the_program),
	    cmocka_unit_test(children_get_a_world_of_their_own),
	    cmocka_unit_test(children_ignore_nothing),
	    cmocka_unit_test(children_are_not_guarded),
	    cmocka_unit_test(children_die_with_a_killed_parent),
	    cmocka_unit_test(last_line),
	    cmocka_unit_test(a_failure_has_a_reason),
	    cmocka_unit_test(path_is_completed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
