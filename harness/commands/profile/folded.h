// Call stacks with how often each was sampled, as flame graph tools take them: frames from the
// outermost to the innermost, with semicolons between.
#ifndef WGBENCH_PROFILE_FOLDED_H
#define WGBENCH_PROFILE_FOLDED_H

#include <stddef.h>
#include <sys/types.h>

struct text;

enum { FOLDED_PIDS_MAX = 32 };

struct folded_stack {
	char *text;
	double samples;
};

// Sorted by text, each once.
struct folded {
	size_t n, room;
	struct folded_stack *stack;
	double samples;
};

enum folded_part { FOLDED_LEFT, FOLDED_RIGHT, FOLDED_ALL, FOLDED_PARTS };

// Whose processes are whose; `ours` is the left and right end of the tunnel.
struct folded_ends {
	size_t pids[2];
	pid_t pid[2][FOLDED_PIDS_MAX];
};

// Folds what `perf script -F comm,pid,tid,ip,sym,dso` prints. An end's stacks begin with the name
// of the thread; those of all begin with `left end`, `right end` or the name of another program.
// Kernel frames end in _[k]. A CPU's idling is left out, but not what interrupts it.
void folded_read(struct folded parts[FOLDED_PARTS], const char *script, const struct folded_ends *);

// Adds "STACK SAMPLES" a line.
void folded_print(const struct folded *, struct text *);

// Adds "STACK BEFORE AFTER" a line, of both; each times its scale.
void folded_print_difference(const struct folded *before, double before_scale,
                             const struct folded *after, double after_scale, struct text *);

// The share of the kernel's samples that fell into functions (themselves, not their callees) where
// interrupts are let in again, and the one with most of them. A sampling timer that the hypervisor
// delivers late, or while interrupts are off, fires there, whatever ran before. 0: none, or no
// kernel samples.
double folded_late_share(const struct folded *, struct text *name);

// The stacks of both ends out of FOLDED_ALL, a copy; all of it where there are none.
void folded_ends_only(struct folded *, const struct folded *all);

void folded_free(struct folded *);

#endif
