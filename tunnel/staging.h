// Where batches wait for a key pair: of each peer a queue, whose oldest packets are dropped.
// staging_add() is in pipeline.h. Control thread.
#ifndef WGBENCH_STAGING_H
#define WGBENCH_STAGING_H

struct peer;

enum { STAGING_PACKETS_MAX = 128 }; // of a peer

// Sends what waits under the current key pair, in order.
void staging_flush(struct peer *);
// Drops what waits.
void staging_drop(struct peer *);

#endif
