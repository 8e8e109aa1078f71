// All processes of the machine, and what CPU time each has had.
#ifndef WGBENCH_MACHINE_PROCESSES_H
#define WGBENCH_MACHINE_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESSES_MAX = 16384, PROCESSES_NAME_BYTES = 128 };

struct processes_row {
	pid_t pid, parent;
	bool kernel;        // a kernel thread
	uint64_t began;     // in ticks since boot: tells two processes apart that had the same pid
	uint64_t waited_ns; // CPU of children that ended and were waited for; counted in ticks
	uint64_t cpu_ns;    // its own, of all its threads
	char name[16];      // as the process calls itself: any bytes; cut by the kernel
};

// By pid. Parents were read before their children, so that one that ended on the way is in
// neither.
struct processes {
	size_t n;
	struct processes_row row[PROCESSES_MAX];
};

// Reads them again while some end meanwhile, a few times. 0 or -errno.
int processes_read(struct processes *);

const struct processes_row *processes_find(const struct processes_row *, size_t n, pid_t);

// Whether the process is one of these or descends from one.
bool processes_below(const struct processes *, const struct processes_row *, const pid_t *pid,
                     size_t n);

// CPU time of its own since `before`, rows by pid of an earlier reading; all of it where the
// process isn't among them.
uint64_t processes_spent_ns(const struct processes_row *now, const struct processes_row *before,
                            size_t n);

// The process's name for an output: what a reader can't see is written out (base/quote.h).
void processes_quote_name(char name[PROCESSES_NAME_BYTES], const struct processes_row *);

// The CPU clock of a whole process with all its threads. Whether there is such a process.
bool processes_read_clock(pid_t, uint64_t *ns);

#endif
