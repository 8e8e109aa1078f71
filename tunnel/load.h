// What a flood of handshakes may cost. Control thread.
#ifndef WGBENCH_LOAD_H
#define WGBENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include "tunnel/ratelimit.h"

struct mailbox;

// Zeroed: no load.
struct load {
	uint64_t until_ns;           // cookies are demanded until then
	uint64_t replies_full_at_ns; // bucket of the cookie replies
	struct ratelimit sources;    // initiations and responses with a valid cookie
};

// Whether cookies are demanded: an eighth of the mailbox's messages wait, or did within a second.
bool load_high(struct load *, struct mailbox *, uint64_t now_ns);
// Whether another cookie reply may be sent, and takes it of the budget.
bool load_has_reply(const struct load *, uint64_t now_ns);
bool load_take_reply(struct load *, uint64_t now_ns);

#endif
