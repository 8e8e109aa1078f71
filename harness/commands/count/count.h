// `wgbench count` between its counting (measure/replay.c, system_calls.c) and its telling
// (print.c).
#ifndef WGBENCH_COUNT_COUNT_H
#define WGBENCH_COUNT_COUNT_H

#include "harness/measure/replay.h"

#include <stdbool.h>

enum { COUNT_TUNNELS_MAX = 2 };

struct count {
	double gate_percent;
	const char *function;
	unsigned long long top;
	bool json, instructions_only;
	bool mix[COUNT_MIXES], side[COUNT_SIDES]; // wanted
	size_t tunnels;
	struct count_tunnel tunnel[COUNT_TUNNELS_MAX];
};

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
