// How far a run is, on stderr: one line that is written over on a terminal, else a line a block.
#ifndef WGBENCH_MEASURE_PROGRESS_H
#define WGBENCH_MEASURE_PROGRESS_H

#include <stddef.h>

struct progress {
	unsigned total, done, blocks; // blocks of all workloads; of one, 0 where it is open
	double began_s, ends_s;       // monotonic; 0: when all blocks are done
	int terminal;
};

// With `budget_s` above 0 it ends then, and how many blocks it will be isn't known.
void progress_begin(struct progress *, unsigned total, unsigned blocks, double budget_s);

// A block begins, or its trial `position` does on a terminal.
void progress_show(struct progress *, unsigned block, const char *workload, unsigned position,
                   unsigned trials, unsigned attempt);

// A block is finished; `note` ("" for none) says what is to be said of it.
void progress_finish(struct progress *, unsigned block, const char *workload, const char *note);

// So many blocks needn't be done.
void progress_skip(struct progress *, unsigned blocks);

// Takes the line off the terminal, before something else is printed.
void progress_clear(struct progress *);

#endif
