// How a ring waits for another thread: a short run of pauses, since the wait is some ten
// instructions when the other thread runs, then sched_yield, since user space can lose the CPU
// inside a critical section and its successor would otherwise spin away a whole time slice.
#ifndef WGBENCH_RING_BACKOFF_H
#define WGBENCH_RING_BACKOFF_H

#include <sched.h>

#define BACKOFF_PAUSES 64

// waited: how often the caller has waited already, from 0.
static inline void backoff(unsigned *waited)
{
	if (++*waited % BACKOFF_PAUSES == 0) {
		sched_yield();
		return;
	}
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
