// `wgbench count` between its counting (count_replay.c, count_calls.c) and its telling
// (count_show.c).
#ifndef WGBENCH_COUNT_H
#define WGBENCH_COUNT_H

#include "harness/callgrind.h"
#include "harness/options.h"
#include "harness/spec.h"

#include <stdbool.h>
#include <stdint.h>

enum { COUNT_TUNNELS_MAX = 2, COUNT_MIXES = 4, COUNT_REPEATS = 3, COUNT_ENDS = 2 };
enum count_side { COUNT_ENCRYPT, COUNT_DECRYPT, COUNT_BOTH, COUNT_SIDES };

// As wgbench-replay calls them.
extern const char *const count_mixes[COUNT_MIXES], *const count_sides[COUNT_SIDES];

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

struct count {
	double gate_percent;
	const char *function;
	unsigned long long top;
	bool json, instructions_only;
	bool mix[COUNT_MIXES], side[COUNT_SIDES]; // wanted
	size_t tunnels;
	struct count_tunnel tunnel[COUNT_TUNNELS_MAX];
};

// Whether it can be counted here, by this program. 0; -errno after a printed line.
int count_check(void);

// Makes a folder for count_replay(), which the caller removes. 0; -errno after a printed line.
int count_make_folder(char dir[4000]);

// Runs the mix under callgrind in the folder `dir`, which is left as it was. 0; -EINTR; -EINVAL
// where the program is at fault, other -errno, both after a printed line.
int count_replay(struct count_tunnel *, int mix, const char *dir);

// Sends some packets through each tunnel in a test network. Likewise.
int count_calls(struct count *);
// What a mix is sent as, or NULL: it isn't.
const char *count_calls_traffic(int mix);

// The differences between two tunnels, which are what they are: no interval is needed.
enum count_verdict { COUNT_FEWER, COUNT_SAME, COUNT_MORE, COUNT_UNJUDGED };

enum count_verdict count_judge(const struct count *, int mix, int side);
// As commands.h has it: more in any wanted mix and side is a regression.
int count_exit_code(const struct count *);

void count_print(const struct count *);

#endif
