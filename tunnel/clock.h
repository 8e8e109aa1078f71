// Time as the tunnel sees it. Ages run on CLOCK_BOOTTIME, so that suspend counts. Both functions
// can be replaced (tests of 180 s take milliseconds), and `clock-scale` speeds up the first.
#ifndef WGBENCH_CLOCK_H
#define WGBENCH_CLOCK_H

#include <stdint.h>

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

// Nanoseconds since boot, times the scale. Never 0, so that 0 can mean 'never'.
extern uint64_t (*clock_now_ns)(void);
// Nanoseconds since 1970 (CLOCK_REALTIME), for TAI64N only.
extern uint64_t (*clock_wall_ns)(void);
// The real CLOCK_BOOTTIME that a clock_now_ns() value stands for, in ns, for timerfd.
uint64_t clock_real_ns(uint64_t now_ns);
// Runs clock_now_ns() `scale` times as fast as real time, from now on. 1 to 1000.
void clock_set_scale(unsigned scale);

#endif
