// A batch: what travels between the stages. One burst of TUN reads or one UDP GRO buffer, of one
// peer, with one key pair, one range of counters, one outer TOS; one ring entry and one send.
//
// Ownership: a batch belongs to the stage that handles it; a lane owns it between submit and
// finish. It holds a reference on its peer, its key pair, and the buffers that its packets are in.
#ifndef WGBENCH_BATCH_H
#define WGBENCH_BATCH_H

#include <netinet/in.h>
#include "tunnel/buffer.h"
#include "tunnel/endpoint.h"
#include "tunnel/offload.h"
#include "variants/receive/receive.h"
#include "variants/workers/workers.h"

struct peer;
struct keypair;
struct queue;

enum {
	BATCH_PACKETS_MAX = 1536,    // a 64 KB super-packet at TCP's smallest segment (48 bytes)
	BATCH_FRAMES_MAX = 128,      // frames that one batch gathers on their way out
	BATCH_FRAME_BYTES = 65536,   // one TUN read: the largest IP packet
	BATCH_OUT_BYTES = 5 * 65536, // of what is sent; pages that aren't used cost nothing
	BATCH_SLACK = 16,            // behind each frame: room for padding
};

// A packet or super-packet as the TUN handed it over, ready to be cut.
struct batch_frame {
	struct buffer *buffer;
	struct offload_cutter cutter;
};

// A span of the buffer (receive) or `out` (send): one message or packet.
struct batch_span {
	uint32_t offset;
	uint32_t length;
};

struct batch {
	struct workers_job job; // first: a job is its batch
	struct pool_item item;
	struct receive_held held; // while its packets wait to go up
	struct batch *next;       // in a staged queue
	struct queue *queue;      // that it came in by and leaves by
	struct peer *peer;
	struct keypair *keypair;
	uint64_t counter; // of the first packet
	uint32_t packets;
	uint32_t frames;
	uint32_t in_bytes;  // receive: of the buffer, all datagrams
	uint32_t out_bytes; // of `out` used, or (while frames are gathered) at most to be used
	uint32_t submitted_bytes; // send: what it counts for in the lower queue (egress.h)
	uint32_t datagram_bytes;  // receive: size of all of them but the last
	uint8_t tos;              // outer: sent with, or received with
	bool keepalive;           // one empty packet, and nothing else
	bool failed;              // the work has gone wrong: nothing to finish
	struct endpoint source;   // receive: where it came from
	struct buffer *in;        // receive: where its packets are; send: NULL
	struct batch_frame frame[BATCH_FRAMES_MAX]; // send
	struct batch_span span[BATCH_PACKETS_MAX];
	uint8_t *out; // send: BATCH_OUT_BYTES
};

static inline struct batch *batch_of(struct workers_job *job)
{
	return (struct batch *)job;
}

#endif
