// What a process inherits, thing by thing: each test is a child of its own that is given the worst
// of it, calls what main() calls, and looks at itself.
#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tunnel/startup.h"

enum { LIMIT_S = 60, SKIPPED = 77 };

// What a child or a daemon of it has to say; a daemon keeps no descriptor to say it by.
static struct {
	int failed_line;
	atomic_int caller, daemon; // processes
	atomic_int detached;       // what startup_detach() returned; 1: not yet
} * shared;

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			shared->failed_line = __LINE__;                                            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static pid_t start(void (*body)(void *), void *argument)
{
	memset(shared, 0, sizeof(*shared));
	shared->detached = 1;
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		alarm(LIMIT_S);
		body(argument);
		_exit(0);
	}
	return pid;
}

// Its wait status.
static int ended(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(shared->failed_line, 0);
	return status;
}

static int in_child(void (*body)(void *), void *argument)
{
	return ended(start(body, argument));
}

// ---- what is inherited

static void look_at_descriptors(void *closed)
{
	unsigned which = *(unsigned *)closed;
	char byte = 0;

	for (int fd = 0; fd < 3; fd++)
		if (which & 1u << fd)
			close(fd);
	EXPECT(!startup_prepare());
	for (int fd = 0; fd < 3; fd++)
		EXPECT(fcntl(fd, F_GETFD) == 0); // and children would have it
	EXPECT(open("/", O_RDONLY | O_CLOEXEC) > STDERR_FILENO);
	// Not as if it had been written.
	for (int fd = 1; fd < 3; fd++)
		EXPECT(!(which & 1u << fd) || (write(fd, &byte, 1) < 0 && errno == EBADF));
	EXPECT(!(which & 1) || (read(0, &byte, 1) < 0 && errno == EBADF));
	fprintf(stderr, which & 4 ? "to nobody\n" : "%s", "");
	EXPECT(!ferror(stderr));
}

static void closed_descriptors_are_opened(void **state)
{
	(void)state;
	for (unsigned which = 0; which < 8; which++)
		assert_int_equal(in_child(look_at_descriptors, &which), 0);
}

static void look_at_signals(void *unused)
{
	const struct rlimit none = {0, RLIM_INFINITY};
	sigset_t all, mask;
	char path[] = "/tmp/wgbench-startup-XXXXXX";
	int fd = mkstemp(path), ends[2];

	(void)unused;
	EXPECT(fd >= 0 && !unlink(path) && !pipe(ends));
	close(ends[0]);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	EXPECT(!startup_prepare());
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i < NSIG; i++)
		EXPECT(sigismember(&mask, i) == (i == SIGTERM || i == SIGINT || i == SIGHUP ||
		                                         i == SIGUSR1 || sigismember(&all, i) < 0
		                                     ? sigismember(&all, i)
		                                     : 0));
	// Ignored ones arrive, too.
	raise(SIGTERM);
	raise(SIGINT);
	sigpending(&mask);
	EXPECT(sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1);
	// What is written in vain ends nothing.
	EXPECT(write(ends[1], "x", 1) < 0 && errno == EPIPE);
	EXPECT(!setrlimit(RLIMIT_FSIZE, &none));
	EXPECT(write(fd, "x", 1) < 0 && errno == EFBIG);
	raise(SIGTTOU);
}

static void signals_are_set_anew(void **state)
{
	(void)state;
	assert_int_equal(in_child(look_at_signals, NULL), 0);
}

static void look_at_hangup(void *handler)
{
	sigset_t pending;

	signal(SIGHUP, handler);
	EXPECT(!startup_prepare());
	raise(SIGHUP);
	sigpending(&pending);
	EXPECT(sigismember(&pending, SIGHUP) == (handler != (void *)SIG_IGN));
}

static void a_hangup_counts_unless_it_is_ignored(void **state)
{
	(void)state;
	assert_int_equal(in_child(look_at_hangup, (void *)SIG_DFL), 0);
	assert_int_equal(in_child(look_at_hangup, (void *)SIG_IGN), 0);
}

static void *measure_stack(void *bytes)
{
	pthread_attr_t attributes;

	if (pthread_getattr_np(pthread_self(), &attributes))
		return NULL;
	pthread_attr_getstacksize(&attributes, bytes);
	pthread_attr_destroy(&attributes);
	return NULL;
}

static void look_at_limits(void *stack)
{
	struct rlimit few = {16, 4096}, small = {*(rlim_t *)stack, RLIM_INFINITY}, now;
	pthread_t thread;
	size_t bytes = 0;

	if (getrlimit(RLIMIT_STACK, &now) || getrlimit(RLIMIT_NOFILE, &now))
		_exit(1);
	small.rlim_max = RLIM_INFINITY;
	if (now.rlim_max < few.rlim_max)
		few.rlim_max = now.rlim_max;
	EXPECT(!setrlimit(RLIMIT_NOFILE, &few));
	if (setrlimit(RLIMIT_STACK, &small))
		_exit(SKIPPED);
	EXPECT(!startup_prepare());
	EXPECT(!getrlimit(RLIMIT_NOFILE, &now));
	EXPECT(now.rlim_cur == (few.rlim_max < 1024 ? few.rlim_max : 1024));
	EXPECT(now.rlim_max == few.rlim_max);
	EXPECT(!getrlimit(RLIMIT_STACK, &now) && now.rlim_cur >= 1 << 20);
	EXPECT(!pthread_create(&thread, NULL, measure_stack, &bytes));
	pthread_join(thread, NULL);
	EXPECT(bytes >= 1 << 20 && bytes < 2 << 20);
}

static void limits_leave_room(void **state)
{
	(void)state;
	static rlim_t stacks[] = {65536, 8 << 20, RLIM_INFINITY};

	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
		int status = in_child(look_at_limits, &stacks[i]);

		if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
			print_message("skipped: a stack's hard limit can't be raised here\n");
			continue;
		}
		assert_int_equal(status, 0);
	}
}

static void look_at_few_descriptors(void *unused)
{
	const struct rlimit few = {8, 8};

	(void)unused;
	if (setrlimit(RLIMIT_NOFILE, &few))
		_exit(SKIPPED);
	int ret = startup_prepare();
	struct rlimit now;
	EXPECT(!getrlimit(RLIMIT_NOFILE, &now));
	// With privileges enough are allowed.
	EXPECT(ret == (now.rlim_cur == 8 ? -EMFILE : 0));
}

static void too_few_descriptors_are_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(look_at_few_descriptors, NULL), 0);
}

static void look_at_files(void *mask)
{
	umask(*(mode_t *)mask);
	EXPECT(!startup_prepare());
	EXPECT(umask(0) == 077);
}

static void files_are_the_owner_s_alone(void **state)
{
	(void)state;
	static mode_t masks[] = {0, 022, 077, 0777};

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
		assert_int_equal(in_child(look_at_files, &masks[i]), 0);
}

// ---- becoming a daemon

struct circumstances {
	bool no_stdio, reader_gone, pipe_full, ends, ends_by_signal, waits;
};

static void lose_stdio(const struct circumstances *c)
{
	int ends[2];

	if (c->reader_gone || c->pipe_full) {
		EXPECT(!pipe(ends));
		EXPECT(dup2(ends[1], 1) == 1 && dup2(ends[1], 2) == 2);
		close(ends[1]);
		if (c->reader_gone)
			close(ends[0]);
	}
	for (int fd = 0; c->no_stdio && fd < 3; fd++)
		close(fd);
}

static void become_daemon(void *circumstances)
{
	const struct circumstances *c = circumstances;
	char path[] = "/tmp/wgbench-startup-XXXXXX";

	EXPECT(mkdtemp(path) && !chdir(path) && !rmdir(path));
	lose_stdio(c);
	EXPECT(!startup_prepare());
	struct stat info;
	int foreign = open("/", O_RDONLY);
	shared->caller = getpid();
	int pipe = startup_daemonize();
	shared->daemon = getpid();
	for (int i = 0; i < 10000 && (c->reader_gone || c->pipe_full); i++)
		fprintf(stderr, "what is to be said of the start\n");
	if (c->ends_by_signal)
		raise(SIGKILL);
	if (c->ends)
		_exit(0); // without having been of use
	for (int ms = 0; c->waits && getppid() == shared->caller && ms < 1000 * LIMIT_S; ms++)
		usleep(1000);
	int ret = startup_detach(pipe);
	if ((!fstat(foreign, &info) && S_ISDIR(info.st_mode)) || getsid(0) != getpid())
		ret = -1;
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			ret = -1;
	shared->detached = ret;
}

static void wait_until_not(atomic_int *value, int unwanted)
{
	for (int ms = 0; *value == unwanted && ms < 1000 * LIMIT_S; ms++)
		usleep(1000);
}

static void the_parent_says_whether_it_started(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct circumstances c = {
		    .no_stdio = i & 1, .reader_gone = (i >> 1) == 1, .pipe_full = (i >> 1) == 2};

		assert_int_equal(in_child(become_daemon, &c), 0);
		c.ends = true;
		assert_int_equal(WEXITSTATUS(in_child(become_daemon, &c)), 1);
		c.ends_by_signal = true;
		assert_int_equal(WEXITSTATUS(in_child(become_daemon, &c)), 1);
	}
}

static void the_daemon_lets_go_of_all(void **state)
{
	(void)state;
	struct circumstances c = {0};

	assert_int_equal(in_child(become_daemon, &c), 0);
	wait_until_not(&shared->detached, 1);
	assert_int_equal(shared->detached, 0);
}

// By a timeout, or by Ctrl-C.
static void a_start_that_is_given_up_leaves_no_daemon(void **state)
{
	(void)state;
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGKILL};
	struct circumstances c = {.no_stdio = true, .waits = true};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		pid_t pid = start(become_daemon, &c);

		wait_until_not(&shared->daemon, 0);
		kill(pid, signals[i]);
		assert_int_equal(WTERMSIG(ended(pid)), signals[i]);
		wait_until_not(&shared->detached, 1);
		assert_int_equal(shared->detached, -EPIPE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(closed_descriptors_are_opened),
	    cmocka_unit_test(signals_are_set_anew),
	    cmocka_unit_test(a_hangup_counts_unless_it_is_ignored),
	    cmocka_unit_test(limits_leave_room),
	    cmocka_unit_test(too_few_descriptors_are_refused),
	    cmocka_unit_test(files_are_the_owner_s_alone),
	    cmocka_unit_test(the_parent_says_whether_it_started),
	    cmocka_unit_test(the_daemon_lets_go_of_all),
	    cmocka_unit_test(a_start_that_is_given_up_leaves_no_daemon),
	};

	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
