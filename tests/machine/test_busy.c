// What is said of a busy machine: in a process namespace of its own, where nobody else is.
#include "harness/machine/busy.h"
#include "harness/machine/processes.h"
#include "tests/support/support.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOSTILE "a) b\x1b[31m"
#define QUOTED "a) b\\x1b[31m"

static pid_t start_spinner(const char *name)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_NAME, name);
	for (;;)
		;
}

static json_t *watch_into(const char *path, double limit)
{
	assert_non_null(freopen(path, "w+", stderr));
	json_t *busy = busy_watch(limit);
	fflush(stderr);
	return busy;
}

static size_t read_line(char line[512])
{
	rewind(stderr);
	size_t n = fread(line, 1, 511, stderr);
	line[n] = 0;
	return n;
}

// The watcher is no ancestor of the spinner, so that this isn't its own.
static int watch_spinner(void)
{
	char path[] = "/tmp/wgbench-busy-XXXXXX", line[512];
	double share;
	const char *name;

	if (mkstemp(path) < 0)
		return 10;
	json_t *busy = watch_into(path, 1e-6);
	size_t said = read_line(line);
	json_t *first = json_array_get(json_object_get(busy, "heaviest"), 0);
	if (!first || json_unpack(first, "{ss sF}", "name", &name, "share", &share))
		return 11;
	if (strcmp(name, QUOTED) || !(share > 0 && share <= 1))
		return 12;
	if (!said || !strstr(line, "wgbench: others use ") ||
	    !strstr(line, "the heaviest: " QUOTED " ") || strchr(line, '\n')[1])
		return 13;
	json_decref(busy);
	json_decref(watch_into(path, 1.1)); // more than a whole machine
	said = read_line(line);
	unlink(path);
	return said ? 14 : 0;
}

static int watch_own(void)
{
	pid_t own = start_spinner("own");
	json_t *busy = busy_watch(1);
	json_t *row;
	bool named = false;
	size_t i;

	json_array_foreach(json_object_get(busy, "heaviest"), i, row) named |=
	    !strcmp(json_string_value(json_object_get(row, "name")), "own");
	json_decref(busy);
	kill(own, SIGKILL);
	waitpid(own, NULL, 0);
	return named ? 20 : 0;
}

static int wait_for(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

// As the first process of the namespace.
static int be_alone(void)
{
	int ret = mount("proc", "/proc", "proc", 0, NULL) ? 2 : 0;
	pid_t spinner = start_spinner(HOSTILE), watcher = fork();

	if (!watcher)
		_exit(ret ? ret : watch_spinner());
	ret = wait_for(watcher);
	kill(spinner, SIGKILL);
	waitpid(spinner, NULL, 0);
	return ret ? ret : watch_own();
}

static void the_heaviest_are_named_and_ours_are_not(void **state)
{
	(void)state;
	if (geteuid()) {
		print_message("# SKIP: a process namespace needs root\n");
		skip();
	}
	pid_t pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(1);
		pid_t first = fork();
		if (!first)
			_exit(be_alone());
		_exit(wait_for(first));
	}
	assert_int_equal(wait_for(pid), 0);
}

static void a_process_is_below_its_ancestors(void **state)
{
	static struct processes all;
	const pid_t self = getpid(), parent = getppid();
	pid_t child = fork();

	(void)state;
	if (!child)
		for (;;)
			pause();
	assert_int_equal(processes_read(&all), 0);
	const struct processes_row *row = processes_find(all.row, all.n, child);
	assert_non_null(row);
	assert_true(processes_below(&all, row, &self, 1));
	assert_true(processes_below(&all, row, &child, 1));
	assert_true(!parent || processes_below(&all, row, &parent, 1));
	assert_false(processes_below(&all, processes_find(all.row, all.n, self), &child, 1));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_heaviest_are_named_and_ours_are_not),
	    cmocka_unit_test(a_process_is_below_its_ancestors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
