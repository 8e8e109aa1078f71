// The poll context of `napi` and `gro`, after the kernel's NAPI. The first packet that waits
// schedules the context; it is polled when packets for a whole budget wait, when a large batch has
// come, and at the latest by the flush that follows each run of batches; a poll hands over all that
// waits, at most a budget, in one call, after which the context is armed anew: an empty context is
// an armed one, there is no flag beside it that could be left behind.
//
// Batches stay held until their last packet has been handed over. Memory: a budget of packets a
// lane. Complexity: constant a packet. Thread safety: that of the contract.
//
// The file that includes this defines POLL_BUDGET and hand_over().
#include "variants/receive/receive.h"

#include <stdlib.h>

const unsigned receive_budget = POLL_BUDGET;

struct receive {
	const struct receive_hooks *hooks;
	void *context;
	struct receive_held *held;
	uint32_t bytes; // that came since nothing waited
	size_t n;
	struct receive_packet waiting[POLL_BUDGET];
};

static void hand_over(struct receive *);

struct receive *receive_new(const struct receive_hooks *hooks, void *context)
{
	struct receive *receive = calloc(1, sizeof(*receive));

	if (receive) {
		receive->hooks = hooks;
		receive->context = context;
	}
	return receive;
}

void receive_free(struct receive *receive)
{
	free(receive);
}

static void drain(struct receive *receive)
{
	struct receive_held *batch;

	if (!receive->n)
		return;
	hand_over(receive);
	receive->n = 0;
	while ((batch = receive->held)) {
		receive->held = batch->next;
		receive->hooks->release(receive->context, batch);
	}
}

void receive_add(struct receive *receive, struct receive_held *batch,
                 const struct receive_packet *packets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		receive->bytes += packets[i].length;
		receive->waiting[receive->n++] = packets[i];
		if (receive->n == POLL_BUDGET)
			drain(receive);
	}
	if (receive->bytes > RECEIVE_LARGE_BYTES)
		drain(receive);
	if (!receive->n) {
		receive->bytes = 0;
		receive->hooks->release(receive->context, batch);
		return;
	}
	batch->next = receive->held;
	receive->held = batch;
}

void receive_flush(struct receive *receive)
{
	drain(receive);
	receive->bytes = 0;
}
