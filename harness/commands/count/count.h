// `wgbench count` between its counting (measure/replay.c, system_calls.c), its judging (judge.c)
// and its telling (print.c, json.c).
#ifndef WGBENCH_COUNT_COUNT_H
#define WGBENCH_COUNT_COUNT_H

#include "harness/measure/replay.h"

#include <jansson.h>
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
enum count_verdict { COUNT_FEWER, COUNT_SAME, COUNT_MORE, COUNT_UNJUDGED, COUNT_VERDICTS };
extern const char *const count_verdict_names[COUNT_VERDICTS + 1];

enum count_verdict count_judge(const struct count *, int mix, int side);
// As commands.h has it: more in any wanted mix and side is a regression.
int count_exit_code(const struct count *);

// The cipher's code that valgrind can run isn't the one that runs elsewhere.
bool count_ciphers_differ(const struct count *);

bool count_is_wanted(const struct count *, int mix, int side);
double count_per_packet(const struct count_cell *); // instructions
// Of the second tunnel from the first.
double count_difference_percent(const struct count *, int mix, int side);

struct count_function {
	const char *name; // borrowed
	int mix, side;
	double value[COUNT_TUNNELS_MAX]; // instructions per packet
	double weight;                   // by which rows are sorted
};

struct count_functions {
	size_t n, room;
	struct count_function *row; // which the caller frees
};

// Those that cost or, of two tunnels, differ most.
void count_find_functions(struct count_functions *, const struct count *);

void count_print(const struct count *);
json_t *count_to_json(const struct count *); // a new object

#endif
