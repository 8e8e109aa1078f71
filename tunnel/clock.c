// CLOCK_BOOTTIME and CLOCK_REALTIME. A scale stretches boot time from an origin: the pair of
// (real, scaled) at which it was set, so that no reading ever jumps.
#include "tunnel/clock.h"

#include <time.h>

static struct {
	uint64_t real_ns, scaled_ns;
	unsigned scale;
} origin = {.scale = 1};

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t boot_ns(void)
{
	return origin.scaled_ns + (read_clock(CLOCK_BOOTTIME) - origin.real_ns) * origin.scale;
}

static uint64_t wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t (*clock_now_ns)(void) = boot_ns;
uint64_t (*clock_wall_ns)(void) = wall_ns;

// Rounded up: a timer must not fire before its time has come.
uint64_t clock_real_ns(uint64_t now_ns)
{
	if (now_ns <= origin.scaled_ns)
		return origin.real_ns;
	return origin.real_ns + (now_ns - origin.scaled_ns + origin.scale - 1) / origin.scale;
}

void clock_set_scale(unsigned scale)
{
	uint64_t real_ns = read_clock(CLOCK_BOOTTIME);

	origin.scaled_ns += (real_ns - origin.real_ns) * origin.scale;
	origin.real_ns = real_ns;
	origin.scale = scale;
}
