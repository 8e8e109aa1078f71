// The table from receiver index to key pair or handshake. It's changed with the path held
// exclusively, so no lookup is under way when a change ends.
#ifndef WGBENCH_INDEX_H
#define WGBENCH_INDEX_H

#include <stdint.h>
#include "variants/hashtable/hashtable.h"

struct keypair;
struct peer;

struct index_entry {
	struct hashtable_node by_index;
	uint32_t index;
	struct peer *peer;
	struct keypair *keypair; // NULL: a handshake under way
};

// NULL when out of memory.
struct hashtable *index_table_new(const uint8_t seed[HASHTABLE_SEED_BYTES]);

// Finds a random free index and enters it. NULL when out of memory.
struct index_entry *index_new(struct hashtable *, struct peer *);
// Shared or exclusive. NULL: none.
struct index_entry *index_lookup(struct hashtable *, uint32_t index);
// No-op for an index that isn't there.
void index_remove(struct hashtable *, uint32_t index);

#endif
