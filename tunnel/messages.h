// The four WireGuard messages (paper, section 5.4), as they lie on the wire; integers are
// little-endian.
#ifndef WGBENCH_MESSAGES_H
#define WGBENCH_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

enum {
	NOISE_KEY_BYTES = 32,
	NOISE_HASH_BYTES = 32,
	NOISE_TAG_BYTES = 16,
	NOISE_TIMESTAMP_BYTES = 12,
	COOKIE_BYTES = 16,
	COOKIE_NONCE_BYTES = 24,
};

enum message_type {
	MESSAGE_INITIATION = 1,
	MESSAGE_RESPONSE = 2,
	MESSAGE_COOKIE = 3,
	MESSAGE_DATA = 4,
};

// The type byte and three reserved zero bytes, read as one little-endian word.
struct message_macs {
	uint8_t mac1[COOKIE_BYTES];
	uint8_t mac2[COOKIE_BYTES];
};

struct message_initiation {
	uint32_t type;
	uint32_t sender_index;
	uint8_t ephemeral[NOISE_KEY_BYTES];
	uint8_t encrypted_static[NOISE_KEY_BYTES + NOISE_TAG_BYTES];
	uint8_t encrypted_timestamp[NOISE_TIMESTAMP_BYTES + NOISE_TAG_BYTES];
	struct message_macs macs;
} __attribute__((packed));

struct message_response {
	uint32_t type;
	uint32_t sender_index;
	uint32_t receiver_index;
	uint8_t ephemeral[NOISE_KEY_BYTES];
	uint8_t encrypted_nothing[NOISE_TAG_BYTES];
	struct message_macs macs;
} __attribute__((packed));

struct message_cookie {
	uint32_t type;
	uint32_t receiver_index;
	uint8_t nonce[COOKIE_NONCE_BYTES];
	uint8_t encrypted_cookie[COOKIE_BYTES + NOISE_TAG_BYTES];
} __attribute__((packed));

struct message_data {
	uint32_t type;
	uint32_t receiver_index;
	uint64_t counter;
	uint8_t payload[];
} __attribute__((packed));

_Static_assert(sizeof(struct message_initiation) == 148, "wire size");
_Static_assert(sizeof(struct message_response) == 92, "wire size");
_Static_assert(sizeof(struct message_cookie) == 64, "wire size");
_Static_assert(sizeof(struct message_data) == 16, "wire size");

enum {
	MESSAGE_DATA_OVERHEAD = sizeof(struct message_data) + NOISE_TAG_BYTES,
	MESSAGE_PADDING = 16,
	MESSAGE_HANDSHAKE_MAX = sizeof(struct message_initiation),
};

#endif
