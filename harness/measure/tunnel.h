// A tunnel that is alive in a pair of namespaces: a program at each end (or the kernel's
// interface), configured with fresh keys and seen to pass packets.
#ifndef WGBENCH_MEASURE_TUNNEL_H
#define WGBENCH_MEASURE_TUNNEL_H

#include "base/process.h"
#include "harness/measure/tunnel_counters.h"
#include "harness/spec/parse.h"
#include "netns/netns.h"

enum { TUNNEL_PIDS_MAX = 16 };

struct tunnel_end {
	const struct spec *spec; // must outlive the tunnel
	const char *program;     // "" for one without
};

struct tunnel_process {
	const struct netns_pair *pair;
	const struct spec *spec[2];
	struct process program[2];
	char peer_key[2][64]; // public, of the peer that each side has
	int outer;            // 0: IPv4, 1: IPv6
	bool has_outer;       // packets travel in others
	size_t pids;          // of both ends, daemons that the programs became included
	size_t left_pids;     // of them, the first so many are of the left one
	pid_t pid[TUNNEL_PIDS_MAX];
};

// Starts the left and the right end and waits until the tunnel passes a ping. They may be of two
// specs, unless one is `veth`. 0; -errno after a printed line with what the program last said, with
// nothing left running.
int tunnel_start(struct tunnel_process *, const struct tunnel_end[2], const struct netns_pair *);

// Moves both ends' endpoints to the outer family (0: IPv4, 1: IPv6), and sees a ping pass, if they
// aren't there already. Nothing to do for `veth`. 0; -errno after a printed line.
int tunnel_set_outer(struct tunnel_process *, int outer);

// Ends the programs and removes the interfaces; the pair stays.
void tunnel_stop(struct tunnel_process *);

// Whether every process of it still runs.
bool tunnel_alive(const struct tunnel_process *);

// What both ends say of themselves (tunnel_counters.h), for the caller to free; zeroed where an end
// says nothing, as those that aren't ours. -EINTR: asked to stop.
int tunnel_ask(const struct tunnel_process *, struct tunnel_status status[2]);

// When the left end last finished a handshake, seconds since 1970; 0: never; FOREIGN_UNKNOWN.
unsigned long long tunnel_last_handshake(const struct tunnel_process *);

#endif
