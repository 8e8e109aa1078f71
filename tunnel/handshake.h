// Handshakes as messages to and from a peer: noise.c and cookie.c with clock, sockets and peers.
// Control thread.
#ifndef WGBENCH_HANDSHAKE_H
#define WGBENCH_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>
#include "tunnel/ratelimit.h"
#include "tunnel/udp.h"

struct control_message;
struct device;
struct peer;

// What a flood of handshakes may cost. Zeroed: no load.
struct handshake_load {
	uint64_t until_ns;           // cookies are demanded until then
	uint64_t replies_full_at_ns; // bucket of the cookie replies
	struct ratelimit sources;    // initiations and responses with a valid cookie
};

// Sends an initiation, unless one was sent less than REKEY_TIMEOUT ago, there is no endpoint, or no
// key. `retry`: by the retransmit timer (else the count of attempts starts anew).
void handshake_initiate(struct peer *, bool retry);

// Sends an empty data packet, or an initiation where there is no usable key pair.
void handshake_keepalive(struct peer *);

// Whether cookies are demanded.
bool handshake_under_load(struct device *, uint64_t now_ns);

// Handles one initiation, response or cookie reply.
void handshake_receive(struct device *, const struct control_message *);

// Handles PEER_EVENT_*.
void handshake_peer_events(struct peer *, unsigned events);

#endif
