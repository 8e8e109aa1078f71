#include "harness/machine/processes.h"

#include "base/quote.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FLAG_KERNEL_THREAD = 0x00200000, SCANS_MAX = 8 };

static uint64_t ticks_to_ns(uint64_t ticks)
{
	return ticks * (1000000000 / sysconf(_SC_CLK_TCK));
}

static bool read_stat(pid_t pid, char *text, size_t bytes)
{
	char path[32];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, bytes - 1);
	close(fd);
	text[got > 0 ? got : 0] = 0;
	return got > 0;
}

bool processes_read_clock(pid_t pid, uint64_t *ns)
{
	clockid_t clock;
	struct timespec t;

	*ns = 0;
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return false;
	*ns = (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	return true;
}

// A name may hold parentheses: it ends with the last one.
static bool read_row(pid_t pid, struct processes_row *row)
{
	char text[1024];
	const char *name, *behind;
	unsigned flags;
	unsigned long long user, system, began;

	if (!read_stat(pid, text, sizeof(text)) || !(name = strchr(text, '(')) ||
	    !(behind = strrchr(text, ')')) || behind < name)
		return false;
	*row = (struct processes_row){.pid = pid};
	snprintf(row->name, sizeof(row->name), "%.*s", (int)(behind - name - 1), name + 1);
	if (sscanf(behind + 1,
	           " %*c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
	           "%llu",
	           &row->parent, &flags, &user, &system, &began) != 5)
		return false;
	row->kernel = flags & FLAG_KERNEL_THREAD;
	row->waited_ns = ticks_to_ns(user + system);
	row->began = began;
	return processes_read_clock(pid, &row->cpu_ns);
}

static int by_pid(const void *a, const void *b)
{
	return ((const struct processes_row *)a)->pid - ((const struct processes_row *)b)->pid;
}

static int read_all(struct processes *p, bool *gone)
{
	DIR *proc = opendir("/proc");

	p->n = 0;
	*gone = false;
	if (!proc)
		return -errno;
	for (struct dirent *e; p->n < PROCESSES_MAX && (e = readdir(proc));) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		if (read_row(atoi(e->d_name), &p->row[p->n]))
			p->n++;
		else
			*gone = true;
	}
	closedir(proc);
	qsort(p->row, p->n, sizeof(*p->row), by_pid);
	return 0;
}

int processes_read(struct processes *p)
{
	bool gone = true;
	int ret = 0;

	for (int i = 0; !ret && gone && i < SCANS_MAX; i++)
		ret = read_all(p, &gone);
	return ret;
}

const struct processes_row *processes_find(const struct processes_row *row, size_t n, pid_t pid)
{
	const struct processes_row key = {.pid = pid};

	return n ? bsearch(&key, row, n, sizeof(*row), by_pid) : NULL;
}

static bool is_listed(pid_t pid, const pid_t *pids, size_t n)
{
	while (n--)
		if (pids[n] == pid)
			return true;
	return false;
}

bool processes_below(const struct processes *p, const struct processes_row *row, const pid_t *pid,
                     size_t n)
{
	for (int depth = 0; row && depth < 64; depth++) {
		if (is_listed(row->pid, pid, n))
			return true;
		row = processes_find(p->row, p->n, row->parent);
	}
	return false;
}

uint64_t processes_spent_ns(const struct processes_row *now, const struct processes_row *before,
                            size_t n)
{
	const struct processes_row *then = processes_find(before, n, now->pid);
	uint64_t had_ns = then && then->began == now->began ? then->cpu_ns : 0;

	return now->cpu_ns > had_ns ? now->cpu_ns - had_ns : 0;
}

void processes_quote_name(char name[PROCESSES_NAME_BYTES], const struct processes_row *row)
{
	struct text quoted = {0};
	FILE *to = text_open(&quoted);

	quote_text(to, row->name);
	fclose(to);
	snprintf(name, PROCESSES_NAME_BYTES, "%s", text_string(&quoted));
	text_free(&quoted);
}
