// Slot `hashtable`: the tables that find a peer by its public key and a session by its receiver
// index. Nodes are embedded in the caller's objects: a lookup needs no further cache line than
// those of the table and of the key that it finds.
//
// Thread safety: one writer at a time for whatever takes a table that isn't const, and any number
// of lookups beside it. A lookup finds every key that is in the table from its beginning to its
// end, also while the table is resized, and never waits for a resize. What was written to an object
// before its insertion is visible to whoever finds it.
//
// Reclamation: a lookup that began before a removal may still be reading the removed node and its
// key. They may be freed or changed after the writer has next called hashtable_quiesce(). The
// tunnel does so with its path lock held exclusively for indices, and at any time for public keys,
// which only its control thread looks up.
#ifndef WGBENCH_HASHTABLE_H
#define WGBENCH_HASHTABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const char hashtable_variant[];
// How many bits of the seed decide where a public key goes.
extern const unsigned hashtable_seed_bits;

enum { HASHTABLE_SEED_BYTES = 16 };

enum hashtable_kind {
	HASHTABLE_KEYS, // public keys: 32 bytes that others choose, so they are hashed by the seed
	HASHTABLE_INDICES, // a uint32_t that this end has chosen at random, so it's its own hash
};

struct hashtable;

struct hashtable_node {
	_Atomic uintptr_t words[2]; // the variant's
};

// key_offset: bytes from a node to its key, which must not change while the node is inside.
// NULL when out of memory.
struct hashtable *hashtable_new(enum hashtable_kind, ptrdiff_t key_offset,
                                const uint8_t seed[HASHTABLE_SEED_BYTES]);
// No lookup may be under way. Nodes that are still inside must be valid memory, and are forgotten.
void hashtable_free(struct hashtable *);

// 0, -EEXIST when the key is there, or -ENOMEM; nothing has changed then.
int hashtable_insert(struct hashtable *, struct hashtable_node *);
// Puts `node` in the place of `old`, which must be inside and have the same key. A lookup of the
// key finds either.
void hashtable_replace(struct hashtable *, struct hashtable_node *old, struct hashtable_node *node);
// The node must be inside.
void hashtable_remove(struct hashtable *, struct hashtable_node *);

// NULL: the key isn't there.
struct hashtable_node *hashtable_lookup(const struct hashtable *, const void *key);

// Writer, while no lookup is under way. Ends the life of what was removed before, and carries on
// with a resize by a bounded step. Whether more steps are left; nobody needs to wait for them.
bool hashtable_quiesce(struct hashtable *);

// Writer: the nodes inside.
size_t hashtable_count(const struct hashtable *);
// Writer: bytes that the table's own memory takes now, without the nodes.
size_t hashtable_bytes(const struct hashtable *);

#endif
