// The Internet checksum (RFC 1071).
#ifndef WGBENCH_CHECKSUM_H
#define WGBENCH_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The one's complement sum of `length` bytes added to `sum`, not yet
// folded; the order of bytes is the memory's, so a folded result is stored as it is.
uint64_t checksum_add(uint64_t sum, const void *data, size_t length);
uint16_t checksum_fold(uint64_t sum); // folded, not complemented

// The ways to sum that this CPU may offer, one body compiled for several instruction sets;
// checksum_add() takes the first that is usable. Tests try all of them.
struct checksum_way {
	const char *name;
	bool (*usable)(void);
	uint64_t (*add)(uint64_t sum, const void *data, size_t length);
};

extern const struct checksum_way checksum_ways[]; // the fastest first
extern const size_t checksum_ways_count;

#endif
