// Slot `receive`: how the decrypted packets of a peer reach the TUN: when they are handed over, how
// many at once, and whether the segments of a flow are merged before. The work of the merge itself
// is the tunnel's (offload.h), offered as a hook.
#ifndef WGBENCH_RECEIVE_H
#define WGBENCH_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const char receive_variant[];

enum {
	RECEIVE_BUDGET_MAX = 128,    // as many small datagrams come in one UDP buffer
	RECEIVE_LARGE_BYTES = 32768, // half of the largest super-packet
};

// Packets of one hand-over, at most.
extern const unsigned receive_budget;

// What a variant wants of the TUN.
struct receive_tun {
	short flags; // of TUNSETIFF, beside the tunnel's own
	bool merges; // the variant uses write_merged
	// Called when the interface has been made, before there is traffic; NULL: not. sysfs: a
	// descriptor of a sysfs that shows the interface's network namespace, or -errno. 0 or
	// -errno after a printed line.
	int (*opened)(const char *interface, int sysfs);
};
extern const struct receive_tun receive_tun;

// A packet, whole, in a batch's memory.
struct receive_packet {
	uint8_t *data;
	uint32_t length;
};

// Embedded in each batch; the variant's between receive_add and release.
struct receive_held {
	struct receive_held *next;
};

struct receive_hooks {
	// Hands the packets to the TUN in their order, each by a write of its own.
	void (*write)(void *context, struct receive_packet *, size_t n);
	// The same with consecutive segments of a flow merged into one write, as far as the TUN
	// takes it; the order within each flow is kept. Changes the packets' headers.
	void (*write_merged)(void *context, struct receive_packet *, size_t n);
	// None of the batch's packets is needed any more.
	void (*release)(void *context, struct receive_held *);
};

// The context of a receive lane: of one peer in one queue. Calls for one context come one at a
// time, inside the path bracket, and the hooks are called only from within them.
struct receive;

// hooks: outlive it. NULL when out of memory.
struct receive *receive_new(const struct receive_hooks *, void *context);
// receive_flush came last.
void receive_free(struct receive *);

// Takes a batch of `n` (at least 1) packets, which come up in this order and after those of earlier
// batches. A batch above RECEIVE_LARGE_BYTES is a super-packet already: it is handed over, with all
// before it, before the call returns, so that its receiver starts.
void receive_add(struct receive *, struct receive_held *, const struct receive_packet *, size_t n);

// The end of a run of batches: when it returns nothing is held.
void receive_flush(struct receive *);

#endif
