// Prefixes and addresses for tables of routes, the same in every run.
#ifndef WGBENCH_MICRO_ALLOWEDIPS_PREFIXES_H
#define WGBENCH_MICRO_ALLOWEDIPS_PREFIXES_H

#include <stddef.h>
#include <stdint.h>

enum prefixes_mix {
	PREFIXES_UNIFORM,   // lengths 16 to 32, or 32 to 128, all equally often
	PREFIXES_REALISTIC, // as in the Internet's routing table
};

struct prefix {
	uint8_t address[16]; // network order; bits beyond the length are random
	uint8_t length;
};

// `n` different prefixes of AF_INET or AF_INET6, for the caller to free; the first of them are the
// same whatever `n` is.
struct prefix *prefixes_make(int family, enum prefixes_mix, size_t n);

// Writes an address within the prefix, its other bits by `random`.
void prefixes_address(const struct prefix *, int family, uint64_t random, uint8_t address[16]);

#endif
