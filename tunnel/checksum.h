// The ways to sum that this CPU may offer, one body compiled for several instruction sets;
// checksum_add (declared in offload.h) takes the first that is usable. Tests try all of them.
#ifndef WGBENCH_CHECKSUM_H
#define WGBENCH_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct checksum_way {
	const char *name;
	bool (*usable)(void);
	uint64_t (*add)(uint64_t sum, const void *data, size_t length);
};

extern const struct checksum_way checksum_ways[]; // the fastest first
extern const size_t checksum_ways_count;

#endif
