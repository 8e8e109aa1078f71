// What arrived of one flow, by sequence numbers: a bitmap of the last numbers tells a duplicate
// from a packet that was overtaken.
#ifndef WGBENCH_TRAFFIC_SEQUENCE_H
#define WGBENCH_TRAFFIC_SEQUENCE_H

#include <stdint.h>

enum { SEQUENCE_WINDOW = 1 << 16 };

// Zeroed: nothing yet.
struct sequence {
	uint64_t next;       // one beyond the highest number so far
	uint64_t received;   // numbers, each counted once
	uint64_t reordered;  // of them, after a higher one
	uint64_t duplicates; // beyond the first of a number
	uint64_t stale;      // older than the window: either of the two, not in received
	uint64_t seen[SEQUENCE_WINDOW / 64]; // a bit for each number in [next - window, next)
};

void sequence_add(struct sequence *, uint64_t number);

#endif
