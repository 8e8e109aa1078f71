// The handshake: Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as the WireGuard paper (section 5.4) uses
// it. Pure functions over the structures below: no clock, no socket, no locks; all of them run on
// the control thread.
#ifndef WGBENCH_NOISE_H
#define WGBENCH_NOISE_H

#include <stdbool.h>
#include "tunnel/messages.h"

// The interface's own static key pair.
struct noise_identity {
	bool has_key;
	uint8_t private_key[NOISE_KEY_BYTES]; // clamped
	uint8_t public_key[NOISE_KEY_BYTES];
};

enum noise_state {
	NOISE_ZEROED,
	NOISE_INITIATION_CREATED,
	NOISE_INITIATION_CONSUMED,
	NOISE_RESPONSE_CREATED,
	NOISE_RESPONSE_CONSUMED,
};

// What two peers know of each other and of the handshake between them.
struct noise_handshake {
	enum noise_state state;
	uint8_t remote_static[NOISE_KEY_BYTES];
	uint8_t static_static[NOISE_KEY_BYTES]; // DH of both static keys; all zero: unusable
	uint8_t preshared_key[NOISE_KEY_BYTES]; // all zero: none
	uint8_t ephemeral_private[NOISE_KEY_BYTES];
	uint8_t remote_ephemeral[NOISE_KEY_BYTES];
	uint8_t hash[NOISE_HASH_BYTES];
	uint8_t chaining_key[NOISE_HASH_BYTES];
	uint8_t latest_timestamp[NOISE_TIMESTAMP_BYTES];
	uint32_t local_index;
	uint32_t remote_index;
};

// The two transport keys that a finished handshake yields, and the indices that name it.
struct noise_session {
	uint8_t send_key[NOISE_KEY_BYTES];
	uint8_t receive_key[NOISE_KEY_BYTES];
	uint32_t local_index;
	uint32_t remote_index;
	bool initiator;
};

// Call once before any other. 0, or -ENOSYS when libsodium can't start.
int noise_init(void);

// Clamps and takes over the private key; all zero: the identity has no key.
void noise_identity_set(struct noise_identity *, const uint8_t private_key[NOISE_KEY_BYTES]);

// (Re)computes static_static, after either static key changed, and drops a handshake under way.
void noise_precompute(struct noise_handshake *, const struct noise_identity *);

#define NOISE_TIMESTAMP_STEP_NS (1ull << 24)
// Whitens CLOCK_REALTIME nanoseconds to 2^24 ns and writes them as TAI64N.
void noise_tai64n(uint8_t timestamp[NOISE_TIMESTAMP_BYTES], uint64_t wall_ns);

// Initiator, first message. The macs stay unset. 0, or -EKEYREJECTED where a DH yields zero.
int noise_initiation_create(struct message_initiation *, struct noise_handshake *,
                            const struct noise_identity *, uint32_t local_index, uint64_t wall_ns);

// What an initiation says before its peer is known.
struct noise_initiation {
	uint8_t remote_static[NOISE_KEY_BYTES];
	uint8_t hash[NOISE_HASH_BYTES];
	uint8_t chaining_key[NOISE_HASH_BYTES];
	uint8_t remote_ephemeral[NOISE_KEY_BYTES];
	uint32_t remote_index;
};

// Responder, first half: decrypts the initiator's static key, with which the caller finds the
// peer. 0, or -EBADMSG (not authentic or a zero DH).
int noise_initiation_identify(struct noise_initiation *, const struct message_initiation *,
                              const struct noise_identity *);

// Responder, second half. 0, -EBADMSG, or -EALREADY: the timestamp isn't later than the latest
// (a replay). The handshake is changed only on 0.
int noise_initiation_consume(struct noise_handshake *, const struct noise_initiation *,
                             const struct message_initiation *);

// Responder, second message, after a consumed initiation. 0 or -EKEYREJECTED.
int noise_response_create(struct message_response *, struct noise_handshake *,
                          uint32_t local_index);

// Initiator. 0 or -EBADMSG; the handshake is changed only on 0. The caller has found the handshake
// by the message's receiver index.
int noise_response_consume(struct noise_handshake *, const struct noise_identity *,
                           const struct message_response *);

// Derives the transport keys after a created or consumed response, and zeroes the handshake's
// secrets. 0, or -EINVAL in any other state.
int noise_session_derive(struct noise_session *, struct noise_handshake *);

// Zeroes all but the static keys, the preshared key and the latest timestamp.
void noise_handshake_clear(struct noise_handshake *);

// BLAKE2s of one input, with a key of 0 to 32 bytes and an output of 1 to 32 (RFC 7693).
void noise_blake2s(uint8_t *out, size_t out_bytes, const void *key, size_t key_bytes,
                   const void *in, size_t in_bytes);

#endif
