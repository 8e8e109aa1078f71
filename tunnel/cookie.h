// mac1, mac2 and the cookie reply (WireGuard paper, section 5.3, 5.4.4 and 5.4.7). Control thread.
#ifndef WGBENCH_COOKIE_H
#define WGBENCH_COOKIE_H

#include <netinet/in.h>
#include <stdbool.h>
#include "tunnel/messages.h"

#define COOKIE_SECRET_MAX_AGE_NS (120 * NS_PER_S)
#define COOKIE_MAX_AGE_NS (115 * NS_PER_S) // the paper's 120 s less 5 s of latency

// Of the interface: checks macs and makes cookie replies.
struct cookie_checker {
	uint8_t secret[NOISE_HASH_BYTES];
	uint64_t secret_born_ns; // 0: none yet
	uint8_t mac1_key[NOISE_KEY_BYTES];
	uint8_t cookie_key[NOISE_KEY_BYTES];
};

// Of a peer: adds macs and keeps the cookie that the peer sent.
struct cookie_peer {
	uint8_t mac1_key[NOISE_KEY_BYTES];
	uint8_t cookie_key[NOISE_KEY_BYTES];
	uint8_t cookie[COOKIE_BYTES];
	uint64_t cookie_born_ns; // 0: none
	uint8_t last_mac1[COOKIE_BYTES];
	bool has_last_mac1;
};

enum cookie_mac { COOKIE_MAC_INVALID, COOKIE_MAC1_VALID, COOKIE_MAC2_VALID };

void cookie_checker_init(struct cookie_checker *, const uint8_t own_public[NOISE_KEY_BYTES]);
void cookie_peer_init(struct cookie_peer *, const uint8_t peer_public[NOISE_KEY_BYTES]);

// message: a whole initiation or response of `length` bytes; its last 32 bytes are the macs. mac2
// is looked at only if `want_mac2`.
enum cookie_mac cookie_check(struct cookie_checker *, const void *message, size_t length,
                             const struct sockaddr *source, uint64_t now_ns, bool want_mac2);

// Whether there is a mac2 at all; without a cookie it is zero.
bool cookie_has_mac2(const void *message, size_t length);

// Writes mac1, and mac2 if a fresh cookie is known.
void cookie_add_macs(struct cookie_peer *, void *message, size_t length, uint64_t now_ns);

// The reply to `message` (initiation or response), to be sent to `source`.
void cookie_reply_create(struct cookie_checker *, struct message_cookie *reply, const void *message,
                         size_t length, uint32_t receiver_index, const struct sockaddr *source,
                         uint64_t now_ns);

// 0; -ENOENT without a mac1 that it could answer; -EBADMSG.
int cookie_reply_consume(struct cookie_peer *, const struct message_cookie *, uint64_t now_ns);

#endif
