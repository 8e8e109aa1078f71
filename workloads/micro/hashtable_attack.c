#include "workloads/micro/hashtable_attack.h"

#include <sodium.h>
#include <string.h>

static uint64_t hash_under(uint32_t seed, const uint8_t key[HASHTABLE_ATTACK_KEY_BYTES])
{
	uint8_t whole[crypto_shorthash_KEYBYTES] = {0};
	uint64_t hash;

	memcpy(whole, &seed, sizeof(seed));
	crypto_shorthash((unsigned char *)&hash, key, HASHTABLE_ATTACK_KEY_BYTES, whole);
	return hash;
}

bool hashtable_attack_seed(const struct hashtable_attack_pair *pairs, size_t n, unsigned bits,
                           uint32_t first, uint64_t count, uint32_t *seed)
{
	uint64_t mask = (UINT64_C(1) << bits) - 1;

	for (uint64_t i = 0; i < count; i++) {
		size_t agree = 0;

		*seed = first + (uint32_t)i;
		while (agree < n &&
		       !((hash_under(*seed, pairs[agree].a) ^ hash_under(*seed, pairs[agree].b)) &
		         mask))
			agree++;
		if (agree == n)
			return true;
	}
	return false;
}

uint64_t hashtable_attack_keys(uint32_t seed, unsigned bits,
                               const uint8_t base[HASHTABLE_ATTACK_KEY_BYTES],
                               uint8_t (*keys)[HASHTABLE_ATTACK_KEY_BYTES], size_t n)
{
	uint64_t mask = (UINT64_C(1) << bits) - 1, start, tried = 0;
	uint8_t key[HASHTABLE_ATTACK_KEY_BYTES];

	memcpy(key, base, sizeof(key));
	memcpy(&start, base, sizeof(start));
	for (size_t found = 0; found < n; tried++) {
		uint64_t candidate = start + tried;

		memcpy(key, &candidate, sizeof(candidate));
		if (!(hash_under(seed, key) & mask))
			memcpy(keys[found++], key, sizeof(key));
	}
	return tried;
}
