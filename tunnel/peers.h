// The peers of a device: a list, and a table by public key. Control thread.
#ifndef WGBENCH_PEERS_H
#define WGBENCH_PEERS_H

#include <stdint.h>
#include "tunnel/messages.h"

struct device;
struct peer;

enum { PEERS_MAX = 1 << 20 };

// Makes the table, by the device's seed. 0 or -ENOMEM.
int peers_table_new(struct device *);

// NULL when out of memory (errno) or when there are PEERS_MAX (ENOSPC).
struct peer *peers_new(struct device *, const uint8_t public_key[NOISE_KEY_BYTES]);
// The newest of that key, or NULL.
struct peer *peers_find(struct device *, const uint8_t public_key[NOISE_KEY_BYTES]);
// Takes it out of every table; what is in flight still holds references.
void peers_remove(struct peer *);

#endif
