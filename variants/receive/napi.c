// Receive variant `napi`: a poll context for each lane, with the kernel's budget of 64 packets,
// which hands over in batches; nothing is merged. Complexity, memory, thread safety: body/poll.c.
// Source: the kernel's NAPI, as its WireGuard driver has used it since 2018 (napi_schedule a peer).
enum { POLL_BUDGET = 64 };

#include "variants/receive/body/poll.c"

const char receive_variant[] = "napi";
const struct receive_tun receive_tun = {0};

static void hand_over(struct receive *receive)
{
	receive->hooks->write(receive->context, receive->waiting, receive->n);
}
