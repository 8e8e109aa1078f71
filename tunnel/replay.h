// The sliding window against replayed counters (RFC 6479), 8192 bits of which 8128 are usable.
// Thread safety: one caller at a time (the replay lock of its key pair).
#ifndef WGBENCH_REPLAY_H
#define WGBENCH_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_BITS 8192
#define REPLAY_USABLE (REPLAY_BITS - 64)

struct replay {
	uint64_t next; // highest counter accepted, plus one
	uint64_t bits[REPLAY_BITS / 64];
};

// Zeroed is empty. true: the counter is new, and from now on it isn't. Called only with counters
// of authenticated messages below REJECT_AFTER_MESSAGES.
bool replay_accept(struct replay *, uint64_t counter);

#endif
