#include "tunnel/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/standard.h"
#include "tunnel/log.h"

enum {
	DESCRIPTORS = 1024,   // some seven for each of 64 queues, and clients
	DESCRIPTORS_MIN = 32, // one queue, and a client
	STACK_BYTES = 1 << 20,
};

// Those that signalfd takes (control.c).
static void handled_signals(sigset_t *signals)
{
	struct sigaction hangup;

	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGUSR1);
	// nohup has it ignored: then it stays so. Blocked, it would arrive.
	if (sigaction(SIGHUP, NULL, &hangup) || hangup.sa_handler != SIG_IGN)
		sigaddset(signals, SIGHUP);
}

// A log whose reader has gone, that is too long, or that is a terminal of another process group's
// costs the message, not the tunnel.
static void set_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGTTOU};
	sigset_t handled;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	handled_signals(&handled);
	sigprocmask(SIG_SETMASK, &handled, NULL);
}

// Also the hard limit, where that is allowed: root's privileges are still there.
static void raise_limit(int resource, rlim_t wanted)
{
	struct rlimit limit, raised;

	if (getrlimit(resource, &limit) || limit.rlim_cur >= wanted)
		return;
	raised.rlim_cur = wanted;
	raised.rlim_max = limit.rlim_max < wanted ? wanted : limit.rlim_max;
	if (!setrlimit(resource, &raised))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(resource, &limit);
}

static int set_descriptors(void)
{
	struct rlimit limit;

	raise_limit(RLIMIT_NOFILE, DESCRIPTORS);
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= DESCRIPTORS_MIN)
		return 0;
	fprintf(stderr,
	        "wgbench-tunnel: only %llu files may be open, and it needs %d: raise the limit "
	        "(ulimit -n)\n",
	        (unsigned long long)limit.rlim_cur, DESCRIPTORS_MIN);
	return -EMFILE;
}

// Threads' stacks would else be as large as the limit says: too small, or more than RLIMIT_AS has.
static void set_stacks(void)
{
	pthread_attr_t attributes;

	raise_limit(RLIMIT_STACK, STACK_BYTES);
	if (pthread_attr_init(&attributes))
		return;
	if (!pthread_attr_setstacksize(&attributes, STACK_BYTES))
		pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
}

int startup_prepare(void)
{
	standard_open();
	set_signals();
	set_stacks();
	umask(077);
	log_open(STDERR_FILENO);
	return set_descriptors();
}

// ---- becoming a daemon

static _Noreturn void wait_for_daemon(int pipe)
{
	char started = 0;
	sigset_t handled;

	// Who ends this process doesn't want the daemon either: startup_detach() sees it.
	handled_signals(&handled);
	sigprocmask(SIG_UNBLOCK, &handled, NULL);
	while (read(pipe, &started, 1) < 0 && errno == EINTR)
		;
	_exit(!started);
}

int startup_daemonize(void)
{
	int ends[2];
	pid_t pid;

	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) || (pid = fork()) < 0) {
		fprintf(stderr, "wgbench-tunnel: cannot become a daemon: %s: try --foreground\n",
		        strerror(errno));
		exit(1);
	}
	if (pid) {
		close(ends[1]);
		wait_for_daemon(ends[0]);
	}
	// A pipe of the caller's that stays open would keep the caller waiting.
	log_close();
	close_range(STDERR_FILENO + 1, ends[1] - 1, 0);
	close_range(ends[1] + 1, ~0u, 0);
	log_open(STDERR_FILENO);
	setsid();
	return ends[1];
}

int startup_detach(int pipe)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), ret = 0;

	if (null < 0 || chdir("/"))
		ret = -errno;
	for (int fd = 0; !ret && fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			ret = -errno;
	if (null > STDERR_FILENO)
		close(null);
	if (!ret)
		log_open(STDERR_FILENO);
	if (!ret && write(pipe, "1", 1) != 1)
		ret = -errno;
	close(pipe);
	return ret;
}
