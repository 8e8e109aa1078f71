// The tunnels of a run, all alive at once, each in a pair of its own.
#ifndef WGBENCH_MEASURE_TESTBED_H
#define WGBENCH_MEASURE_TESTBED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "harness/plan/plan.h"
#include "base/process.h"
#include "harness/spec/parse.h"
#include "harness/measure/tunnel.h"
#include "netns/netns.h"

struct session_tunnel {
	struct spec spec;
	unsigned
	    builds; // programs of one source, each with another layout: 1 of an external tunnel
	char program[RUN_BUILDS_MAX][4096], commit[64];
	struct tunnel_process process;
	struct process server; // iperf3's
	unsigned long long handshake;
	json_t *offloads[2]; // in effect at either end when it was first asked; NULL: it wasn't
};

struct session {
	size_t tunnels;
	struct session_tunnel tunnel[RUN_TUNNELS_MAX];
	bool peered;                // the right end of every pair is of the peer
	struct session_tunnel peer; // its spec and its one program
	struct netns_pair pair[RUN_TUNNELS_MAX];
	bool open;
	size_t started; // tunnels; where session_start() fails, the one of this number is why
};

// Takes the lock, clears what killed runs left, makes the pairs for s->tunnels tunnels. 0; -errno
// after a printed line, with nothing left.
int session_open(struct session *);

// Starts all tunnels, tunnel t in pair (t + start) mod n by its build number start mod builds;
// those that were up are stopped. 0; -errno after a printed line, with no tunnel left.
int session_start(struct session *, unsigned start);

bool session_alive(const struct session *);

void session_close(struct session *);

#endif
