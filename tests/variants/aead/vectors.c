// RFC 8439 for the contract's AEAD. The nonce of 12 bytes starts with four zero ones, and nothing
// is associated, so of the RFC's AEAD vectors none fits as a whole. What fits is what they are made
// of: the key stream (appendices A.1, A.2 and A.5) shows in the ciphertext, whose first block has
// the counter 1, and the one-time keys (A.4) in the tag.
#include "tests/variants/aead/vectors.h"
#include "tests/support/support.h"
#include "variants/aead/aead.h"

#include <sodium.h>
#include <string.h>

enum { BLOCK_BYTES = 64, MESSAGE_MAX = 4096 };

#define ZERO_KEY "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE_KEY "0000000000000000000000000000000000000000000000000000000000000001"
#define FF_KEY "00ff000000000000000000000000000000000000000000000000000000000000"
#define TEXT_KEY "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"

static const struct {
	const char *name, *key;
	uint64_t counter; // the nonce's last eight bytes, little-endian
	unsigned block;   // the counter of the first one
	const char *text; // NULL: 64 zero bytes
	const char *ciphertext;
} streams[] = {
    {"A.1 #2", ZERO_KEY, 0, 1, NULL,
     "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
     "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"},
    {"A.1 #3", ONE_KEY, 0, 1, NULL,
     "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
     "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"},
    {"A.1 #4", FF_KEY, 0, 2, NULL,
     "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
     "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096"},
    {"A.2 #2", ONE_KEY, 0x0200000000000000, 1,
     "Any submission to the IETF intended by the Contributor for publication as all or part of an "
     "IETF Internet-Draft or RFC and any statement made within the context of an IETF activity is "
     "considered an \"IETF Contribution\". Such statements include oral statements in IETF "
     "sessions, as well as written and electronic communications made at any time or place, which "
     "are addressed to",
     "a3fbf07df3fa2fde4f376ca23e82737041605d9f4f4f57bd8cff2c1d4b7955ec"
     "2a97948bd3722915c8f3d337f7d370050e9e96d647b7c39f56e031ca5eb6250d"
     "4042e02785ececfa4b4bb5e8ead0440e20b6e8db09d881a7c6132f420e527950"
     "42bdfa7773d8a9051447b3291ce1411c680465552aa6c405b7764d5e87bea85a"
     "d00f8449ed8f72d0d662ab052691ca66424bc86d2df80ea41f43abf937d3259d"
     "c4b2d0dfb48a6c9139ddd7f76966e928e635553ba76c5c879d7b35d49eb2e62b"
     "0871cdac638939e25e8a1e0ef9d5280fa8ca328b351c3c765989cbcf3daa8b6c"
     "cc3aaf9f3979c92b3720fc88dc95ed84a1be059c6499b9fda236e7e818b04b0b"
     "c39c1e876b193bfe5569753f88128cc08aaa9b63d1a16f80ef2554d7189c411f"
     "5869ca52c5b83fa36ff216b9c1d30062bebcfd2dc5bce0911934fda79a86f6e6"
     "98ced759c3ff9b6477338f3da4f9cd8514ea9982ccafb341b2384dd902f3d1ab"
     "7ac61dd29c6f21ba5b862f3730e37cfdc4fd806c22f221"},
    {"A.2 #3", TEXT_KEY, 0x0200000000000000, 42,
     "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\n"
     "All mimsy were the borogoves,\nAnd the mome raths outgrabe.",
     "62e6347f95ed87a45ffae7426f27a1df5fb69110044c0d73118effa95b01e5cf"
     "166d3df2d721caf9b21e5fb14c616871fd84c54f9d65b283196c7fe4f60553eb"
     "f39c6402c42234e32a356b3e764312a61a5532055716ead6962568f87d3f3f77"
     "04c6a8d1bcd1bf4d50d6154b6da731b187b58dfd728afa36757a797ac188d1"},
    {"A.5", TEXT_KEY, 0x0807060504030201, 1,
     "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, "
     "replaced, or obsoleted by other documents at any time. It is inappropriate to use "
     "Internet-Drafts as reference material or to cite them other than as "
     "/\xe2\x80\x9cwork in progress./\xe2\x80\x9d",
     "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2"
     "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
     "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
     "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
     "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
     "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
     "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
     "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
     "a6ad5cb4022b02709b"},
};

static const struct {
	const char *name, *key;
	uint64_t counter;
	const char *one_time_key;
} keys[] = {
    {"A.4 #1", ZERO_KEY, 0, "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"},
    {"A.4 #2", ONE_KEY, 0x0200000000000000,
     "ecfa254f845f647473d3cb140da9e87606cb33066c447b87bc2666dde3fbb739"},
    {"A.4 #3", TEXT_KEY, 0x0200000000000000,
     "965e3bc6f9ec7ed9560808f4d229f94b137ff275ca9b3fcbdd59deaad23310ae"},
};

static size_t hex(uint8_t *to, size_t room, const char *text)
{
	size_t bytes;

	assert_int_equal(sodium_hex2bin(to, room, text, strlen(text), NULL, &bytes, NULL), 0);
	return bytes;
}

static void stream(struct aead *aead, size_t i)
{
	static uint8_t plain[MESSAGE_MAX], sealed[MESSAGE_MAX + AEAD_TAG_BYTES];
	uint8_t key[AEAD_KEY_BYTES], published[512];
	size_t bytes = hex(published, sizeof(published), streams[i].ciphertext);
	size_t before = (streams[i].block - 1) * BLOCK_BYTES;

	memset(plain, 0, sizeof(plain));
	if (streams[i].text) {
		assert_int_equal(strlen(streams[i].text), bytes);
		memcpy(plain + before, streams[i].text, bytes);
	}
	hex(key, sizeof(key), streams[i].key);
	struct aead_message m = {plain, sealed, before + bytes, streams[i].counter, false};
	aead_seal(aead, key, &m, 1);
	assert_memory_equal(sealed + before, published, bytes);
	m.source = sealed;
	assert_int_equal(aead_open(aead, key, &m, 1), 1);
	assert_memory_equal(sealed, plain, before + bytes);
}

// RFC 8439, section 2.8: the tag is the one-time key's over the padded ciphertext and both lengths.
static void one_time_key(struct aead *aead, size_t i)
{
	uint8_t key[AEAD_KEY_BYTES], one_time[32], sealed[64 + AEAD_TAG_BYTES], tag[AEAD_TAG_BYTES];

	hex(key, sizeof(key), keys[i].key);
	hex(one_time, sizeof(one_time), keys[i].one_time_key);
	for (uint32_t length = 0; length <= 48; length++) {
		uint8_t plain[48] = {1, 2, 3}, authenticated[64 + 16] = {0};
		uint32_t padded = (length + 15) & ~15u;
		struct aead_message m = {plain, sealed, length, keys[i].counter, false};

		aead_seal(aead, key, &m, 1);
		memcpy(authenticated, sealed, length);
		authenticated[padded + 8] = length;
		crypto_onetimeauth_poly1305(tag, authenticated, padded + 16, one_time);
		assert_memory_equal(sealed + length, tag, sizeof(tag));
	}
}

void vectors_of_rfc8439(struct aead *aead)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		stream(aead, i);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		one_time_key(aead, i);
}
