#include "tunnel/load.h"

#include "tunnel/clock.h"
#include "tunnel/mailbox.h"

enum {
	MESSAGES_LOADED = MAILBOX_MESSAGES_MAX / 8,
	REPLIES_BURST = 256,
};

#define HOLD_NS NS_PER_S
#define REPLY_INTERVAL_NS (NS_PER_S / 4000)

bool load_high(struct load *l, struct mailbox *m, uint64_t now_ns)
{
	if (mailbox_waiting(m) >= MESSAGES_LOADED)
		l->until_ns = now_ns + HOLD_NS;
	return now_ns < l->until_ns;
}

bool load_has_reply(const struct load *l, uint64_t now_ns)
{
	return !ratelimit_empty(l->replies_full_at_ns, now_ns, REPLY_INTERVAL_NS, REPLIES_BURST);
}

bool load_take_reply(struct load *l, uint64_t now_ns)
{
	return ratelimit_take(&l->replies_full_at_ns, now_ns, REPLY_INTERVAL_NS, REPLIES_BURST);
}
