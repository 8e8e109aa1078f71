// What the variants of `hashtable` share: how keys are found, hashed and compared.
//
// Public keys are hashed by SipHash-2-4 (Aumasson and Bernstein, 2012; libsodium's), keyed by the
// seed. The comparison tells equal from different as it goes: a public key is no secret.
#ifndef WGBENCH_HASHTABLE_KEY_H
#define WGBENCH_HASHTABLE_KEY_H

#include "variants/hashtable/hashtable.h"

#include <sodium.h>
#include <string.h>

enum { PUBLIC_KEY_BYTES = 32 };

_Static_assert(sizeof(uintptr_t) == 8, "a word of a node holds a whole hash");
_Static_assert(crypto_shorthash_KEYBYTES == HASHTABLE_SEED_BYTES, "the seed is SipHash's key");

struct key_rule {
	ptrdiff_t offset;
	enum hashtable_kind kind;
	uint8_t seed[HASHTABLE_SEED_BYTES];
};

// Where the kind is a constant, its branches go away.
#define FOR_EACH_KIND static inline __attribute__((always_inline))

static inline const void *key_of(const struct key_rule *rule, const struct hashtable_node *node)
{
	return (const char *)node + rule->offset;
}

// An index stands in both halves of its hash: both ends of it are as random as the index.
FOR_EACH_KIND uint64_t key_hash(const struct key_rule *rule, const void *key,
                                enum hashtable_kind kind)
{
	uint64_t hash;
	uint32_t index;

	if (kind == HASHTABLE_INDICES) {
		memcpy(&index, key, sizeof(index));
		return (uint64_t)index << 32 | index;
	}
	crypto_shorthash((unsigned char *)&hash, key, PUBLIC_KEY_BYTES, rule->seed);
	return hash;
}

FOR_EACH_KIND bool key_equal(const struct key_rule *rule, const struct hashtable_node *node,
                             const void *key, enum hashtable_kind kind)
{
	uint64_t a[PUBLIC_KEY_BYTES / 8], b[PUBLIC_KEY_BYTES / 8];
	uint32_t i, j;

	if (kind == HASHTABLE_INDICES) {
		memcpy(&i, key_of(rule, node), sizeof(i));
		memcpy(&j, key, sizeof(j));
		return i == j;
	}
	memcpy(a, key_of(rule, node), sizeof(a));
	memcpy(b, key, sizeof(b));
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

#endif
