// What the handshake and the cookies are made of, by published vectors: X25519, ChaCha20-Poly1305
// and XChaCha20-Poly1305, through the tunnel's own functions where these take the input, else
// through the very ones of libsodium's that they call. (BLAKE2s and Noise: test_noise.c; the data
// messages' AEAD: tests/variants/aead.) Reads tests/vectors below the current folder.
#include "tests/support/support.h"

#include <jansson.h>
#include <sodium.h>
#include <string.h>
#include "tunnel/clock.h"
#include "tunnel/cookie.h"
#include "tunnel/noise.h"

#define WYCHEPROOF "tests/vectors/wycheproof/"

enum { TEXT_MAX = 1024 };

static size_t hex(uint8_t *to, size_t room, const char *text)
{
	size_t bytes;

	assert_non_null(text);
	assert_int_equal(sodium_hex2bin(to, room, text, strlen(text), NULL, &bytes, NULL), 0);
	return bytes;
}

static void assert_hex(const uint8_t *is, const char *text)
{
	uint8_t published[TEXT_MAX];
	size_t bytes = hex(published, sizeof(published), text);

	assert_memory_equal(is, published, bytes);
}

// What noise_precompute() makes of both keys; all zero where X25519's result is.
static void exchange(uint8_t shared[NOISE_KEY_BYTES], const uint8_t private_key[NOISE_KEY_BYTES],
                     const uint8_t public_key[NOISE_KEY_BYTES])
{
	struct noise_identity id;
	struct noise_handshake h = {0};

	noise_identity_set(&id, private_key);
	assert_true(id.has_key);
	memcpy(h.remote_static, public_key, NOISE_KEY_BYTES);
	noise_precompute(&h, &id);
	memcpy(shared, h.static_static, NOISE_KEY_BYTES);
}

// ---- RFC 7748

static void x25519_of_rfc7748(void **state)
{
	static const char *const rows[][3] = {
	    {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
	     "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
	     "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
	    {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
	     "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
	     "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	};
	uint8_t scalar[32], u[32], out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hex(scalar, sizeof(scalar), rows[i][0]);
		hex(u, sizeof(u), rows[i][1]);
		exchange(out, scalar, u);
		assert_hex(out, rows[i][2]);
	}
}

static void x25519_of_rfc7748_iterated(void **state)
{
	uint8_t k[32] = {9}, u[32] = {9}, out[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		exchange(out, k, u);
		memcpy(u, k, sizeof(u));
		memcpy(k, out, sizeof(k));
		if (i == 0)
			assert_hex(k, "422c8e7a6227d7bca1350b3e2bb7279f"
			              "7897b87bb6854b783c60e80311ae3079");
	}
	assert_hex(k, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

static void keys_of_rfc7748(void **state)
{
	static const char *const private_key[] = {
	    "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	    "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"};
	static const char *const public_key[] = {
	    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
	    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"};
	uint8_t key[32], other[32], shared[32];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct noise_identity id;

		hex(key, sizeof(key), private_key[i]);
		noise_identity_set(&id, key);
		assert_hex(id.public_key, public_key[i]);
		hex(other, sizeof(other), public_key[!i]);
		exchange(shared, key, other);
		assert_hex(shared, "4a5d9d5ba4ce2de1728e3bf480350f25"
		                   "e07e21c947d19e3376f09b3c1e161742");
	}
}

// ---- Wycheproof

static const char *text(const json_t *test, const char *name)
{
	return json_string_value(json_object_get(test, name));
}

// Calls `judge` for every test of the file: with its group, and it says whether it took the test.
// How many it took; the file must hold as many tests as it says.
static size_t each(const char *path, bool (*judge)(const json_t *group, const json_t *test))
{
	json_error_t error;
	json_t *file = json_load_file(path, 0, &error), *group, *test;
	size_t i, j, n = 0, taken = 0;

	if (!file)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	json_array_foreach(json_object_get(file, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, test)
		{
			n++;
			taken += judge(group, test);
		}
	}
	assert_int_equal(n, json_integer_value(json_object_get(file, "numberOfTests")));
	json_decref(file);
	return taken;
}

// `acceptable` are keys on the twist, of low order or not reduced, which the paper's X25519 takes;
// a result of zero is none.
static bool judge_x25519(const json_t *group, const json_t *test)
{
	uint8_t private_key[32], public_key[32], shared[32];

	(void)group;
	hex(private_key, sizeof(private_key), text(test, "private"));
	hex(public_key, sizeof(public_key), text(test, "public"));
	exchange(shared, private_key, public_key);
	assert_hex(shared, text(test, "shared"));
	return true;
}

static void x25519_of_wycheproof(void **state)
{
	(void)state;
	assert_int_equal(each(WYCHEPROOF "x25519_test.json", judge_x25519), 518);
}

struct aead_case {
	uint8_t key[32], nonce[24], associated[TEXT_MAX], plain[TEXT_MAX], sealed[TEXT_MAX];
	size_t associated_bytes, plain_bytes;
	bool valid;
};

// false: its nonce is of another size than the function's.
static bool read_case(struct aead_case *c, const json_t *group, const json_t *test, int nonce_bits)
{
	if (json_integer_value(json_object_get(group, "ivSize")) != nonce_bits)
		return false;
	assert_int_equal(json_integer_value(json_object_get(group, "tagSize")), 128);
	assert_int_equal(hex(c->key, sizeof(c->key), text(test, "key")), sizeof(c->key));
	assert_int_equal(hex(c->nonce, sizeof(c->nonce), text(test, "iv")), nonce_bits / 8);
	c->associated_bytes = hex(c->associated, sizeof(c->associated), text(test, "aad"));
	c->plain_bytes = hex(c->plain, sizeof(c->plain), text(test, "msg"));
	assert_int_equal(hex(c->sealed, sizeof(c->sealed), text(test, "ct")), c->plain_bytes);
	assert_int_equal(hex(c->sealed + c->plain_bytes, NOISE_TAG_BYTES, text(test, "tag")),
	                 NOISE_TAG_BYTES);
	c->valid = !strcmp(text(test, "result"), "valid");
	return true;
}

typedef int seal_function(unsigned char *, unsigned long long *, const unsigned char *,
                          unsigned long long, const unsigned char *, unsigned long long,
                          const unsigned char *, const unsigned char *, const unsigned char *);
typedef int open_function(unsigned char *, unsigned long long *, unsigned char *,
                          const unsigned char *, unsigned long long, const unsigned char *,
                          unsigned long long, const unsigned char *, const unsigned char *);

static void judge_case(const struct aead_case *c, seal_function *seal, open_function *open)
{
	uint8_t out[TEXT_MAX];
	int ret = open(out, NULL, NULL, c->sealed, c->plain_bytes + NOISE_TAG_BYTES, c->associated,
	               c->associated_bytes, c->nonce, c->key);

	assert_int_equal(!ret, c->valid);
	if (!c->valid)
		return;
	assert_memory_equal(out, c->plain, c->plain_bytes);
	seal(out, NULL, c->plain, c->plain_bytes, c->associated, c->associated_bytes, NULL,
	     c->nonce, c->key);
	assert_memory_equal(out, c->sealed, c->plain_bytes + NOISE_TAG_BYTES);
}

static bool judge_chacha(const json_t *group, const json_t *test)
{
	static struct aead_case c;

	if (!read_case(&c, group, test, 96))
		return false;
	judge_case(&c, crypto_aead_chacha20poly1305_ietf_encrypt,
	           crypto_aead_chacha20poly1305_ietf_decrypt);
	return true;
}

static size_t cookies;

static bool judge_xchacha(const json_t *group, const json_t *test)
{
	static struct aead_case c;

	if (!read_case(&c, group, test, 192))
		return false;
	judge_case(&c, crypto_aead_xchacha20poly1305_ietf_encrypt,
	           crypto_aead_xchacha20poly1305_ietf_decrypt);
	if (c.associated_bytes != COOKIE_BYTES || c.plain_bytes != COOKIE_BYTES)
		return true;
	// This is what a cookie reply is.
	struct cookie_peer p = {.has_last_mac1 = true};
	struct message_cookie m = {0};

	memcpy(p.cookie_key, c.key, sizeof(p.cookie_key));
	memcpy(p.last_mac1, c.associated, sizeof(p.last_mac1));
	memcpy(m.nonce, c.nonce, sizeof(m.nonce));
	memcpy(m.encrypted_cookie, c.sealed, sizeof(m.encrypted_cookie));
	assert_int_equal(!cookie_reply_consume(&p, &m, NS_PER_S), c.valid);
	assert_memory_equal(p.cookie, c.plain, COOKIE_BYTES);
	cookies++;
	return true;
}

// The file's tests with nonces of other sizes are for libraries that could be given such.
static void chacha20_poly1305_of_wycheproof(void **state)
{
	(void)state;
	assert_int_equal(each(WYCHEPROOF "chacha20_poly1305_test.json", judge_chacha), 293);
}

static void xchacha20_poly1305_of_wycheproof(void **state)
{
	(void)state;
	assert_int_equal(each(WYCHEPROOF "xchacha20_poly1305_test.json", judge_xchacha), 280);
	assert_int_equal(cookies, 1);
}

// ---- RFC 8439 and draft-irtf-cfrg-xchacha-03

static void read_published(struct aead_case *c, const char *key, const char *nonce,
                           const char *associated, const char *plain, const char *sealed)
{
	*c = (struct aead_case){.plain_bytes = strlen(plain), .valid = true};
	hex(c->key, sizeof(c->key), key);
	hex(c->nonce, sizeof(c->nonce), nonce);
	c->associated_bytes = hex(c->associated, sizeof(c->associated), associated);
	memcpy(c->plain, plain, c->plain_bytes);
	assert_int_equal(hex(c->sealed, sizeof(c->sealed), sealed), c->plain_bytes + 16);
}

static const char sunscreen[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
                                "only one tip for the future, sunscreen would be it.";

static void chacha20_poly1305_of_rfc8439(void **state)
{
	static struct aead_case c;

	(void)state;
	read_published(&c, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	               "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7", sunscreen,
	               "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	               "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	               "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	               "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691");
	judge_case(&c, crypto_aead_chacha20poly1305_ietf_encrypt,
	           crypto_aead_chacha20poly1305_ietf_decrypt);
}

static void xchacha20_poly1305_of_the_draft(void **state)
{
	static struct aead_case c;
	uint8_t key[32], in[16], out[32];

	(void)state;
	hex(key, sizeof(key), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	hex(in, sizeof(in), "000000090000004a0000000031415927");
	crypto_core_hchacha20(out, in, key, NULL);
	assert_hex(out, "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc");

	read_published(&c, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	               "404142434445464748494a4b4c4d4e4f5051525354555657",
	               "50515253c0c1c2c3c4c5c6c7", sunscreen,
	               "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
	               "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
	               "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
	               "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49");
	judge_case(&c, crypto_aead_xchacha20poly1305_ietf_encrypt,
	           crypto_aead_xchacha20poly1305_ietf_decrypt);
}

static int start(void **state)
{
	(void)state;
	return noise_init();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(x25519_of_rfc7748),
	    cmocka_unit_test(x25519_of_rfc7748_iterated),
	    cmocka_unit_test(keys_of_rfc7748),
	    cmocka_unit_test(x25519_of_wycheproof),
	    cmocka_unit_test(chacha20_poly1305_of_rfc8439),
	    cmocka_unit_test(chacha20_poly1305_of_wycheproof),
	    cmocka_unit_test(xchacha20_poly1305_of_the_draft),
	    cmocka_unit_test(xchacha20_poly1305_of_wycheproof),
	};

	return cmocka_run_group_tests_name("vectors", tests, start, NULL);
}
