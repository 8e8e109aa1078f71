#ifndef WGBENCH_BASE_CLOCK_H
#define WGBENCH_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Monotonic.
static inline double clock_s(void)
{
	return clock_ns(CLOCK_MONOTONIC) * 1e-9;
}

#endif
