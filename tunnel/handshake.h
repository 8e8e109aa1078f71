// Handshakes as messages to and from a peer: noise.c and cookie.c with clock, sockets and peers.
// Control thread.
#ifndef WGBENCH_HANDSHAKE_H
#define WGBENCH_HANDSHAKE_H

#include <stdbool.h>

struct mailbox_message;
struct device;
struct peer;

// Sends an initiation. Where one was sent less than REKEY_TIMEOUT ago the retransmit timer sends
// the next, unless a session makes it needless; without a private key or an endpoint the peer waits
// for handshake_resume(). `retry`: by the retransmit timer (else the count of attempts starts
// anew).
void handshake_initiate(struct peer *, bool retry);

// Does what is due of a peer that can perhaps shake hands by now: sends its staged packets, or the
// initiation that they or anything else wait for. Whoever brings what may have been missing (a
// private key, an endpoint, sockets, a mark or a port, the link) posts PEER_EVENT_RESUME for it.
void handshake_resume(struct peer *);

// Sends an empty data packet, or an initiation where there is no usable key pair.
void handshake_keepalive(struct peer *);

// Handles one initiation, response or cookie reply.
void handshake_receive(struct device *, const struct mailbox_message *);

// Data came under the peer's next key pair: it becomes the current one, and what waits is sent.
void handshake_confirmed(struct peer *);

#endif
