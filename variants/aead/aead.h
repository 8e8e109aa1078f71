// Slot `aead`: ChaCha20-Poly1305 (RFC 8439, section 2.8) over a batch of WireGuard data messages
// with one key, no associated data, and the nonce of the WireGuard paper (section 5.4.6): four
// zero bytes, then the 64-bit counter in little-endian order.
//
// Thread safety: a context belongs to one thread.
#ifndef WGBENCH_AEAD_H
#define WGBENCH_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_KEY_BYTES 32
#define AEAD_TAG_BYTES 16

extern const char aead_variant[];

struct aead;

struct aead_message {
	const uint8_t *source;
	uint8_t *target; // may equal source, else the two don't overlap
	uint32_t length; // bytes of plaintext, without the tag; 0 is valid (a keepalive)
	uint64_t counter;
	bool authentic; // set by aead_open
};

// NULL when out of memory or when the CPU lacks what the library needs.
struct aead *aead_new(void);
// Wipes what is left of keys.
void aead_free(struct aead *);

// Encrypts: `length` bytes at source to `length` + AEAD_TAG_BYTES bytes at target, tag last.
void aead_seal(struct aead *, const uint8_t key[static AEAD_KEY_BYTES], struct aead_message *,
               size_t n);

// Decrypts: `length` + AEAD_TAG_BYTES bytes at source to `length` bytes at target, and sets
// `authentic` by a constant-time comparison of the tag. The target of a message that isn't
// authentic holds unspecified bytes. Returns how many were authentic.
size_t aead_open(struct aead *, const uint8_t key[static AEAD_KEY_BYTES], struct aead_message *,
                 size_t n);

#endif
