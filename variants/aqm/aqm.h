// Slot `aqm`: active queue management, the queue of a path between the TUN and the encryption.
// Which packet is next, which are dropped or marked so that the queue stays short, and whether the
// queue below it (the outer socket and what is beneath) is kept short as well, without which no
// queue ever builds up here.
//
// A packet is what one read of the TUN brings: mostly a super-packet of one flow, up to 64 KB. It
// is dropped or marked as a whole; a mark shows on every segment that is cut from it. So where an
// RFC speaks of one MTU, here it is one packet, whatever its size.
#ifndef WGBENCH_AQM_H
#define WGBENCH_AQM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const char aqm_variant[];

// What a variant wants of the tunnel.
struct aqm_wishes {
	bool flows; // that aqm_packet.flow is filled in
	// That the lower queue is bounded by dynamic limits (tunnel/dql.h).
	bool bounded;
	// That the TUN is read on while packets wait, since the next one need not be the oldest, or
	// since the variant would rather drop by its own rule than leave that to the TUN's queue.
	bool all;
};
extern const struct aqm_wishes aqm_wishes;

enum {
	AQM_PACKETS_MAX = 1024, // of a queue without flows
	AQM_FLOWS_PACKETS_MAX = 10240,
	AQM_BYTES_MAX = 32 << 20,
};

// Embedded in whatever a packet is. The first three are the variant's while it holds the packet.
struct aqm_packet {
	struct aqm_packet *next;
	uint64_t entered_ns;
	bool marked;    // out: congestion was experienced (CE), instead of a drop
	bool ect;       // it may be marked: ECN-capable transport (RFC 3168, section 5)
	uint32_t bytes; // of the IP packet or super-packet
	uint32_t flow;  // a keyed hash of what makes a flow
};

// drop: takes the packet back; called from within the functions below.
struct aqm_hooks {
	void (*drop)(void *context, struct aqm_packet *);
	void *context;
};

// Not thread-safe: it is one path's.
struct aqm;

// hooks are copied. NULL when out of memory.
struct aqm *aqm_new(const struct aqm_hooks *);
// Drops what is inside.
void aqm_free(struct aqm *);

// Takes the packet. Full, it drops this or another one first, of AQM_PACKETS_MAX packets (with
// flows: AQM_FLOWS_PACKETS_MAX) and AQM_BYTES_MAX bytes. now_ns never decreases from call to call.
void aqm_enqueue(struct aqm *, struct aqm_packet *, uint64_t now_ns);
// The next one to be sent, the caller's from then on; NULL: there is none. Packets of one flow come
// in the order in which they were taken.
struct aqm_packet *aqm_dequeue(struct aqm *, uint64_t now_ns);

// Of what is inside.
size_t aqm_packets(const struct aqm *);

#endif
