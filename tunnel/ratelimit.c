#include "tunnel/ratelimit.h"

#include <netinet/in.h>
#include <sodium.h>
#include <string.h>
#include "tunnel/clock.h"

bool ratelimit_take(uint64_t *full_at_ns, uint64_t now_ns, uint64_t interval_ns, unsigned burst)
{
	uint64_t full_ns = (*full_at_ns > now_ns ? *full_at_ns : now_ns) + interval_ns;

	if (full_ns - now_ns > burst * interval_ns)
		return false;
	*full_at_ns = full_ns;
	return true;
}

bool ratelimit_empty(uint64_t full_at_ns, uint64_t now_ns, uint64_t interval_ns, unsigned burst)
{
	return !ratelimit_take(&full_at_ns, now_ns, interval_ns, burst);
}

static uint64_t key_of(const uint8_t seed[16], const struct sockaddr *source)
{
	uint8_t in[1 + 8] = {source->sa_family};
	uint64_t key;

	if (source->sa_family == AF_INET6)
		memcpy(in + 1, &((const struct sockaddr_in6 *)source)->sin6_addr, 8);
	else
		memcpy(in + 1, &((const struct sockaddr_in *)source)->sin_addr, 4);
	crypto_shorthash((uint8_t *)&key, in, sizeof(in), seed);
	return key;
}

bool ratelimit_allow(struct ratelimit *r, const uint8_t seed[16], const struct sockaddr *source,
                     uint64_t now_ns)
{
	uint64_t key = key_of(seed, source);
	struct ratelimit_source *set = r->sources[key % RATELIMIT_SETS], *chosen = NULL;

	for (unsigned i = 0; i < RATELIMIT_WAYS; i++) {
		if (set[i].key == key) {
			chosen = &set[i];
			break;
		}
		if (set[i].full_at_ns <= now_ns)
			chosen = &set[i];
	}
	if (!chosen)
		return false;
	if (chosen->key != key)
		*chosen = (struct ratelimit_source){.key = key};
	return ratelimit_take(&chosen->full_at_ns, now_ns, RATELIMIT_SOURCE_INTERVAL_NS,
	                      RATELIMIT_SOURCE_BURST);
}
