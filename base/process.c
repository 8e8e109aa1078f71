// Output goes to memfds and not to pipes: nobody has to drain it, a program that left a daemon
// behind can't hold the reader, and a wait is one poll of a pidfd and the signalfd.
#include "base/process.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process_environment.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE_MS = 2000 };
static const char users_path[] = "/usr/bin:/bin"; // execvp's, where PATH isn't set

static int signal_fd = -1;
static int asked_to_stop;
static bool shielded;

static uint64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

int process_guard_signals(void)
{
	sigset_t set;

	if (signal_fd >= 0)
		return 0;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signal_fd < 0 ? -errno : 0;
}

int process_signal(void)
{
	struct signalfd_siginfo info;

	while (signal_fd >= 0 && read(signal_fd, &info, sizeof(info)) == sizeof(info))
		if (!asked_to_stop)
			asked_to_stop = info.ssi_signo;
	return asked_to_stop;
}

bool process_shield(bool on)
{
	bool before = shielded;

	shielded = on;
	return before;
}

static bool must_stop(void)
{
	return process_signal() && !shielded;
}

// Waits for `fd` (or only for the time, -1). 1: readable, 0: time is up, -EINTR.
static int wait_readable(int fd, unsigned timeout_ms)
{
	uint64_t end = now_ms() + timeout_ms;

	for (;;) {
		if (must_stop())
			return -EINTR;
		uint64_t now = now_ms();
		struct pollfd fds[] = {
		    {.fd = fd, .events = POLLIN},
		    {.fd = shielded ? -1 : signal_fd, .events = POLLIN},
		};
		if (poll(fds, 2, now < end ? end - now : 0) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			return 1;
		if (now >= end)
			return 0;
	}
}

int process_pause(unsigned ms)
{
	return wait_readable(-1, ms);
}

static int input_file(const char *input)
{
	if (!input)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("input", MFD_CLOEXEC);
	size_t bytes = strlen(input);
	if (fd >= 0 && write(fd, input, bytes) != (ssize_t)bytes) {
		close(fd);
		errno = ENOMEM;
		return -1;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

// In the child; what fails is told through `report`.
_Noreturn static void execute(const char *const argv[], char **environment, int ns, pid_t parent,
                              int in, int out, int err, int report)
{
	sigset_t none;

	// Also what the caller ignores: a child of nohup or of a background job would too.
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	setpgid(0, 0);
	if ((ns < 0 || !setns(ns, CLONE_NEWNET)) && dup2(in, 0) >= 0 && dup2(out, 1) >= 0 &&
	    dup2(err, 2) >= 0)
		execvpe(argv[0], (char *const *)argv, environment);
	int error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

int process_start(struct process *p, const char *const argv[], int ns, const char *input)
{
	int report[2] = {-1, -1}, ret, error = 0;
	char **environment = process_environment();
	pid_t parent = getpid();

	*p = (struct process){.pidfd = -1, .out = -1, .err = -1};
	int in = input_file(input);
	p->out = memfd_create("out", MFD_CLOEXEC);
	p->err = memfd_create("err", MFD_CLOEXEC);
	if (in < 0 || p->out < 0 || p->err < 0 || pipe2(report, O_CLOEXEC))
		goto err_errno;
	// Two writers to one memfd (a daemon and its child) don't overwrite one another.
	fcntl(p->out, F_SETFL, O_APPEND);
	fcntl(p->err, F_SETFL, O_APPEND);
	p->pid = fork();
	if (p->pid < 0)
		goto err_errno;
	if (!p->pid)
		execute(argv, environment, ns, parent, in, p->out, p->err, report[1]);
	close(report[1]);
	report[1] = -1;
	if (read(report[0], &error, sizeof(error)) == sizeof(error)) {
		waitpid(p->pid, NULL, 0);
		errno = error;
		goto err_errno;
	}
	p->pidfd = pidfd_open(p->pid, 0);
	if (p->pidfd < 0) {
		error = errno;
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
		errno = error;
		goto err_errno;
	}
	ret = 0;
	goto out;
err_errno:
	ret = -errno;
	p->pid = 0;
	process_end(p);
out:
	free(environment);
	if (in >= 0)
		close(in);
	for (int i = 0; i < 2; i++)
		if (report[i] >= 0)
			close(report[i]);
	return ret;
}

int process_wait(struct process *p, unsigned timeout_ms)
{
	int status;
	int ready = wait_readable(p->pidfd, timeout_ms);

	if (ready < 0)
		return ready;
	if (!ready)
		return -ETIMEDOUT;
	if (waitpid(p->pid, &status, 0) < 0)
		return -errno;
	p->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

char *process_read(int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return memory_new(1, 1);
	char *text = memory_resize(NULL, st.st_size + 1, 1);
	ssize_t got = pread(fd, text, st.st_size, 0);
	text[got < 0 ? 0 : got] = 0;
	return text;
}

void process_end(struct process *p)
{
	if (p->pid > 0) {
		bool before = process_shield(true);

		kill(-p->pid, SIGTERM);
		kill(p->pid, SIGTERM);
		if (wait_readable(p->pidfd, GRACE_MS) != 1) {
			kill(-p->pid, SIGKILL);
			kill(p->pid, SIGKILL);
		}
		waitpid(p->pid, NULL, 0);
		shielded = before;
	}
	if (p->pidfd >= 0)
		close(p->pidfd);
	if (p->out >= 0)
		close(p->out);
	if (p->err >= 0)
		close(p->err);
	*p = (struct process){.pidfd = -1, .out = -1, .err = -1};
}

int process_run(const char *const argv[], int ns, const char *input, unsigned timeout_ms,
                struct process_text *text)
{
	struct process p = {.pidfd = -1, .out = -1, .err = -1};
	int ret = must_stop() ? -EINTR : process_start(&p, argv, ns, input);

	if (!ret)
		ret = process_wait(&p, timeout_ms);
	if (text)
		*text = (struct process_text){process_read(p.out), process_read(p.err)};
	process_end(&p);
	return ret;
}

void process_text_free(struct process_text *text)
{
	free(text->out);
	free(text->err);
	*text = (struct process_text){0};
}

const char *process_last_line(const char *text, char *line, size_t bytes)
{
	const char *end = text ? text + strlen(text) : "", *from;

	if (!text)
		text = end;
	while (end > text && strchr(" \t\r\n", end[-1]))
		end--;
	for (from = end; from > text && from[-1] != '\n'; from--)
		;
	char *copy = text_format("%.*s", (int)(end - from), from);
	for (char *c = copy; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	output_take_text(line, bytes, copy);
	free(copy);
	return line;
}

const char *process_reason(int ret, struct process_text *text)
{
	if (ret < 0)
		return strerror(-ret);
	process_last_line(text->err, text->err, strlen(text->err) + 1);
	return text->err;
}

static bool has_folder(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	for (; path; path = strchr(path, ':')) {
		path += *path == ':';
		if (strcspn(path, ":") == length && !strncmp(path, folder, length))
			return true;
	}
	return false;
}

void process_complete_path(void)
{
	const char *path = getenv("PATH");
	char *complete;

	path = path ? path : users_path;
	if (has_folder(path, "/usr/sbin") || has_folder(path, "/sbin") ||
	    !(has_folder(path, "/usr/bin") || has_folder(path, "/bin")))
		return;
	complete = text_format("%s:/usr/sbin:/sbin", path);
	setenv("PATH", complete, 1);
	free(complete);
}

char *process_find(const char *program)
{
	const char *from = getenv("PATH");

	if (strchr(program, '/'))
		return access(program, X_OK) ? NULL : text_format("%s", program);
	for (from = from ? from : users_path; from; from = strchr(from, ':')) {
		from += *from == ':';
		char *path = text_format("%.*s/%s", (int)strcspn(from, ":"), from, program);
		if (!access(path, X_OK))
			return path;
		free(path);
	}
	return NULL;
}

bool process_available(const char *program)
{
	char *path = process_find(program);
	bool found = path;

	free(path);
	return found;
}
