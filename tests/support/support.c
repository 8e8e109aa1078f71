#include "tests/support/support.h"

#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

uint64_t support_seed(void)
{
	static uint64_t seed;
	static bool known;

	if (known)
		return seed;
	const char *given = getenv("WGBENCH_SEED");
	if (given) {
		seed = strtoull(given, NULL, 0);
	} else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
		perror("getrandom");
		abort();
	}
	known = true;
	fprintf(stderr, "# WGBENCH_SEED=0x%016llx\n", (unsigned long long)seed);
	return seed;
}

void support_random_init(struct support_random *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = random_next(&seed);
}

static uint64_t rotate(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t support_random_next(struct support_random *r)
{
	uint64_t *s = r->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t support_random_below(struct support_random *r, uint64_t n)
{
	return (uint64_t)((unsigned __int128)support_random_next(r) * n >> 64);
}

void support_random_fill(struct support_random *r, void *to, size_t bytes)
{
	uint8_t *p = to;

	while (bytes--)
		*p++ = support_random_next(r) >> 56;
}
