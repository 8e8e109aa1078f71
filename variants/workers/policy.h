// How many threads the variants `auto` and `numa` use: a pure function of measured time, so that
// tests and simulations drive it on any clock.
//
// Time is cut into windows of 5 ms. One thread more: the submitters left work waiting for nearly
// all of two windows in a row while the threads that there are were busy (else more of them
// wouldn't help: the submitters are the limit). One fewer: for 200 ms the others would have had
// time to spare. Between the two lies a gap, so a constant rate settles: removing the k-th thread
// needs k - 1 of them to be busy at most 60 % afterwards, adding it needs them to be busy 75 %.
//
// What the submitters can bear without any thread isn't measurable while there is one. So the last
// thread goes on trial: if it is wanted back within 1 s, the share of a thread that it was busy is
// remembered as too much, and it stays until it is busy clearly less. (The rejected alternative,
// to double the waiting time at each such regret, still oscillates, only ever more slowly.)
#ifndef WGBENCH_WORKERS_POLICY_H
#define WGBENCH_WORKERS_POLICY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	POLICY_WINDOW_NS = 5000000,
	POLICY_ADD_WINDOWS = 2,
	POLICY_REMOVE_WINDOWS = 40,
	POLICY_REGRET_WINDOWS = 200,

	// Shares of a window, or of one thread's time, in thousandths.
	POLICY_WAITING = 750,
	POLICY_CALM = 250,
	POLICY_BUSY = 750,
	POLICY_SPARE = 600,
	POLICY_SPARE_LAST = 300, // of the last thread
	POLICY_IDLE = 20,
};

struct policy {
	unsigned max;
	unsigned active;    // threads in use; 0: the submitters do the work
	uint64_t waiting;   // windows in a row with work waiting
	uint64_t low;       // windows in a row in which one fewer would have done
	unsigned low_busy;  // the most that the threads were busy in those
	uint64_t alone;     // windows since the last thread went
	unsigned tried;     // how busy it was
	unsigned regretted; // how busy it was when that was a mistake
};

// How many threads so many CPUs have room for, beside the submitters and one for the applications.
static inline unsigned policy_threads(unsigned cpus, unsigned submitters)
{
	return cpus > submitters + 1 ? cpus - submitters - 1 : 0;
}

static inline void policy_init(struct policy *p, unsigned max)
{
	*p = (struct policy){.max = max, .alone = POLICY_REGRET_WINDOWS, .regretted = UINT_MAX};
}

static inline bool one_fewer_would_do(const struct policy *p, unsigned backlog, unsigned busy)
{
	if (p->active != 1)
		return p->active && busy <= POLICY_SPARE * (p->active - 1);
	return backlog < POLICY_CALM &&
	       (busy <= POLICY_IDLE || (busy <= POLICY_SPARE_LAST && busy < p->regretted / 4 * 3));
}

// The time since the last call was `elapsed_ns`, at least a window. backlog_ns: for how much of it
// submitters left work waiting, summed over them. busy: the time that all threads weren't asleep,
// in thousandths of one thread's. Changes `active`, by one unless much time went by idly.
static inline void policy_decide(struct policy *p, uint64_t elapsed_ns, uint64_t backlog_ns,
                                 unsigned busy)
{
	uint64_t windows = elapsed_ns / POLICY_WINDOW_NS, share = backlog_ns * 1000 / elapsed_ns;
	unsigned backlog = share < 1000 ? share : 1000;

	p->waiting =
	    backlog >= POLICY_WAITING && busy >= POLICY_BUSY * p->active ? p->waiting + windows : 0;
	if (p->waiting >= POLICY_ADD_WINDOWS && p->active < p->max) {
		if (!p->active && p->alone < POLICY_REGRET_WINDOWS && p->tried > POLICY_IDLE)
			p->regretted = p->tried;
		p->active++;
		p->waiting = p->low = 0;
		return;
	}
	if (!p->active) {
		p->alone += windows;
		if (p->alone >= POLICY_REGRET_WINDOWS)
			p->regretted = UINT_MAX;
	}
	if (!one_fewer_would_do(p, backlog, busy)) {
		p->low = 0;
		return;
	}
	if (!p->low || busy > p->low_busy)
		p->low_busy = busy;
	for (p->low += windows;
	     p->low >= POLICY_REMOVE_WINDOWS && one_fewer_would_do(p, backlog, busy);
	     p->low -= POLICY_REMOVE_WINDOWS) {
		if (--p->active)
			continue;
		p->tried = p->low_busy;
		p->alone = 0;
	}
}

#endif
