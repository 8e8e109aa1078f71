// The attack on a table whose hash has too little seed: an attacker who makes peers chooses their
// public keys, learns from the time that lookups take which of them collide, tries seeds until one
// explains it, and then makes keys that all fall into one bucket.
//
// Bounds of the play: the collisions are given, not timed over a network; keys are any 32 bytes, as
// a public key may be. Whoever must know the private keys too pays a step on the curve for each
// candidate beside the hash.
#ifndef WGBENCH_HASHTABLE_ATTACK_H
#define WGBENCH_HASHTABLE_ATTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HASHTABLE_ATTACK_KEY_BYTES = 32 };

// Two keys that were seen to collide in a table of 2^bits buckets.
struct hashtable_attack_pair {
	uint8_t a[HASHTABLE_ATTACK_KEY_BYTES], b[HASHTABLE_ATTACK_KEY_BYTES];
};

// Tries the 32-bit seeds first, first + 1, ... (modulo 2^32), `count` of them. Whether one makes
// every pair collide; it goes to *seed. 32 / bits pairs, rounded up, and one more leave hardly a
// wrong seed. One to two hashes a seed.
bool hashtable_attack_seed(const struct hashtable_attack_pair *pairs, size_t n, unsigned bits,
                           uint32_t first, uint64_t count, uint32_t *seed);

// Makes `n` keys whose hash under the seed ends in `bits` zero bits: SipHash-2-4, keyed by the
// seed's 4 bytes in the machine's order and 12 zero bytes, as the variant `seed32` does. Keys
// differ from `base` in their first 8 bytes. Some 2^bits hashes a key. How many candidates were
// tried.
uint64_t hashtable_attack_keys(uint32_t seed, unsigned bits,
                               const uint8_t base[HASHTABLE_ATTACK_KEY_BYTES],
                               uint8_t (*keys)[HASHTABLE_ATTACK_KEY_BYTES], size_t n);

#endif
