// Random numbers that a seed repeats: an order of trials, a resampling, a simulation.
#ifndef WGBENCH_BASE_RANDOM_H
#define WGBENCH_BASE_RANDOM_H

#include <stdint.h>

// splitmix64 (Steele, Lea, Flood, 2014); the state begins as the seed.
uint64_t random_next(uint64_t *state);

// Uniform in [0, n), 0 < n < 2^32, but for a bias below n / 2^32.
uint32_t random_below(uint64_t *state, uint32_t n);

#endif
