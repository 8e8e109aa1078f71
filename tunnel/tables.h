// What the path looks up: the peer by an inner address, the key pair by a receiver index. Changed
// with the path excluded.
#ifndef WGBENCH_TABLES_H
#define WGBENCH_TABLES_H

#include <stdint.h>
#include "variants/hashtable/hashtable.h"

struct allowedips;

struct tables {
	struct allowedips *allowed_ips;
	struct hashtable *by_index; // index.h
};

// 0 or -ENOMEM: then there is nothing to free.
int tables_init(struct tables *, const uint8_t seed[HASHTABLE_SEED_BYTES]);
void tables_free(struct tables *);

#endif
