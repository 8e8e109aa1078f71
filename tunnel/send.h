// What of sending the control thread calls; the path itself is in pipeline.h.
#ifndef WGBENCH_SEND_H
#define WGBENCH_SEND_H

struct peer;

// Sends an empty data packet under the current key pair. 0; -ENOKEY: there is none (then a
// handshake is wanted); -ENOMEM. Control thread, outside the path bracket.
int send_keepalive(struct peer *);

#endif
