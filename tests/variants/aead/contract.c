// Contract of the slot `aead`, for every variant, against libsodium's IETF ChaCha20-Poly1305 with
// no associated data: random keys, counters, lengths and batches, in place and not, and forgeries.
#include "variants/aead/aead.h"
#include "tests/support/support.h"
#include "tests/variants/aead/vectors.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LENGTH 65535
#define MAX_BATCH 128
#define GUARD_BYTES 64
#define GUARD 0xa5

static struct aead *aead;
static struct support_random generator;

static int start(void **state)
{
	(void)state;
	support_random_init(&generator, support_seed());
	aead = aead_new();
	return sodium_init() < 0 || !aead;
}

static int stop(void **state)
{
	(void)state;
	aead_free(aead);
	return 0;
}

// One message in heap blocks of its very size, so that ASan sees what reads or writes beyond it.
struct sample {
	uint32_t length;
	uint64_t counter;
	uint8_t *plain;  // length bytes
	uint8_t *sealed; // length + tag: libsodium's
	uint8_t *target; // length + tag + guard
};

static void model_seal(struct sample *s, const uint8_t *key)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {0};

	for (int i = 0; i < 8; i++)
		nonce[4 + i] = s->counter >> (8 * i);
	crypto_aead_chacha20poly1305_ietf_encrypt(s->sealed, NULL, s->plain, s->length, NULL, 0,
	                                          NULL, nonce, key);
}

static uint64_t random_counter(void)
{
	return support_random_next(&generator) >> support_random_below(&generator, 64);
}

static void sample_new(struct sample *s, const uint8_t *key, uint32_t length)
{
	s->length = length;
	s->counter = random_counter();
	s->plain = malloc(length ? length : 1);
	s->sealed = malloc(length + AEAD_TAG_BYTES);
	s->target = malloc(length + AEAD_TAG_BYTES + GUARD_BYTES);
	assert_true(s->plain && s->sealed && s->target);
	support_random_fill(&generator, s->plain, length);
	memset(s->target, GUARD, length + AEAD_TAG_BYTES + GUARD_BYTES);
	model_seal(s, key);
}

static void sample_free(struct sample *s)
{
	free(s->plain);
	free(s->sealed);
	free(s->target);
}

static void assert_guarded(const struct sample *s, size_t from)
{
	for (size_t i = from; i < s->length + AEAD_TAG_BYTES + GUARD_BYTES; i++)
		assert_int_equal(s->target[i], GUARD);
}

// Short, odd and ordinary lengths often, the longest ones sometimes.
static uint32_t random_length(void)
{
	static const uint32_t limits[] = {1, 65, 300, 1453, 1453, 1453, 9001, MAX_LENGTH + 1};

	return support_random_below(
	    &generator,
	    limits[support_random_below(&generator, sizeof(limits) / sizeof(limits[0]))]);
}

static void seals_as_the_model(const uint8_t *key, struct sample *samples, size_t n, bool in_place)
{
	struct aead_message messages[MAX_BATCH];

	for (size_t i = 0; i < n; i++) {
		struct sample *s = &samples[i];
		if (in_place)
			memcpy(s->target, s->plain, s->length);
		messages[i] = (struct aead_message){in_place ? s->target : s->plain, s->target,
		                                    s->length, s->counter, false};
	}
	aead_seal(aead, key, messages, n);
	for (size_t i = 0; i < n; i++) {
		assert_memory_equal(samples[i].target, samples[i].sealed,
		                    samples[i].length + AEAD_TAG_BYTES);
		assert_guarded(&samples[i], samples[i].length + AEAD_TAG_BYTES);
	}
}

// Opens the model's messages; one is forged where its bit in `forged` is set.
static void opens_as_the_model(const uint8_t *key, struct sample *samples, size_t n, bool in_place,
                               const bool *forged)
{
	struct aead_message messages[MAX_BATCH];
	size_t authentic = 0;

	for (size_t i = 0; i < n; i++) {
		struct sample *s = &samples[i];
		size_t sealed_bytes = s->length + AEAD_TAG_BYTES;
		if (forged[i])
			s->sealed[support_random_below(&generator, sealed_bytes)] ^=
			    1 << support_random_below(&generator, 8);
		memset(s->target, GUARD, sealed_bytes + GUARD_BYTES);
		if (in_place)
			memcpy(s->target, s->sealed, sealed_bytes);
		messages[i] = (struct aead_message){in_place ? s->target : s->sealed, s->target,
		                                    s->length, s->counter, forged[i]};
		authentic += !forged[i];
	}
	assert_int_equal(aead_open(aead, key, messages, n), authentic);
	for (size_t i = 0; i < n; i++) {
		struct sample *s = &samples[i];
		assert_int_equal(messages[i].authentic, !forged[i]);
		if (!forged[i])
			assert_memory_equal(s->target, s->plain, s->length);
		if (in_place)
			assert_memory_equal(s->target + s->length, s->sealed + s->length,
			                    AEAD_TAG_BYTES);
		assert_guarded(s, in_place ? s->length + AEAD_TAG_BYTES : s->length);
	}
}

static void equals_libsodium(void **state)
{
	(void)state;
	uint8_t keys[3][AEAD_KEY_BYTES] = {{0}}; // the first stays zero
	static struct sample samples[MAX_BATCH];
	size_t total_bytes = 0;

	for (int i = 1; i < 3; i++)
		support_random_fill(&generator, keys[i], AEAD_KEY_BYTES);
	for (int round = 0; round < 150; round++) {
		// Keys repeat as well as change from one batch to the next.
		uint8_t *key = keys[round ? support_random_below(&generator, 3) : 0];
		size_t n = round % 3 ? 1 + support_random_below(&generator, 8)
		                     : 1 + support_random_below(&generator, MAX_BATCH);
		bool forged[MAX_BATCH], in_place = round & 1;

		for (size_t i = 0; i < n; i++) {
			sample_new(&samples[i], key, total_bytes > 40e6 ? 64 : random_length());
			total_bytes += samples[i].length;
			forged[i] = round % 5 && !support_random_below(&generator, 4);
		}
		seals_as_the_model(key, samples, n, in_place);
		opens_as_the_model(key, samples, n, in_place, forged);
		for (size_t i = 0; i < n; i++)
			sample_free(&samples[i]);
	}
}

static void takes_every_length_and_batch(void **state)
{
	(void)state;
	uint8_t key[AEAD_KEY_BYTES];
	static const bool genuine[MAX_BATCH];
	static struct sample samples[MAX_BATCH];

	support_random_fill(&generator, key, sizeof(key));
	for (size_t n = 0; n <= MAX_BATCH; n++) {
		for (size_t i = 0; i < n; i++)
			sample_new(&samples[i], key, n * 4 + i);
		seals_as_the_model(key, samples, n, n & 1);
		opens_as_the_model(key, samples, n, n & 1, genuine);
		for (size_t i = 0; i < n; i++)
			sample_free(&samples[i]);
	}
	static const uint32_t ends[] = {0, 1, MAX_LENGTH - 1, MAX_LENGTH};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		sample_new(&samples[0], key, ends[i]);
		seals_as_the_model(key, samples, 1, false);
		opens_as_the_model(key, samples, 1, false, genuine);
		sample_free(&samples[0]);
	}
}

// The nonce takes all 64 bits of the counter.
static void takes_every_bit_of_the_counter(void **state)
{
	(void)state;
	uint8_t key[AEAD_KEY_BYTES];
	static const bool genuine[1];

	support_random_fill(&generator, key, sizeof(key));
	for (int bit = 0; bit < 64; bit++) {
		struct sample s;
		sample_new(&s, key, 80);
		s.counter = UINT64_C(1) << bit;
		model_seal(&s, key);
		seals_as_the_model(key, &s, 1, false);
		opens_as_the_model(key, &s, 1, false, genuine);
		sample_free(&s);
	}
}

static void rejects_every_flipped_bit(void **state)
{
	(void)state;
	static const uint32_t lengths[] = {0, 1, 15, 16, 17, 64, 100, 1420};
	uint8_t key[AEAD_KEY_BYTES], opened[1420];

	support_random_fill(&generator, key, sizeof(key));
	for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
		struct sample s;
		sample_new(&s, key, lengths[l]);
		struct aead_message message = {s.sealed, opened, s.length, s.counter, false};
		size_t head_bits = 8 * (s.length < 32 ? s.length : 32);

		for (size_t i = 0; i < head_bits + 8 * AEAD_TAG_BYTES; i++) {
			size_t bit = i < head_bits ? i : 8 * s.length + i - head_bits;
			s.sealed[bit / 8] ^= 1 << bit % 8;
			assert_int_equal(aead_open(aead, key, &message, 1), 0);
			assert_false(message.authentic);
			s.sealed[bit / 8] ^= 1 << bit % 8;
		}
		message.counter ^= UINT64_C(1) << 40;
		assert_int_equal(aead_open(aead, key, &message, 1), 0);
		message.counter = s.counter;
		key[31] ^= 1;
		assert_int_equal(aead_open(aead, key, &message, 1), 0);
		key[31] ^= 1;
		assert_int_equal(aead_open(aead, key, &message, 1), 1);
		assert_true(message.authentic);
		assert_memory_equal(opened, s.plain, s.length);
		sample_free(&s);
	}
}

static void gives_the_vectors_of_rfc8439(void **state)
{
	(void)state;
	vectors_of_rfc8439(aead);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equals_libsodium),
	    cmocka_unit_test(takes_every_length_and_batch),
	    cmocka_unit_test(takes_every_bit_of_the_counter),
	    cmocka_unit_test(rejects_every_flipped_bit),
	    cmocka_unit_test(gives_the_vectors_of_rfc8439),
	};

	return cmocka_run_group_tests_name(aead_variant, tests, start, stop);
}
