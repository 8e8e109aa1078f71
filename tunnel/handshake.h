// Handshakes as messages to and from a peer: noise.c and cookie.c with clock, sockets and peers.
// Control thread.
#ifndef WGBENCH_HANDSHAKE_H
#define WGBENCH_HANDSHAKE_H

#include <stdbool.h>
#include "tunnel/udp.h"

struct control_message;
struct device;
struct peer;

// Sends an initiation, unless one was sent less than REKEY_TIMEOUT ago, there is no endpoint, or no
// key. `retry`: by the retransmit timer (else the count of attempts starts anew).
void handshake_initiate(struct peer *, bool retry);

// Handles one initiation, response or cookie reply.
void handshake_receive(struct device *, const struct control_message *);

// Handles PEER_EVENT_*.
void handshake_peer_events(struct peer *, unsigned events);

#endif
