// What of the way out others than lanes call; the path itself is in pipeline.h.
#ifndef WGBENCH_OUTPUT_H
#define WGBENCH_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

struct batch;
struct peer;

// Takes a range of counters for the batch under the peer's key pair. false: there is no usable one.
bool output_assign(struct batch *, uint64_t now_ns);
// Hands it to its peer's send lane, or drops and counts it.
void output_submit(struct batch *);

// Sends an empty data packet under the current key pair. 0; -ENOKEY: there is none (then a
// handshake is wanted); -ENOMEM. Control thread, outside the path bracket.
int output_keepalive(struct peer *);

#endif
