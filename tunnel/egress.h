// What waits in a path to be encrypted, in the slot `aqm` between the TUN and the batches, and an
// account of what is below it. Its path's thread only, inside the path bracket, unless said.
#ifndef WGBENCH_EGRESS_H
#define WGBENCH_EGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "tunnel/dql.h"
#include "tunnel/offload.h"

struct aqm;
struct batch;
struct frame;
struct queue;

enum {
	// A super-packet leaves at once: its receiver starts while the next one is read.
	EGRESS_SEND_BYTES = 32768,
	EGRESS_SEND_FRAMES = 128,
	// How often a full lower queue is looked at: it tells nobody when it empties.
	EGRESS_POLL_MS = 1,
};

struct egress {
	struct aqm *aqm;
	uint8_t flow_key[16];
	// Of the frame before: most follow one of their own flow, and need no hash.
	uint8_t last_flow[OFFLOAD_FLOW_BYTES];
	uint32_t last_hash;
	bool all;     // read on, whatever waits
	bool bounded; // the lower queue is: what was submitted and hasn't left the outer sockets
	struct dql dql;
	_Alignas(64) atomic_uint_fast64_t finished; // bytes of what was submitted; any thread
	uint64_t submitted;
};

// Outside the bracket, before there is traffic and after. 0 or -ENOMEM.
int egress_init(struct queue *);
void egress_free(struct queue *);

// Takes the frame, or drops and counts it.
void egress_take(struct queue *, struct frame *, uint64_t now_ns);
// Sends what is next, a super-packet or some small ones. Bytes; 0: there is nothing, or the lower
// queue is full.
uint32_t egress_send(struct queue *, uint64_t now_ns);

bool egress_waits(const struct queue *);
// When to look again, in ms: 0 at once, -1 not before a frame comes.
int egress_patience(const struct queue *);

// A batch goes to a send lane, and has left it or was refused: any thread for the second.
void egress_submitted(struct batch *);
void egress_finished(struct batch *);

#endif
