#include "workloads/micro/allowedips_prefixes.h"
#include "workloads/micro/micro.h"
#include "base/random.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// Shares of the global BGP tables in per cent, rounded (the public CIDR and RIS reports of 2023).
struct share {
	uint8_t length, per_cent;
};
static const struct share v4_shares[] = {{24, 61}, {23, 10}, {22, 12}, {21, 5}, {20, 5},
                                         {19, 3},  {18, 2},  {17, 1},  {16, 1}};
static const struct share v6_shares[] = {{48, 46}, {32, 13}, {44, 9}, {40, 8}, {36, 5}, {46, 4},
                                         {47, 4},  {29, 3},  {33, 3}, {42, 2}, {45, 2}, {34, 1}};

static unsigned draw_length(int family, enum prefixes_mix mix, uint64_t *random)
{
	const struct share *share = family == AF_INET ? v4_shares : v6_shares;

	if (mix == PREFIXES_UNIFORM)
		return family == AF_INET ? 16 + random_below(random, 17)
		                         : 32 + random_below(random, 97);
	for (unsigned at = random_below(random, 100);; share++) {
		if (at < share->per_cent)
			return share->length;
		at -= share->per_cent;
	}
}

// ---- which ones there are already: 64-bit fingerprints, equal ones taken for the same prefix

static uint64_t fingerprint(const struct prefix *prefix)
{
	uint64_t hash = prefix->length;

	for (unsigned i = 0; i < 16; i++) {
		int kept = prefix->length - 8 * (int)i; // bits of this byte
		uint8_t mask = kept >= 8 ? 0xff : kept <= 0 ? 0 : (uint8_t)(0xff00 >> kept);

		hash = (hash ^ (prefix->address[i] & mask)) * 0x100000001b3;
	}
	return random_next(&hash) | 1;
}

// false: it is there already. slots: a power of two, more than there will be entries.
static bool remember(uint64_t *seen, size_t slots, uint64_t what)
{
	size_t at = what >> 8 & (slots - 1);

	while (seen[at] && seen[at] != what)
		at = (at + 1) & (slots - 1);
	if (seen[at])
		return false;
	seen[at] = what;
	return true;
}

struct prefix *prefixes_make(int family, enum prefixes_mix mix, size_t n)
{
	struct prefix *prefixes = micro_allocate(n * sizeof(*prefixes));
	uint64_t random = family * 2 + mix;
	size_t slots = 16;

	while (slots < 2 * n)
		slots *= 2;
	uint64_t *seen = micro_allocate(slots * sizeof(*seen));
	for (size_t i = 0; i < n;) {
		uint64_t words[2] = {random_next(&random), random_next(&random)};

		prefixes[i].length = draw_length(family, mix, &random);
		memset(prefixes[i].address, 0, sizeof(prefixes[i].address));
		memcpy(prefixes[i].address, words, family == AF_INET ? 4 : 16);
		i += remember(seen, slots, fingerprint(&prefixes[i]));
	}
	free(seen);
	return prefixes;
}

void prefixes_address(const struct prefix *prefix, int family, uint64_t random, uint8_t address[16])
{
	uint64_t bits = random;
	uint64_t words[2] = {random_next(&bits), random_next(&bits)};
	uint8_t host[16];

	memcpy(host, words, sizeof(host));
	for (unsigned i = 0; i < (family == AF_INET ? 4 : 16); i++) {
		int kept = prefix->length - 8 * (int)i;
		uint8_t mask = kept >= 8 ? 0xff : kept <= 0 ? 0 : (uint8_t)(0xff00 >> kept);

		address[i] = (prefix->address[i] & mask) | (host[i] & ~mask);
	}
}
