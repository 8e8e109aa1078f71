// /run/wgbench/PID is flock'ed by its owner from beginning to end: the kernel releases the lock
// however the owner dies, and a reused pid has no lock. So a free lock means that nobody owns what
// carries this pid.
#include "netns/owner.h"

#include "base/path.h"
#include "base/process.h"
#include "base/text.h"
#include "netns/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GRACE_MS = 2000, COMMAND_MS = 20000 };

static const char owners[] = "/run/wgbench";
static const char namespaces[] = "/run/netns";
static const char sockets[] = "/var/run/wireguard";

static int lock_fd = -1;
static char *outer_tmpdir; // TMPDIR as it was

// Opens and locks `path` so that the lock is on the file that the name still stands for.
static int lock_file(const char *path, int flags)
{
	for (;;) {
		struct stat mine, named;
		int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | (flags & O_CREAT ? 0 : LOCK_NB)) || fstat(fd, &mine)) {
			int ret = -errno;
			close(fd);
			return ret;
		}
		if (!stat(path, &named) && named.st_ino == mine.st_ino)
			return fd;
		close(fd);
	}
}

int owner_enter_namespace(int ns_fd, int *home)
{
	*home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*home >= 0 && !setns(ns_fd, CLONE_NEWNET))
		return 0;
	int ret = -errno;
	if (*home >= 0)
		close(*home);
	return ret;
}

void owner_leave_namespace(int home)
{
	if (setns(home, CLONE_NEWNET)) {
		perror("wgbench: can't return to the first network namespace");
		abort();
	}
	close(home);
}

static bool is_pid(const char *s)
{
	const char *from = s;

	while (isdigit((unsigned char)*s))
		s++;
	return s > from && !*s;
}

size_t netns_processes(int ns_fd, pid_t *pids, size_t max)
{
	struct stat ns, st;
	size_t n = 0;
	DIR *proc = opendir("/proc");

	if (!proc || fstat(ns_fd, &ns)) {
		if (proc)
			closedir(proc);
		return 0;
	}
	for (struct dirent *e; (e = readdir(proc));) {
		if (!is_pid(e->d_name) || atoi(e->d_name) == getpid())
			continue;
		char *path = text_format("/proc/%s/ns/net", e->d_name);
		bool gone = stat(path, &st);
		free(path);
		if (gone || st.st_dev != ns.st_dev || st.st_ino != ns.st_ino)
			continue;
		if (n < max)
			pids[n] = atoi(e->d_name);
		n++;
	}
	closedir(proc);
	return n;
}

// Signals all of them and waits until they are gone, at most so long. Whether they are.
static bool end_processes(int ns_fd, int signal)
{
	pid_t pids[64];
	bool gone = true;
	size_t n = netns_processes(ns_fd, pids, 64);

	for (size_t i = 0; i < n && i < 64; i++) {
		int pidfd = pidfd_open(pids[i], 0);
		if (pidfd < 0)
			continue;
		pidfd_send_signal(pidfd, signal, NULL, 0);
		gone &= poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, GRACE_MS) == 1;
		close(pidfd);
	}
	return gone && n <= 64;
}

void netns_end_processes(int ns_fd)
{
	if (!end_processes(ns_fd, SIGTERM))
		end_processes(ns_fd, SIGKILL);
}

void owner_remove_namespace(const char *name)
{
	char *path = path_join(namespaces, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	free(path);
	if (fd >= 0) {
		netns_end_processes(fd);
		close(fd);
	}
	const char *const argv[] = {"ip", "netns", "delete", name, NULL};
	process_run(argv, PROCESS_HERE, NULL, COMMAND_MS, NULL);
}

// Calls `act` for every name in `dir` that begins with PREFIX, the pid and `after`.
static int visit_names(const char *dir, const char *prefix, pid_t pid, char after,
                       void (*act)(const char *name))
{
	int found = 0;
	DIR *d = opendir(dir);

	if (!d)
		return 0;
	char *start = text_format("%s%d%c", prefix, pid, after);
	for (struct dirent *e; (e = readdir(d));) {
		if (strncmp(e->d_name, start, strlen(start)))
			continue;
		act(e->d_name);
		found++;
	}
	free(start);
	closedir(d);
	return found;
}

static void remove_socket(const char *name)
{
	char *path = path_join(sockets, name);

	unlink(path);
	free(path);
}

// The sockets go after the processes, which would else find theirs missing.
static int remove_all_of(pid_t pid)
{
	int removed = visit_names(namespaces, "wgb-", pid, '-', owner_remove_namespace);

	visit_names(sockets, "wgb", pid, 'n', remove_socket);
	return removed;
}

// Beside the lock: where the programs that a run starts put their temporary files. One that is
// killed between making and unlinking such a file (iperf3 is) leaves nothing elsewhere.
static char *name_scratch(pid_t pid)
{
	return text_format("%s/%d.tmp", owners, pid);
}

static void remove_scratch(pid_t pid)
{
	char *dir = name_scratch(pid);
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0); // fails on the folder's own two entries
	if (d)
		closedir(d);
	rmdir(dir);
	free(dir);
}

static int make_scratch(void)
{
	const char *before = getenv("TMPDIR");
	char *dir = name_scratch(getpid());
	int ret = mkdir(dir, 0700) && errno != EEXIST ? -errno : 0;

	if (ret) {
		fprintf(stderr, "wgbench: can't make %s: %s\n", dir, strerror(-ret));
	} else {
		outer_tmpdir = before ? text_format("%s", before) : NULL;
		setenv("TMPDIR", dir, 1);
	}
	free(dir);
	return ret;
}

static void drop_scratch(void)
{
	if (outer_tmpdir)
		setenv("TMPDIR", outer_tmpdir, 1);
	else
		unsetenv("TMPDIR");
	free(outer_tmpdir);
	outer_tmpdir = NULL;
	remove_scratch(getpid());
}

// Removes what the owner left, unless it is alive. How many namespaces that were.
static int reap_owner(const char *name)
{
	char *path = path_join(owners, name);
	int removed = 0, fd = lock_file(path, 0);

	if (fd >= 0) {
		removed = remove_all_of(atoi(name));
		remove_scratch(atoi(name));
		unlink(path);
		close(fd);
	}
	free(path);
	return removed;
}

int netns_reap(void)
{
	int removed = 0;
	DIR *d = opendir(owners);

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *e; (e = readdir(d));)
		if (is_pid(e->d_name) && atoi(e->d_name) != getpid())
			removed += reap_owner(e->d_name);
	closedir(d);
	return removed;
}

static char *name_owner(void)
{
	return text_format("%s/%d", owners, getpid());
}

// Our own lock, kept in lock_fd.
static int take_lock(void)
{
	char *path = name_owner();

	do {
		if (mkdir(owners, 0700) && errno != EEXIST) {
			lock_fd = -errno;
			break;
		}
		lock_fd = lock_file(path, O_CREAT);
	} while (lock_fd == -ENOENT); // another one's netns_close() took the folder away
	if (lock_fd < 0)
		fprintf(stderr, "wgbench: can't lock %s: %s\n", path, strerror(-lock_fd));
	free(path);
	return lock_fd < 0 ? lock_fd : 0;
}

static void drop_lock(void)
{
	char *path = name_owner();

	unlink(path);
	free(path);
	close(lock_fd);
	lock_fd = -1;
}

int netns_open(void)
{
	int ret = take_lock();

	if (ret)
		return ret;
	remove_all_of(getpid()); // of a dead owner that had our pid
	ret = make_scratch();
	if (ret) {
		drop_lock();
		return ret;
	}
	int removed = netns_reap();
	if (removed > 0)
		fprintf(stderr, "wgbench: removed %d namespace%s that a killed run had left\n",
		        removed, text_plural(removed));
	return 0;
}

void netns_close(void)
{
	if (lock_fd < 0)
		return;
	visit_names(sockets, "wgb", getpid(), 'n', remove_socket);
	drop_scratch();
	drop_lock();
	rmdir(owners); // fails while others are at work
}
