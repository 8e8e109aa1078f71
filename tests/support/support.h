// What every test program shares: a seed that is printed and can be given, and a generator.
#ifndef WGBENCH_TESTS_SUPPORT_SUPPORT_H
#define WGBENCH_TESTS_SUPPORT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

// The seed of this run: WGBENCH_SEED where set, else random; printed once to stderr.
uint64_t support_seed(void);

// xoshiro256** (Blackman and Vigna), a state of its own for each user.
struct support_random {
	uint64_t s[4];
};
void support_random_init(struct support_random *, uint64_t seed);
uint64_t support_random_next(struct support_random *);
// Uniform in [0, n), n > 0.
uint64_t support_random_below(struct support_random *, uint64_t n);
void support_random_fill(struct support_random *, void *to, size_t bytes);

#endif
