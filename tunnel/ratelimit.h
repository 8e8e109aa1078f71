// Limits on how often something may be done: a token bucket as one timestamp (the generic cell rate
// algorithm), and a bounded table of such buckets by source address. One thread at a time.
#ifndef WGBENCH_RATELIMIT_H
#define WGBENCH_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

// Takes a token of a bucket that holds `burst` and gains one every `interval_ns`. full_at_ns: when
// the bucket will be full again; zeroed is full.
bool ratelimit_take(uint64_t *full_at_ns, uint64_t now_ns, uint64_t interval_ns, unsigned burst);

// Whether there is none to be taken.
bool ratelimit_empty(uint64_t full_at_ns, uint64_t now_ns, uint64_t interval_ns, unsigned burst);

// WireGuard paper, section 5.3, as the kernel sets it.
#define RATELIMIT_SOURCE_INTERVAL_NS (NS_PER_S / 20)
enum { RATELIMIT_SOURCE_BURST = 5, RATELIMIT_SETS = 1024, RATELIMIT_WAYS = 4 };

// Zeroed is empty. A bucket that is full again is as good as none and may be taken over, so the
// table never grows; when a set is full of busy sources, further ones are refused.
struct ratelimit {
	struct ratelimit_source {
		uint64_t key;
		uint64_t full_at_ns;
	} sources[RATELIMIT_SETS][RATELIMIT_WAYS];
};

// Takes a token of the IPv4 address or IPv6 /64. seed: a secret, so that nobody can choose whom to
// share a set with.
bool ratelimit_allow(struct ratelimit *, const uint8_t seed[16], const struct sockaddr *source,
                     uint64_t now_ns);

#endif
