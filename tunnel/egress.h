// What waits in a queue to be encrypted, in the slot `aqm` between the TUN and the batches, and an
// account of what is below it. Its queue's thread only, inside the path bracket, unless said.
#ifndef WGBENCH_EGRESS_H
#define WGBENCH_EGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "tunnel/dql.h"
#include "tunnel/inner.h"

struct aqm;
struct counters;
struct frame;
struct switches;

// How often a full lower queue is looked at: there is no event when it empties.
enum { EGRESS_POLL_MS = 1 };

struct egress {
	struct counters *counters;
	struct aqm *aqm;
	uint8_t flow_key[16];
	// Of the frame before: most follow one of their own flow, and need no hash.
	uint8_t last_flow[INNER_FLOW_BYTES];
	uint32_t last_hash;
	bool all;     // read on, whatever waits
	bool bounded; // the lower queue is: what was submitted and hasn't left the outer sockets
	struct dql dql;
	_Alignas(64) atomic_uint_fast64_t finished; // bytes of what was submitted; any thread
	uint64_t submitted;
};

// Outside the bracket, before there is traffic and after. 0 or -ENOMEM.
int egress_init(struct egress *, const struct switches *, struct counters *);
void egress_free(struct egress *);

// Takes the frame, whose header it parses, or drops and counts it.
void egress_take(struct egress *, struct frame *, uint64_t now_ns);
bool egress_waits(const struct egress *);
// The lower queue, which ends in these sockets, isn't full.
bool egress_has_room(struct egress *, const int udp[2], uint64_t now_ns);
// What is next of what waits, or NULL.
struct frame *egress_next(struct egress *, uint64_t now_ns);

// When to look again, in ms: 0 at once, -1 not before a frame comes.
int egress_patience(const struct egress *);

// So many bytes go to a send lane, and have left it or were refused: any thread for the second.
void egress_submitted(struct egress *, uint32_t bytes);
void egress_finished(struct egress *, uint32_t bytes);

#endif
