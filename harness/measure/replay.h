// A tunnel's data path replayed from memory under callgrind, and what a packet took in it.
#ifndef WGBENCH_MEASURE_REPLAY_H
#define WGBENCH_MEASURE_REPLAY_H

#include "harness/measure/callgrind.h"
#include "harness/spec/parse.h"

#include <stdint.h>

enum { COUNT_MIXES = 4, COUNT_REPEATS = 3, COUNT_ENDS = 2 };
enum count_side { COUNT_ENCRYPT, COUNT_DECRYPT, COUNT_BOTH, COUNT_SIDES };

// As wgbench-replay calls them.
extern const char *const count_mixes[COUNT_MIXES + 1], *const count_sides[COUNT_SIDES + 1];

// One mix through one side of a tunnel.
struct count_cell {
	uint64_t packets, bytes, calls;
	struct callgrind code;
};

// System calls per packet of one end, one value a repeat.
struct count_calls {
	size_t n;
	double value[COUNT_REPEATS];
};

struct count_tunnel {
	struct spec spec;
	char replay[4096], program[4096], commit[64];
	struct count_cell cell[COUNT_MIXES][COUNT_SIDES];
	struct count_calls calls[COUNT_MIXES][COUNT_ENDS];
};

// Whether it can be counted here, by this program. 0; -errno after a printed line.
int count_check(void);

// Runs the mix under callgrind, in a folder of its own below TMPDIR. 0; -EINTR; -EINVAL where the
// program is at fault, other -errno, both after a printed line.
int count_replay(struct count_tunnel *, int mix);

#endif
