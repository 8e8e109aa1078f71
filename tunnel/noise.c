// The Noise handshake, token by token. X25519, the AEAD, randomness and wiping are libsodium's,
// BLAKE2s is libb2's; HMAC and HKDF over it are written here, since libb2 has neither.
#include "tunnel/noise.h"

#include <blake2.h>
#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

_Static_assert(NOISE_KEY_BYTES == NOISE_HASH_BYTES, "KDF outputs serve as keys and hashes");

static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
static const uint8_t zero_nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

// Every handshake starts from these.
static uint8_t initial_chaining_key[NOISE_HASH_BYTES];
static uint8_t initial_hash[NOISE_HASH_BYTES];

// ---- BLAKE2s, HMAC, HKDF

static void start_blake2s(blake2s_state *s, size_t out_bytes, const void *key, size_t key_bytes)
{
	if (key_bytes)
		blake2s_init_key(s, out_bytes, key, key_bytes);
	else
		blake2s_init(s, out_bytes);
}

void noise_blake2s(uint8_t *out, size_t out_bytes, const void *key, size_t key_bytes,
                   const void *in, size_t in_bytes)
{
	blake2s_state s;

	start_blake2s(&s, out_bytes, key, key_bytes);
	blake2s_update(&s, in, in_bytes);
	blake2s_final(&s, out, out_bytes);
	sodium_memzero(&s, sizeof(s));
}

static void hash_two(uint8_t out[NOISE_HASH_BYTES], const void *a, size_t a_bytes, const void *b,
                     size_t b_bytes)
{
	blake2s_state s;

	blake2s_init(&s, NOISE_HASH_BYTES);
	blake2s_update(&s, a, a_bytes);
	blake2s_update(&s, b, b_bytes);
	blake2s_final(&s, out, NOISE_HASH_BYTES);
	sodium_memzero(&s, sizeof(s));
}

// RFC 2104 with a key of one hash, so it's never hashed first. `out` may be any of the inputs.
static void hmac(uint8_t out[NOISE_HASH_BYTES], const uint8_t key[NOISE_HASH_BYTES], const void *in,
                 size_t in_bytes)
{
	uint8_t pad[BLAKE2S_BLOCKBYTES], inner[NOISE_HASH_BYTES];

	memset(pad, 0x36, sizeof(pad));
	for (size_t i = 0; i < NOISE_HASH_BYTES; i++)
		pad[i] ^= key[i];
	hash_two(inner, pad, sizeof(pad), in, in_bytes);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash_two(out, pad, sizeof(pad), inner, sizeof(inner));
	sodium_memzero(pad, sizeof(pad));
	sodium_memzero(inner, sizeof(inner));
}

// RFC 5869 without info, as Noise uses it: the chaining key is the salt, and `outputs` (1 to 3)
// hashes come out one after the other. `out[0]` may be the chaining key itself.
static void kdf(uint8_t *const out[], unsigned outputs,
                const uint8_t chaining_key[NOISE_HASH_BYTES], const void *in, size_t in_bytes)
{
	uint8_t secret[NOISE_HASH_BYTES], block[NOISE_HASH_BYTES + 1];
	size_t bytes = 0;

	hmac(secret, chaining_key, in, in_bytes);
	for (unsigned i = 0; i < outputs; i++) {
		block[bytes] = i + 1;
		hmac(block, secret, block, bytes + 1);
		memcpy(out[i], block, NOISE_HASH_BYTES);
		bytes = NOISE_HASH_BYTES;
	}
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(block, sizeof(block));
}

// ---- the symmetric state: hash and chaining key

// What both sides have in common while they work on a message; copied back only on success.
struct symmetric {
	uint8_t hash[NOISE_HASH_BYTES];
	uint8_t chaining_key[NOISE_HASH_BYTES];
	uint8_t key[NOISE_KEY_BYTES];
};

static void mix_hash(struct symmetric *s, const void *in, size_t in_bytes)
{
	hash_two(s->hash, s->hash, sizeof(s->hash), in, in_bytes);
}

static void mix_key(struct symmetric *s, const uint8_t in[NOISE_KEY_BYTES])
{
	kdf((uint8_t *const[]){s->chaining_key, s->key}, 2, s->chaining_key, in, NOISE_KEY_BYTES);
}

// false: the result is all zero.
static bool mix_dh(struct symmetric *s, const uint8_t private_key[NOISE_KEY_BYTES],
                   const uint8_t public_key[NOISE_KEY_BYTES])
{
	uint8_t shared[NOISE_KEY_BYTES];
	bool ok = !crypto_scalarmult_curve25519(shared, private_key, public_key);

	if (ok)
		mix_key(s, shared);
	sodium_memzero(shared, sizeof(shared));
	return ok;
}

// The same with a result that is known already.
static bool mix_static_static(struct symmetric *s, const uint8_t shared[NOISE_KEY_BYTES])
{
	if (sodium_is_zero(shared, NOISE_KEY_BYTES))
		return false;
	mix_key(s, shared);
	return true;
}

// The token 'e' of a handshake with a preshared key: the key goes into the hash and the chain.
static void mix_ephemeral(struct symmetric *s, const uint8_t ephemeral[NOISE_KEY_BYTES])
{
	mix_hash(s, ephemeral, NOISE_KEY_BYTES);
	mix_key(s, ephemeral);
}

static void mix_preshared(struct symmetric *s, const uint8_t preshared_key[NOISE_KEY_BYTES])
{
	uint8_t t[NOISE_HASH_BYTES];

	kdf((uint8_t *const[]){s->chaining_key, t, s->key}, 3, s->chaining_key, preshared_key,
	    NOISE_KEY_BYTES);
	mix_hash(s, t, sizeof(t));
	sodium_memzero(t, sizeof(t));
}

// out: `bytes` and a tag.
static void seal_field(struct symmetric *s, uint8_t *out, const uint8_t *in, size_t bytes)
{
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, bytes, s->hash, sizeof(s->hash),
	                                          NULL, zero_nonce, s->key);
	mix_hash(s, out, bytes + NOISE_TAG_BYTES);
}

// in: `bytes` and a tag. false: not authentic.
static bool open_field(struct symmetric *s, uint8_t *out, const uint8_t *in, size_t bytes)
{
	if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, bytes + NOISE_TAG_BYTES,
	                                              s->hash, sizeof(s->hash), zero_nonce, s->key))
		return false;
	mix_hash(s, in, bytes + NOISE_TAG_BYTES);
	return true;
}

static void start_hash(struct symmetric *s, const uint8_t responder_static[NOISE_KEY_BYTES])
{
	memcpy(s->chaining_key, initial_chaining_key, sizeof(s->chaining_key));
	memcpy(s->hash, initial_hash, sizeof(s->hash));
	mix_hash(s, responder_static, NOISE_KEY_BYTES);
}

static void resume_hash(struct symmetric *s, const uint8_t hash[NOISE_HASH_BYTES],
                        const uint8_t chaining_key[NOISE_HASH_BYTES])
{
	memcpy(s->hash, hash, sizeof(s->hash));
	memcpy(s->chaining_key, chaining_key, sizeof(s->chaining_key));
}

static void keep_hash(const struct symmetric *s, struct noise_handshake *h)
{
	memcpy(h->hash, s->hash, sizeof(h->hash));
	memcpy(h->chaining_key, s->chaining_key, sizeof(h->chaining_key));
}

static void clamp_key(uint8_t key[NOISE_KEY_BYTES])
{
	key[0] &= 248;
	key[31] = (key[31] & 127) | 64;
}

static void ephemeral_new(uint8_t private_key[NOISE_KEY_BYTES], uint8_t public_key[NOISE_KEY_BYTES])
{
	randombytes_buf(private_key, NOISE_KEY_BYTES);
	clamp_key(private_key);
	crypto_scalarmult_curve25519_base(public_key, private_key);
}

// ---- identities

int noise_init(void)
{
	if (sodium_init() < 0)
		return -ENOSYS;
	noise_blake2s(initial_chaining_key, NOISE_HASH_BYTES, NULL, 0, construction,
	              strlen(construction));
	hash_two(initial_hash, initial_chaining_key, NOISE_HASH_BYTES, identifier,
	         strlen(identifier));
	return 0;
}

void noise_identity_set(struct noise_identity *id, const uint8_t private_key[NOISE_KEY_BYTES])
{
	id->has_key = !sodium_is_zero(private_key, NOISE_KEY_BYTES);
	memcpy(id->private_key, private_key, NOISE_KEY_BYTES);
	if (id->has_key) {
		clamp_key(id->private_key);
		crypto_scalarmult_curve25519_base(id->public_key, id->private_key);
	} else {
		memset(id->public_key, 0, sizeof(id->public_key));
	}
}

void noise_precompute(struct noise_handshake *h, const struct noise_identity *id)
{
	noise_handshake_clear(h);
	if (!id->has_key ||
	    crypto_scalarmult_curve25519(h->static_static, id->private_key, h->remote_static))
		sodium_memzero(h->static_static, sizeof(h->static_static));
}

// The label of TAI64 is 2^62 + 10 at 1970: TAI was 10 s ahead of UTC then, and leap seconds since
// are left out, as every WireGuard does.
void noise_tai64n(uint8_t timestamp[NOISE_TIMESTAMP_BYTES], uint64_t wall_ns)
{
	enum { WHITENED = NOISE_TIMESTAMP_STEP_NS - 1 };
	uint64_t s = htobe64((1ull << 62) + 10 + wall_ns / 1000000000);
	uint32_t ns = htobe32(wall_ns % 1000000000 & ~(uint64_t)WHITENED);

	memcpy(timestamp, &s, sizeof(s));
	memcpy(timestamp + sizeof(s), &ns, sizeof(ns));
}

// ---- first message: e, es, s, ss, {timestamp}

int noise_initiation_create(struct message_initiation *m, struct noise_handshake *h,
                            const struct noise_identity *id, uint32_t local_index, uint64_t wall_ns)
{
	struct symmetric s;
	uint8_t timestamp[NOISE_TIMESTAMP_BYTES];
	int ret = -EKEYREJECTED;

	noise_handshake_clear(h);
	memset(m, 0, sizeof(*m));
	m->type = htole32(MESSAGE_INITIATION);
	m->sender_index = htole32(local_index);

	start_hash(&s, h->remote_static);
	ephemeral_new(h->ephemeral_private, m->ephemeral);
	mix_ephemeral(&s, m->ephemeral);
	if (!mix_dh(&s, h->ephemeral_private, h->remote_static))
		goto out;
	seal_field(&s, m->encrypted_static, id->public_key, NOISE_KEY_BYTES);
	if (!mix_static_static(&s, h->static_static))
		goto out;
	noise_tai64n(timestamp, wall_ns);
	seal_field(&s, m->encrypted_timestamp, timestamp, NOISE_TIMESTAMP_BYTES);

	keep_hash(&s, h);
	h->local_index = local_index;
	h->state = NOISE_INITIATION_CREATED;
	ret = 0;
out:
	if (ret)
		noise_handshake_clear(h);
	sodium_memzero(&s, sizeof(s));
	return ret;
}

int noise_initiation_identify(struct noise_initiation *i, const struct message_initiation *m,
                              const struct noise_identity *id)
{
	struct symmetric s;
	int ret = -EBADMSG;

	start_hash(&s, id->public_key);
	mix_ephemeral(&s, m->ephemeral);
	if (!mix_dh(&s, id->private_key, m->ephemeral))
		goto out;
	if (!open_field(&s, i->remote_static, m->encrypted_static, NOISE_KEY_BYTES))
		goto out;
	memcpy(i->hash, s.hash, sizeof(i->hash));
	memcpy(i->chaining_key, s.chaining_key, sizeof(i->chaining_key));
	memcpy(i->remote_ephemeral, m->ephemeral, NOISE_KEY_BYTES);
	i->remote_index = le32toh(m->sender_index);
	ret = 0;
out:
	sodium_memzero(&s, sizeof(s));
	return ret;
}

int noise_initiation_consume(struct noise_handshake *h, const struct noise_initiation *i,
                             const struct message_initiation *m)
{
	struct symmetric s;
	uint8_t timestamp[NOISE_TIMESTAMP_BYTES];
	int ret = -EBADMSG;

	resume_hash(&s, i->hash, i->chaining_key);
	if (!mix_static_static(&s, h->static_static))
		goto out;
	if (!open_field(&s, timestamp, m->encrypted_timestamp, NOISE_TIMESTAMP_BYTES))
		goto out;
	ret = -EALREADY;
	if (memcmp(timestamp, h->latest_timestamp, sizeof(timestamp)) <= 0)
		goto out;

	noise_handshake_clear(h);
	keep_hash(&s, h);
	memcpy(h->latest_timestamp, timestamp, sizeof(timestamp));
	memcpy(h->remote_ephemeral, i->remote_ephemeral, NOISE_KEY_BYTES);
	h->remote_index = i->remote_index;
	h->state = NOISE_INITIATION_CONSUMED;
	ret = 0;
out:
	sodium_memzero(&s, sizeof(s));
	return ret;
}

// ---- second message: e, ee, se, psk, {}

int noise_response_create(struct message_response *m, struct noise_handshake *h,
                          uint32_t local_index)
{
	struct symmetric s;
	int ret = -EKEYREJECTED;

	if (h->state != NOISE_INITIATION_CONSUMED)
		return ret;
	memset(m, 0, sizeof(*m));
	m->type = htole32(MESSAGE_RESPONSE);
	m->sender_index = htole32(local_index);
	m->receiver_index = htole32(h->remote_index);

	resume_hash(&s, h->hash, h->chaining_key);
	ephemeral_new(h->ephemeral_private, m->ephemeral);
	mix_ephemeral(&s, m->ephemeral);
	if (!mix_dh(&s, h->ephemeral_private, h->remote_ephemeral) ||
	    !mix_dh(&s, h->ephemeral_private, h->remote_static))
		goto out;
	mix_preshared(&s, h->preshared_key);
	seal_field(&s, m->encrypted_nothing, NULL, 0);

	keep_hash(&s, h);
	h->local_index = local_index;
	h->state = NOISE_RESPONSE_CREATED;
	ret = 0;
out:
	sodium_memzero(&s, sizeof(s));
	return ret;
}

int noise_response_consume(struct noise_handshake *h, const struct noise_identity *id,
                           const struct message_response *m)
{
	struct symmetric s;
	int ret = -EBADMSG;

	if (h->state != NOISE_INITIATION_CREATED)
		return ret;
	resume_hash(&s, h->hash, h->chaining_key);
	mix_ephemeral(&s, m->ephemeral);
	if (!mix_dh(&s, h->ephemeral_private, m->ephemeral) ||
	    !mix_dh(&s, id->private_key, m->ephemeral))
		goto out;
	mix_preshared(&s, h->preshared_key);
	if (!open_field(&s, NULL, m->encrypted_nothing, 0))
		goto out;

	keep_hash(&s, h);
	memcpy(h->remote_ephemeral, m->ephemeral, NOISE_KEY_BYTES);
	h->remote_index = le32toh(m->sender_index);
	h->state = NOISE_RESPONSE_CONSUMED;
	ret = 0;
out:
	sodium_memzero(&s, sizeof(s));
	return ret;
}

// ---- the end

int noise_session_derive(struct noise_session *session, struct noise_handshake *h)
{
	bool initiator = h->state == NOISE_RESPONSE_CONSUMED;

	if (!initiator && h->state != NOISE_RESPONSE_CREATED)
		return -EINVAL;
	uint8_t *first = initiator ? session->send_key : session->receive_key;
	uint8_t *second = initiator ? session->receive_key : session->send_key;
	kdf((uint8_t *const[]){first, second}, 2, h->chaining_key, NULL, 0);
	session->local_index = h->local_index;
	session->remote_index = h->remote_index;
	session->initiator = initiator;
	noise_handshake_clear(h);
	return 0;
}

void noise_handshake_clear(struct noise_handshake *h)
{
	sodium_memzero(h->ephemeral_private, sizeof(h->ephemeral_private));
	sodium_memzero(h->remote_ephemeral, sizeof(h->remote_ephemeral));
	sodium_memzero(h->hash, sizeof(h->hash));
	sodium_memzero(h->chaining_key, sizeof(h->chaining_key));
	h->local_index = 0;
	h->remote_index = 0;
	h->state = NOISE_ZEROED;
}
