// AEAD variant `ipsec-mb`: Intel's multi-buffer library, one synchronous job per message. The
// library picks its code by CPUID when the context is made (AVX-512 down to SSE, and under
// valgrind what valgrind emulates).
//
// Measured on a shared Zen 5 guest, best of 15, ns per message at 64 and 1420 bytes: checked jobs
// 188 and 430, unchecked jobs 179 and 418, unchecked bursts of 8 to 128 178 and 408, the direct API
// 318 and 590. Several jobs in flight gain nothing, since the library ends each ChaCha20-Poly1305
// job inside submit; so bursts were rejected for single unchecked jobs, within the noise.
//
// Memory: one manager of some 100 KB for each context; it holds pointers to keys but no keys.
// Thread safety: that of the contract; a manager has one user.
// Source: the library's job API (intel-ipsec-mb.h).
#include "variants/aead/aead.h"

#include <endian.h>
#include <intel-ipsec-mb.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

const char aead_variant[] = "ipsec-mb";

#define NONCE_BYTES 12

struct aead {
	IMB_MGR *manager;
};

struct aead *aead_new(void)
{
	struct aead *aead = calloc(1, sizeof(*aead));
	if (!aead)
		return NULL;
	aead->manager = alloc_mb_mgr(0);
	if (!aead->manager)
		goto err_manager;
	init_mb_mgr_auto(aead->manager, NULL);
	if (imb_get_errno(aead->manager))
		goto err_init;
	return aead;
err_init:
	free_mb_mgr(aead->manager);
err_manager:
	free(aead);
	return NULL;
}

void aead_free(struct aead *aead)
{
	if (!aead)
		return;
	free_mb_mgr(aead->manager);
	free(aead);
}

// The tag of the ciphertext goes to `tag`.
static void process(IMB_MGR *manager, IMB_CIPHER_DIRECTION direction, const uint8_t *key,
                    const struct aead_message *message, uint8_t *tag)
{
	uint8_t nonce[NONCE_BYTES] = {0};
	uint64_t counter = htole64(message->counter);
	IMB_JOB *job = IMB_GET_NEXT_JOB(manager);

	memcpy(nonce + NONCE_BYTES - sizeof(counter), &counter, sizeof(counter));
	job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	job->cipher_direction = direction;
	job->chain_order =
	    direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	job->enc_keys = job->dec_keys = key;
	job->key_len_in_bytes = AEAD_KEY_BYTES;
	job->iv = nonce;
	job->iv_len_in_bytes = sizeof(nonce);
	job->u.CHACHA20_POLY1305.aad = NULL;
	job->u.CHACHA20_POLY1305.aad_len_in_bytes = 0;
	job->src = message->source;
	job->dst = message->target;
	job->cipher_start_src_offset_in_bytes = job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = job->msg_len_to_hash_in_bytes = message->length;
	job->auth_tag_output = tag;
	job->auth_tag_output_len_in_bytes = AEAD_TAG_BYTES;

	// An unfinished job would still point at this frame, and its message be in the clear.
	const IMB_JOB *ended = IMB_SUBMIT_JOB_NOCHECK(manager);
	if (!ended || ended->status != IMB_STATUS_COMPLETED)
		abort();
}

void aead_seal(struct aead *aead, const uint8_t key[static AEAD_KEY_BYTES],
               struct aead_message *messages, size_t n)
{
	for (struct aead_message *m = messages; m < messages + n; m++)
		process(aead->manager, IMB_DIR_ENCRYPT, key, m, m->target + m->length);
}

size_t aead_open(struct aead *aead, const uint8_t key[static AEAD_KEY_BYTES],
                 struct aead_message *messages, size_t n)
{
	uint8_t tag[AEAD_TAG_BYTES];
	size_t authentic = 0;

	for (struct aead_message *m = messages; m < messages + n; m++) {
		process(aead->manager, IMB_DIR_DECRYPT, key, m, tag);
		m->authentic = !crypto_verify_16(tag, m->source + m->length);
		authentic += m->authentic;
	}
	return authentic;
}
