// In which order a block's trials run. A block is a row of a Williams square and then the same row
// backwards: for two tunnels ABBA or BAAB. Each tunnel has two trials in it whose middle is the
// block's middle, so a steady drift of the machine cancels; over a cycle of rows each tunnel
// follows each other one equally often (Williams, 1949).
#ifndef WGBENCH_PLAN_BLOCK_ORDER_H
#define WGBENCH_PLAN_BLOCK_ORDER_H

#include "harness/record/limits.h"

#include <stdint.h>

enum { ORDER_TRIALS_PER_TUNNEL = 2 };

// How many rows until all have been used once: n, or 2 n where n is odd.
unsigned order_cycle(unsigned tunnels);

// Writes the tunnel of each of the block's 2 n trials. Within a cycle the rows' order is random;
// the same seed gives the same order whichever blocks are asked for.
void order_block(unsigned *order, unsigned tunnels, unsigned block, uint64_t seed);

#endif
