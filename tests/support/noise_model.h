// A second, slow Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s, written from the Noise specification
// (revision 34) over OpenSSL alone, with any prologue, payloads and ephemeral keys. A published
// vector judges it, and it judges tunnel/noise.c.
#ifndef WGBENCH_TESTS_SUPPORT_NOISE_MODEL_H
#define WGBENCH_TESTS_SUPPORT_NOISE_MODEL_H

#include "tests/support/support.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

struct model {
	uint8_t h[32], ck[32], k[32];
	uint64_t n;
};

struct model_keys {
	uint8_t initiator_static[32], initiator_ephemeral[32];
	uint8_t responder_static[32], responder_ephemeral[32];
	uint8_t preshared[32];
};

static inline void model_hash(uint8_t out[32], const void *a, size_t a_bytes, const void *b,
                              size_t b_bytes)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	assert_true(EVP_DigestInit_ex(c, EVP_blake2s256(), NULL) &&
	            EVP_DigestUpdate(c, a, a_bytes) && EVP_DigestUpdate(c, b, b_bytes) &&
	            EVP_DigestFinal_ex(c, out, NULL));
	EVP_MD_CTX_free(c);
}

static inline void model_mix_hash(struct model *m, const void *in, size_t bytes)
{
	model_hash(m->h, m->h, 32, in, bytes);
}

static inline void model_hmac(uint8_t out[32], const uint8_t key[32], const void *in, size_t bytes)
{
	assert_non_null(HMAC(EVP_blake2s256(), key, 32, in, bytes, out, NULL));
}

static inline void model_hkdf(uint8_t out[3][32], const uint8_t ck[32], const void *in,
                              size_t bytes)
{
	uint8_t secret[32], block[33];

	model_hmac(secret, ck, in, bytes);
	model_hmac(out[0], secret, "\x01", 1);
	memcpy(block, out[0], 32);
	block[32] = 2;
	model_hmac(out[1], secret, block, 33);
	memcpy(block, out[1], 32);
	block[32] = 3;
	model_hmac(out[2], secret, block, 33);
}

static inline void model_mix_key(struct model *m, const uint8_t in[32])
{
	uint8_t out[3][32];

	model_hkdf(out, m->ck, in, 32);
	memcpy(m->ck, out[0], 32);
	memcpy(m->k, out[1], 32);
	m->n = 0;
}

static inline void model_mix_key_and_hash(struct model *m, const uint8_t in[32])
{
	uint8_t out[3][32];

	model_hkdf(out, m->ck, in, 32);
	memcpy(m->ck, out[0], 32);
	model_mix_hash(m, out[1], 32);
	memcpy(m->k, out[2], 32);
	m->n = 0;
}

static inline void model_seal(uint8_t *out, const uint8_t k[32], uint64_t n, const void *ad,
                              size_t ad_bytes, const void *in, size_t bytes)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12] = {0}, nothing[16];
	int length;

	for (int i = 0; i < 8; i++)
		nonce[4 + i] = n >> 8 * i;
	assert_true(EVP_EncryptInit_ex(c, EVP_chacha20_poly1305(), NULL, k, nonce));
	if (ad_bytes)
		assert_true(EVP_EncryptUpdate(c, NULL, &length, ad, ad_bytes));
	if (bytes)
		assert_true(EVP_EncryptUpdate(c, out, &length, in, bytes));
	assert_true(EVP_EncryptFinal_ex(c, nothing, &length));
	assert_true(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, out + bytes));
	EVP_CIPHER_CTX_free(c);
}

// Returns where the next bytes go.
static inline uint8_t *model_encrypt_and_hash(struct model *m, uint8_t *out, const void *in,
                                              size_t bytes)
{
	model_seal(out, m->k, m->n++, m->h, 32, in, bytes);
	model_mix_hash(m, out, bytes + 16);
	return out + bytes + 16;
}

static inline void model_public(uint8_t out[32], const uint8_t private_key[32])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, 32);
	size_t bytes = 32;

	assert_true(k && EVP_PKEY_get_raw_public_key(k, out, &bytes));
	EVP_PKEY_free(k);
}

// All zero where OpenSSL refuses the result: the model goes on, as a careless peer would.
static inline void model_dh(uint8_t out[32], const uint8_t private_key[32],
                            const uint8_t public_key[32])
{
	EVP_PKEY *a = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, 32);
	EVP_PKEY *b = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, 32);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(a, NULL);
	size_t bytes = 32;

	assert_true(a && b && c && EVP_PKEY_derive_init(c) == 1);
	if (EVP_PKEY_derive_set_peer(c, b) != 1 || EVP_PKEY_derive(c, out, &bytes) != 1)
		memset(out, 0, 32);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
}

static inline void model_mix_dh(struct model *m, const uint8_t private_key[32],
                                const uint8_t public_key[32])
{
	uint8_t shared[32];

	model_dh(shared, private_key, public_key);
	model_mix_key(m, shared);
}

// First message: e, es, s, ss and the payload. Public keys that are NULL are those of keys'. out:
// 32 + 48 + bytes + 16.
static inline void model_first(struct model *m, const struct model_keys *keys, const void *prologue,
                               size_t prologue_bytes, const uint8_t *ephemeral,
                               const uint8_t *initiator, const void *payload, size_t bytes,
                               uint8_t *out)
{
	static const char name[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
	uint8_t s[32], rs[32];

	model_public(rs, keys->responder_static);
	model_hash(m->h, name, strlen(name), NULL, 0);
	memcpy(m->ck, m->h, 32);
	model_mix_hash(m, prologue, prologue_bytes);
	model_mix_hash(m, rs, 32);

	if (ephemeral)
		memcpy(out, ephemeral, 32);
	else
		model_public(out, keys->initiator_ephemeral);
	if (initiator)
		memcpy(s, initiator, 32);
	else
		model_public(s, keys->initiator_static);
	model_mix_hash(m, out, 32);
	model_mix_key(m, out);
	model_mix_dh(m, keys->responder_static, out);
	out = model_encrypt_and_hash(m, out + 32, s, 32);
	model_mix_dh(m, keys->responder_static, s);
	model_encrypt_and_hash(m, out, payload, bytes);
}

// Second message: e, ee, se, psk and the payload. out: 32 + bytes + 16; transport: the two keys,
// initiator's first.
static inline void model_second(struct model *m, const struct model_keys *keys, const void *payload,
                                size_t bytes, uint8_t *out, uint8_t transport[3][32])
{
	uint8_t s[32], e[32];

	model_public(s, keys->initiator_static);
	model_public(e, keys->initiator_ephemeral);
	model_public(out, keys->responder_ephemeral);
	model_mix_hash(m, out, 32);
	model_mix_key(m, out);
	model_mix_dh(m, keys->responder_ephemeral, e);
	model_mix_dh(m, keys->responder_ephemeral, s);
	model_mix_key_and_hash(m, keys->preshared);
	model_encrypt_and_hash(m, out + 32, payload, bytes);
	model_hkdf(transport, m->ck, NULL, 0);
}

#endif
