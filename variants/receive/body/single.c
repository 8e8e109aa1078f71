// The body of the variants that hand over packet by packet and hold nothing: `direct`, `tun-napi`.
// Memory: two pointers a lane. Thread safety: that of the contract; there is no state.
// Source: the Linux kernel's WireGuard driver of 2017, which gave each packet to netif_rx().
#include "variants/receive/receive.h"

#include <stdlib.h>

const unsigned receive_budget = 1;

struct receive {
	const struct receive_hooks *hooks;
	void *context;
};

struct receive *receive_new(const struct receive_hooks *hooks, void *context)
{
	struct receive *receive = malloc(sizeof(*receive));

	if (receive)
		*receive = (struct receive){hooks, context};
	return receive;
}

void receive_free(struct receive *receive)
{
	free(receive);
}

void receive_add(struct receive *receive, struct receive_held *batch,
                 const struct receive_packet *packets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct receive_packet packet = packets[i];

		receive->hooks->write(receive->context, &packet, 1);
	}
	receive->hooks->release(receive->context, batch);
}

void receive_flush(struct receive *receive)
{
	(void)receive;
}
