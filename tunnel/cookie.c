// mac1 proves that the sender knows our public key, mac2 that it owns its address: the cookie that
// keys mac2 is a MAC of the address and port under a secret that rotates, so the checker keeps
// nothing per sender. A rotation invalidates the cookies given out before.
#include "tunnel/cookie.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "tunnel/clock.h"
#include "tunnel/noise.h"

static const char label_mac1[] = "mac1----";
static const char label_cookie[] = "cookie--";

static void derive_key(uint8_t key[NOISE_KEY_BYTES], const char *label,
                       const uint8_t public_key[NOISE_KEY_BYTES])
{
	uint8_t in[8 + NOISE_KEY_BYTES];

	memcpy(in, label, 8);
	memcpy(in + 8, public_key, NOISE_KEY_BYTES);
	noise_blake2s(key, NOISE_KEY_BYTES, NULL, 0, in, sizeof(in));
}

static struct message_macs *macs_of(void *message, size_t length)
{
	return (struct message_macs *)((uint8_t *)message + length - sizeof(struct message_macs));
}

static void make_mac1(uint8_t mac1[COOKIE_BYTES], const uint8_t key[NOISE_KEY_BYTES],
                      const void *message, size_t length)
{
	noise_blake2s(mac1, COOKIE_BYTES, key, NOISE_KEY_BYTES, message,
	              length - sizeof(struct message_macs));
}

static void make_mac2(uint8_t mac2[COOKIE_BYTES], const uint8_t cookie[COOKIE_BYTES],
                      const void *message, size_t length)
{
	noise_blake2s(mac2, COOKIE_BYTES, cookie, COOKIE_BYTES, message, length - COOKIE_BYTES);
}

static void make_cookie(struct cookie_checker *c, uint8_t cookie[COOKIE_BYTES],
                        const struct sockaddr *source, uint64_t now_ns)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)source;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)source;
	uint8_t in[sizeof(struct in6_addr) + sizeof(in_port_t)];
	size_t bytes;

	if (!c->secret_born_ns || now_ns - c->secret_born_ns >= COOKIE_SECRET_MAX_AGE_NS) {
		randombytes_buf(c->secret, sizeof(c->secret));
		c->secret_born_ns = now_ns;
	}
	if (source->sa_family == AF_INET6) {
		memcpy(in, &v6->sin6_addr, bytes = sizeof(v6->sin6_addr));
		memcpy(in + bytes, &v6->sin6_port, sizeof(v6->sin6_port));
	} else {
		memcpy(in, &v4->sin_addr, bytes = sizeof(v4->sin_addr));
		memcpy(in + bytes, &v4->sin_port, sizeof(v4->sin_port));
	}
	noise_blake2s(cookie, COOKIE_BYTES, c->secret, sizeof(c->secret), in,
	              bytes + sizeof(in_port_t));
}

void cookie_checker_init(struct cookie_checker *c, const uint8_t own_public[NOISE_KEY_BYTES])
{
	sodium_memzero(c, sizeof(*c));
	derive_key(c->mac1_key, label_mac1, own_public);
	derive_key(c->cookie_key, label_cookie, own_public);
}

void cookie_peer_init(struct cookie_peer *p, const uint8_t peer_public[NOISE_KEY_BYTES])
{
	sodium_memzero(p, sizeof(*p));
	derive_key(p->mac1_key, label_mac1, peer_public);
	derive_key(p->cookie_key, label_cookie, peer_public);
}

enum cookie_mac cookie_check(struct cookie_checker *c, const void *message, size_t length,
                             const struct sockaddr *source, uint64_t now_ns, bool want_mac2)
{
	const struct message_macs *macs = macs_of((void *)message, length);
	uint8_t mac[COOKIE_BYTES], cookie[COOKIE_BYTES];

	make_mac1(mac, c->mac1_key, message, length);
	if (sodium_memcmp(mac, macs->mac1, sizeof(mac)))
		return COOKIE_MAC_INVALID;
	if (!want_mac2 || !cookie_has_mac2(message, length))
		return COOKIE_MAC1_VALID;
	make_cookie(c, cookie, source, now_ns);
	make_mac2(mac, cookie, message, length);
	sodium_memzero(cookie, sizeof(cookie));
	return sodium_memcmp(mac, macs->mac2, sizeof(mac)) ? COOKIE_MAC1_VALID : COOKIE_MAC2_VALID;
}

bool cookie_has_mac2(const void *message, size_t length)
{
	const struct message_macs *macs = macs_of((void *)message, length);

	return !sodium_is_zero(macs->mac2, sizeof(macs->mac2));
}

void cookie_add_macs(struct cookie_peer *p, void *message, size_t length, uint64_t now_ns)
{
	struct message_macs *macs = macs_of(message, length);

	make_mac1(macs->mac1, p->mac1_key, message, length);
	memcpy(p->last_mac1, macs->mac1, sizeof(p->last_mac1));
	p->has_last_mac1 = true;
	if (p->cookie_born_ns && now_ns - p->cookie_born_ns < COOKIE_MAX_AGE_NS)
		make_mac2(macs->mac2, p->cookie, message, length);
	else
		memset(macs->mac2, 0, sizeof(macs->mac2));
}

void cookie_reply_create(struct cookie_checker *c, struct message_cookie *reply,
                         const void *message, size_t length, uint32_t receiver_index,
                         const struct sockaddr *source, uint64_t now_ns)
{
	uint8_t cookie[COOKIE_BYTES];

	reply->type = htole32(MESSAGE_COOKIE);
	reply->receiver_index = htole32(receiver_index);
	randombytes_buf(reply->nonce, sizeof(reply->nonce));
	make_cookie(c, cookie, source, now_ns);
	crypto_aead_xchacha20poly1305_ietf_encrypt(reply->encrypted_cookie, NULL, cookie,
	                                           sizeof(cookie),
	                                           macs_of((void *)message, length)->mac1,
	                                           COOKIE_BYTES, NULL, reply->nonce, c->cookie_key);
	sodium_memzero(cookie, sizeof(cookie));
}

int cookie_reply_consume(struct cookie_peer *p, const struct message_cookie *reply, uint64_t now_ns)
{
	uint8_t cookie[COOKIE_BYTES];

	if (!p->has_last_mac1)
		return -ENOENT;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
	        cookie, NULL, NULL, reply->encrypted_cookie, sizeof(reply->encrypted_cookie),
	        p->last_mac1, sizeof(p->last_mac1), reply->nonce, p->cookie_key))
		return -EBADMSG;
	memcpy(p->cookie, cookie, sizeof(p->cookie));
	sodium_memzero(cookie, sizeof(cookie));
	p->cookie_born_ns = now_ns;
	p->has_last_mac1 = false;
	return 0;
}
