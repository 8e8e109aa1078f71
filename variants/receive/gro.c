// Receive variant `gro`: as `napi`, and what is handed over together is merged before: consecutive
// segments of a TCP or UDP flow go up in one write with a vnet header, across the batches of a run.
// The budget is that of one merge, not the kernel's 64: a UDP buffer may bring 128 small datagrams.
// Complexity, memory, thread safety: body/poll.c. Source: the kernel's GRO (napi_gro_receive).
#include "variants/receive/receive.h"

enum { POLL_BUDGET = RECEIVE_BUDGET_MAX };

#include "variants/receive/body/poll.c"

const char receive_variant[] = "gro";
const struct receive_tun receive_tun = {.merges = true};

static void hand_over(struct receive *receive)
{
	receive->hooks->write_merged(receive->context, receive->waiting, receive->n);
}
