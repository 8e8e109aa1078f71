// The handshake against a model of Noise that a published vector has judged, and against whoever
// changes, repeats or mixes up its messages.
#include "tests/support/noise_model.h"
#include "tunnel/clock.h"
#include "tunnel/cookie.h"
#include "tunnel/noise.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <sodium.h>

static const char prologue[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
static const uint64_t wall_ns = 1700000000ull * NS_PER_S;
static struct support_random generator;

// What tunnel/noise.c draws as its next ephemeral key, where a test has set it.
static uint8_t next_random[32];
static bool has_next_random;

static void fill(void *to, const size_t bytes)
{
	if (has_next_random && bytes == sizeof(next_random))
		memcpy(to, next_random, bytes);
	else
		support_random_fill(&generator, to, bytes);
	has_next_random = false;
}

static const char *source_name(void)
{
	return "test";
}

static uint32_t random_word(void)
{
	return support_random_next(&generator);
}

static struct randombytes_implementation source = {
    .implementation_name = source_name, .random = random_word, .buf = fill};

static void set_next_random(const uint8_t value[32])
{
	memcpy(next_random, value, sizeof(next_random));
	has_next_random = true;
}

static int set_up(void **state)
{
	(void)state;
	support_random_init(&generator, support_seed());
	randombytes_set_implementation(&source);
	return noise_init();
}

static void unhex(uint8_t *to, const char *hex)
{
	sodium_hex2bin(to, strlen(hex) / 2, hex, strlen(hex), NULL, NULL, NULL);
}

#define assert_hex(bytes, n, hex)                                                                  \
	do {                                                                                       \
		uint8_t wanted_[256];                                                              \
		unhex(wanted_, hex);                                                               \
		assert_memory_equal(bytes, wanted_, n);                                            \
	} while (0)

// ---- two ends

struct end {
	struct noise_identity identity;
	struct noise_handshake handshake;
	struct cookie_checker checker;
	struct cookie_peer cookie;
};

static void random_keys(struct model_keys *keys)
{
	support_random_fill(&generator, keys, sizeof(*keys));
}

static void introduce(struct end *a, const struct end *b)
{
	memcpy(a->handshake.remote_static, b->identity.public_key, NOISE_KEY_BYTES);
	noise_precompute(&a->handshake, &a->identity);
	cookie_checker_init(&a->checker, a->identity.public_key);
	cookie_peer_init(&a->cookie, b->identity.public_key);
}

static void make_ends(struct end *a, struct end *b, const struct model_keys *keys)
{
	memset(a, 0, sizeof(*a));
	memset(b, 0, sizeof(*b));
	noise_identity_set(&a->identity, keys->initiator_static);
	noise_identity_set(&b->identity, keys->responder_static);
	introduce(a, b);
	introduce(b, a);
	memcpy(a->handshake.preshared_key, keys->preshared, NOISE_KEY_BYTES);
	memcpy(b->handshake.preshared_key, keys->preshared, NOISE_KEY_BYTES);
}

static int consume_initiation(struct end *b, const struct message_initiation *m)
{
	struct noise_initiation said;
	int ret = noise_initiation_identify(&said, m, &b->identity);

	if (ret)
		return ret;
	assert_memory_equal(said.remote_static, b->handshake.remote_static, NOISE_KEY_BYTES);
	return noise_initiation_consume(&b->handshake, &said, m);
}

static bool mac1_valid(struct end *to, const void *message, size_t bytes)
{
	struct sockaddr_in from = {.sin_family = AF_INET};

	return cookie_check(&to->checker, message, bytes, (struct sockaddr *)&from, NS_PER_S,
	                    false) == COOKIE_MAC1_VALID;
}

// ---- primitives

static void blake2s_of_abc(void **state)
{
	uint8_t out[32];

	(void)state;
	// RFC 7693, appendix B.
	noise_blake2s(out, 32, NULL, 0, "abc", 3);
	assert_hex(out, 32, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
}

// RFC 7693, appendix E: the hash of hashes of generated inputs, keyed and not, of several lengths.
static void blake2s_self_test_of_the_rfc(void **state)
{
	static const size_t outputs[] = {16, 20, 28, 32}, inputs[] = {0, 3, 64, 65, 255, 1024};
	uint8_t digests[4 * 6 * 2 * 32], in[1024], key[32], *to = digests;

	(void)state;
	for (size_t o = 0; o < 4; o++) {
		for (size_t i = 0; i < 6; i++) {
			for (int keyed = 0; keyed < 2; keyed++) {
				uint32_t seeds[] = {inputs[i], outputs[o]};
				uint8_t *targets[] = {in, key};
				size_t lengths[] = {inputs[i], outputs[o]};

				for (int s = 0; s < 2; s++) {
					uint32_t a = 0xDEAD4BAD * seeds[s], b = 1, t;

					for (size_t n = 0; n < lengths[s]; n++) {
						t = a + b;
						a = b;
						b = t;
						targets[s][n] = t >> 24;
					}
				}
				noise_blake2s(to, outputs[o], key, keyed ? outputs[o] : 0, in,
				              inputs[i]);
				to += outputs[o];
			}
		}
	}
	uint8_t out[32];
	noise_blake2s(out, 32, NULL, 0, digests, to - digests);
	assert_hex(out, 32, "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe");
}

static void blake2s_agrees_with_openssl(void **state)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL);
	uint8_t in[600], key[32], ours[32], theirs[32];

	(void)state;
	assert_non_null(mac);
	for (int i = 0; i < 2000; i++) {
		size_t in_bytes = support_random_below(&generator, sizeof(in) + 1), written;
		size_t key_bytes = 1 + support_random_below(&generator, 32);
		size_t out_bytes = 1 + support_random_below(&generator, 32);
		EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
		OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &out_bytes),
		                       OSSL_PARAM_construct_end()};

		support_random_fill(&generator, in, in_bytes);
		support_random_fill(&generator, key, key_bytes);
		noise_blake2s(ours, out_bytes, key, key_bytes, in, in_bytes);
		assert_true(EVP_MAC_init(c, key, key_bytes, params) &&
		            EVP_MAC_update(c, in, in_bytes) &&
		            EVP_MAC_final(c, theirs, &written, sizeof(theirs)));
		assert_memory_equal(ours, theirs, out_bytes);
		EVP_MAC_CTX_free(c);
	}
	EVP_MAC_free(mac);
}

static void tai64n_is_whitened(void **state)
{
	uint8_t t[NOISE_TIMESTAMP_BYTES];

	(void)state;
	noise_tai64n(t, 0);
	assert_hex(t, 12, "400000000000000a00000000");
	noise_tai64n(t, 1700000000ull * NS_PER_S + 999999999);
	assert_hex(t, 12, "400000006553f10a3b000000");
	noise_tai64n(t, (1 << 24) - 1);
	assert_hex(t, 12, "400000000000000a00000000");
	noise_tai64n(t, 1 << 24);
	assert_hex(t, 12, "400000000000000a01000000");
}

// ---- the handshake as such

// Vector of the cacophony project, as snow ships it, but for its handshake_hash: that is not the
// one at the end.
static void model_fits_the_published_vector(void **state)
{
	struct model_keys keys;
	struct model m = {0};
	uint8_t payload[32], out[128], transport[3][32];

	(void)state;
	unhex(keys.initiator_static,
	      "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1");
	unhex(keys.initiator_ephemeral,
	      "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a");
	unhex(keys.responder_static,
	      "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893");
	unhex(keys.responder_ephemeral,
	      "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b");
	memcpy(keys.preshared, "This is my Austrian perspective!", 32);
	unhex(payload, "4c756477696720766f6e204d69736573");
	model_first(&m, &keys, "John Galt", 9, NULL, NULL, payload, 16, out);
	assert_hex(out, 112,
	           "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944001e21de"
	           "9f98ddd8e2ad57527207feb56253c9c94a9e496782ecfcb2a75fbcaf1b52948cc48daefe"
	           "660c62119ab5000980c84831215f2441eba616548e832985464cf17e51ee93109008399a"
	           "21f7e13f");
	unhex(payload, "4d757272617920526f746862617264");
	model_second(&m, &keys, payload, 15, out, transport);
	assert_hex(out, 63,
	           "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843cb765f2c"
	           "aef0751b8f007572dab0322217755c0632f365717edbf34d33e87a");
	unhex(payload, "462e20412e20486179656b");
	model_seal(out, transport[0], 0, NULL, 0, payload, 11);
	assert_hex(out, 27, "8153ca9833bc3c1b91a7e66e5f4d4f5b59bf9e64c2f20d15f0bba7");
	unhex(payload, "4361726c204d656e676572");
	model_seal(out, transport[1], 0, NULL, 0, payload, 11);
	assert_hex(out, 27, "07af0c9c86e1b4e80f36b04ff7688d51141af3debd0332f0a705ef");
}

static void handshake_agrees_with_the_model(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) {
		struct model_keys keys;
		struct end a, b;
		struct model m = {0};
		uint8_t first[108], second[48], transport[3][32], timestamp[12];
		struct message_initiation initiation;
		struct message_response response;
		struct noise_session sa, sb;

		random_keys(&keys);
		if (i % 2)
			memset(keys.preshared, 0, sizeof(keys.preshared));
		make_ends(&a, &b, &keys);
		noise_tai64n(timestamp, wall_ns);
		model_first(&m, &keys, prologue, strlen(prologue), NULL, NULL, timestamp, 12,
		            first);
		model_second(&m, &keys, NULL, 0, second, transport);

		set_next_random(keys.initiator_ephemeral);
		assert_int_equal(noise_initiation_create(&initiation, &a.handshake, &a.identity,
		                                         0x01020304, wall_ns),
		                 0);
		assert_int_equal(initiation.type, htole32(1));
		assert_int_equal(initiation.sender_index, htole32(0x01020304));
		assert_memory_equal(initiation.ephemeral, first, sizeof(first));
		assert_int_equal(consume_initiation(&b, &initiation), 0);

		set_next_random(keys.responder_ephemeral);
		assert_int_equal(noise_response_create(&response, &b.handshake, 0x0a0b0c0d), 0);
		assert_int_equal(response.type, htole32(2));
		assert_int_equal(response.sender_index, htole32(0x0a0b0c0d));
		assert_int_equal(response.receiver_index, htole32(0x01020304));
		assert_memory_equal(response.ephemeral, second, sizeof(second));
		assert_int_equal(noise_response_consume(&a.handshake, &a.identity, &response), 0);

		assert_int_equal(noise_session_derive(&sa, &a.handshake), 0);
		assert_int_equal(noise_session_derive(&sb, &b.handshake), 0);
		assert_true(sa.initiator && !sb.initiator);
		assert_memory_equal(sa.send_key, transport[0], 32);
		assert_memory_equal(sa.receive_key, transport[1], 32);
		assert_memory_equal(sb.send_key, transport[1], 32);
		assert_memory_equal(sb.receive_key, transport[0], 32);
		assert_int_equal(sa.local_index, 0x01020304);
		assert_int_equal(sa.remote_index, 0x0a0b0c0d);
		assert_int_equal(sb.local_index, 0x0a0b0c0d);
		assert_int_equal(sb.remote_index, 0x01020304);
	}
}

// ---- what must be refused

struct exchange {
	struct end a, b;
	struct message_initiation initiation;
	struct message_response response;
};

static void exchange_first(struct exchange *x)
{
	struct model_keys keys;

	random_keys(&keys);
	make_ends(&x->a, &x->b, &keys);
	assert_int_equal(
	    noise_initiation_create(&x->initiation, &x->a.handshake, &x->a.identity, 7, wall_ns),
	    0);
	cookie_add_macs(&x->a.cookie, &x->initiation, sizeof(x->initiation), NS_PER_S);
}

static void exchange_second(struct exchange *x)
{
	assert_int_equal(noise_response_create(&x->response, &x->b.handshake, 9), 0);
	cookie_add_macs(&x->b.cookie, &x->response, sizeof(x->response), NS_PER_S);
}

// Every byte but those of mac2 is covered by mac1; and where the sender makes mac1 anew (it only
// takes the public key), all of Noise's own bytes are still covered.
static void every_changed_byte_of_an_initiation_is_refused(void **state)
{
	struct exchange x;
	const size_t mac2 = offsetof(struct message_initiation, macs.mac2);
	const size_t first = offsetof(struct message_initiation, ephemeral);
	const size_t macs = offsetof(struct message_initiation, macs);

	(void)state;
	exchange_first(&x);
	assert_true(mac1_valid(&x.b, &x.initiation, sizeof(x.initiation)));
	const struct noise_handshake before = x.b.handshake;
	for (size_t i = 0; i < mac2; i++) {
		struct message_initiation m = x.initiation;

		((uint8_t *)&m)[i] ^= 1 << support_random_below(&generator, 8);
		assert_false(mac1_valid(&x.b, &m, sizeof(m)));
		// The highest bit of the ephemeral key is not part of the number, but is hashed.
		if (i >= first && i < macs)
			assert_int_equal(consume_initiation(&x.b, &m), -EBADMSG);
		assert_memory_equal(&x.b.handshake, &before, sizeof(before));
	}
	assert_int_equal(consume_initiation(&x.b, &x.initiation), 0);
}

static void every_changed_byte_of_a_response_is_refused(void **state)
{
	struct exchange x;
	const size_t mac2 = offsetof(struct message_response, macs.mac2);
	const size_t first = offsetof(struct message_response, ephemeral);
	const size_t macs = offsetof(struct message_response, macs);

	(void)state;
	exchange_first(&x);
	assert_int_equal(consume_initiation(&x.b, &x.initiation), 0);
	exchange_second(&x);
	assert_true(mac1_valid(&x.a, &x.response, sizeof(x.response)));
	const struct noise_handshake before = x.a.handshake;
	for (size_t i = 0; i < mac2; i++) {
		struct message_response m = x.response;

		((uint8_t *)&m)[i] ^= 1 << support_random_below(&generator, 8);
		assert_false(mac1_valid(&x.a, &m, sizeof(m)));
		if (i >= first && i < macs)
			assert_int_equal(noise_response_consume(&x.a.handshake, &x.a.identity, &m),
			                 -EBADMSG);
		assert_memory_equal(&x.a.handshake, &before, sizeof(before));
	}
	assert_int_equal(noise_response_consume(&x.a.handshake, &x.a.identity, &x.response), 0);
}

static void another_preshared_key_is_refused(void **state)
{
	struct exchange x;

	(void)state;
	exchange_first(&x);
	x.b.handshake.preshared_key[31] ^= 0x80;
	assert_int_equal(consume_initiation(&x.b, &x.initiation), 0);
	exchange_second(&x);
	assert_int_equal(noise_response_consume(&x.a.handshake, &x.a.identity, &x.response),
	                 -EBADMSG);
	// With the right one on the initiator's side, the same response is good.
	x.a.handshake.preshared_key[31] ^= 0x80;
	assert_int_equal(noise_response_consume(&x.a.handshake, &x.a.identity, &x.response), 0);
}

static void a_replayed_or_older_initiation_is_refused(void **state)
{
	struct exchange x;
	struct message_initiation older, later;

	(void)state;
	exchange_first(&x);
	assert_int_equal(consume_initiation(&x.b, &x.initiation), 0);
	const struct noise_handshake before = x.b.handshake;
	assert_int_equal(consume_initiation(&x.b, &x.initiation), -EALREADY);
	noise_initiation_create(&older, &x.a.handshake, &x.a.identity, 8, wall_ns - NS_PER_S);
	assert_int_equal(consume_initiation(&x.b, &older), -EALREADY);
	// Within one step of the whitened clock.
	noise_initiation_create(&older, &x.a.handshake, &x.a.identity, 8, wall_ns + 1);
	assert_int_equal(consume_initiation(&x.b, &older), -EALREADY);
	assert_memory_equal(&x.b.handshake, &before, sizeof(before));
	// The latest timestamp outlives the handshake.
	noise_handshake_clear(&x.b.handshake);
	assert_int_equal(consume_initiation(&x.b, &x.initiation), -EALREADY);
	noise_initiation_create(&later, &x.a.handshake, &x.a.identity, 8, wall_ns + NS_PER_S);
	assert_int_equal(consume_initiation(&x.b, &later), 0);
}

// A peer that lets an all-zero result pass would accept this, as its keys can be computed by all.
static void an_all_zero_shared_secret_is_refused(void **state)
{
	static const uint8_t low_order[][32] = {{0}, {1}};
	struct model_keys keys;
	struct end a, b;
	struct message_initiation m = {.type = htole32(1)};
	uint8_t timestamp[12], zero[32] = {0};

	(void)state;
	random_keys(&keys);
	make_ends(&a, &b, &keys);
	noise_tai64n(timestamp, wall_ns);
	for (int i = 0; i < 2; i++) {
		struct model model = {0};

		model_first(&model, &keys, prologue, strlen(prologue), low_order[i], NULL,
		            timestamp, 12, m.ephemeral);
		assert_int_equal(consume_initiation(&b, &m), -EBADMSG);

		model_first(&model, &keys, prologue, strlen(prologue), NULL, low_order[i],
		            timestamp, 12, m.ephemeral);
		struct end c = b;
		memcpy(c.handshake.remote_static, low_order[i], 32);
		noise_precompute(&c.handshake, &c.identity);
		assert_int_equal(consume_initiation(&c, &m), -EBADMSG);

		memcpy(a.handshake.remote_static, low_order[i], 32);
		noise_precompute(&a.handshake, &a.identity);
		assert_memory_equal(a.handshake.static_static, zero, 32);
		assert_int_equal(noise_initiation_create(&m, &a.handshake, &a.identity, 1, wall_ns),
		                 -EKEYREJECTED);
		assert_int_equal(a.handshake.state, NOISE_ZEROED);
	}
}

static void states_are_kept_apart(void **state)
{
	struct exchange x;
	struct noise_session session;
	static const uint8_t zero[32];

	(void)state;
	exchange_first(&x);
	assert_int_equal(noise_session_derive(&session, &x.a.handshake), -EINVAL);
	assert_int_equal(noise_response_create(&x.response, &x.b.handshake, 9), -EKEYREJECTED);
	assert_int_equal(consume_initiation(&x.b, &x.initiation), 0);
	assert_int_equal(noise_session_derive(&session, &x.b.handshake), -EINVAL);
	exchange_second(&x);
	assert_int_equal(noise_response_consume(&x.b.handshake, &x.b.identity, &x.response),
	                 -EBADMSG);
	assert_int_equal(noise_response_consume(&x.a.handshake, &x.a.identity, &x.response), 0);
	assert_int_equal(noise_response_consume(&x.a.handshake, &x.a.identity, &x.response),
	                 -EBADMSG);
	assert_int_equal(noise_session_derive(&session, &x.a.handshake), 0);
	assert_int_equal(noise_session_derive(&session, &x.a.handshake), -EINVAL);
	assert_memory_equal(x.a.handshake.chaining_key, zero, 32);
	assert_memory_equal(x.a.handshake.hash, zero, 32);
	assert_memory_equal(x.a.handshake.ephemeral_private, zero, 32);
}

static void an_empty_key_is_no_key(void **state)
{
	static const uint8_t zero[32];
	uint8_t ones[32];
	struct noise_identity id;

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	noise_identity_set(&id, zero);
	assert_false(id.has_key);
	noise_identity_set(&id, ones);
	assert_true(id.has_key);
	assert_int_equal(id.private_key[0], 0xf8);
	assert_int_equal(id.private_key[31], 0x7f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blake2s_of_abc),
	    cmocka_unit_test(blake2s_self_test_of_the_rfc),
	    cmocka_unit_test(blake2s_agrees_with_openssl),
	    cmocka_unit_test(tai64n_is_whitened),
	    cmocka_unit_test(model_fits_the_published_vector),
	    cmocka_unit_test(handshake_agrees_with_the_model),
	    cmocka_unit_test(every_changed_byte_of_an_initiation_is_refused),
	    cmocka_unit_test(every_changed_byte_of_a_response_is_refused),
	    cmocka_unit_test(another_preshared_key_is_refused),
	    cmocka_unit_test(a_replayed_or_older_initiation_is_refused),
	    cmocka_unit_test(an_all_zero_shared_secret_is_refused),
	    cmocka_unit_test(states_are_kept_apart),
	    cmocka_unit_test(an_empty_key_is_no_key),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
