// Hash table variant `fixed`: chained buckets whose number never changes, 2^11 for public keys and
// 2^13 for receiver indices, chosen by the low bits of the hash.
//
// Complexity: a lookup walks its bucket's chain, n / 2^11 or n / 2^13 long: at the limit of 2^20
// peers 512 nodes. An insertion looks its key up first.
// Memory: 8 bytes a bucket, 16 or 64 KiB in all; nothing for an entry.
// Thread safety: that of the contract; a chain is published and cut by one store, as under RCU.
// Source: the tables of the Linux kernel's WireGuard driver (peerlookup.c).
#include "variants/hashtable/hashtable.h"
#include "variants/hashtable/key.h"

#include <errno.h>
#include <stdlib.h>

const char hashtable_variant[] = "fixed";
const unsigned hashtable_seed_bits = 128;

enum { KEY_BUCKETS = 1 << 11, INDEX_BUCKETS = 1 << 13 };

struct hashtable {
	struct key_rule rule;
	size_t mask, count;
	_Atomic uintptr_t
	    buckets[]; // the first node's address, or 0; words[0] of a node: the next's
};

static struct hashtable_node *follow(const _Atomic uintptr_t *link)
{
	return (struct hashtable_node *)atomic_load_explicit(link, memory_order_acquire);
}

struct hashtable *hashtable_new(enum hashtable_kind kind, ptrdiff_t key_offset,
                                const uint8_t seed[HASHTABLE_SEED_BYTES])
{
	size_t buckets = kind == HASHTABLE_INDICES ? INDEX_BUCKETS : KEY_BUCKETS;
	struct hashtable *t = calloc(1, sizeof(*t) + buckets * sizeof(t->buckets[0]));

	if (!t)
		return NULL;
	t->rule = (struct key_rule){.offset = key_offset, .kind = kind};
	memcpy(t->rule.seed, seed, HASHTABLE_SEED_BYTES);
	t->mask = buckets - 1;
	return t;
}

void hashtable_free(struct hashtable *t)
{
	free(t);
}

FOR_EACH_KIND struct hashtable_node *find(const struct hashtable *t, const void *key,
                                          enum hashtable_kind kind)
{
	const _Atomic uintptr_t *link = &t->buckets[key_hash(&t->rule, key, kind) & t->mask];
	struct hashtable_node *node;

	for (; (node = follow(link)); link = &node->words[0])
		if (key_equal(&t->rule, node, key, kind))
			return node;
	return NULL;
}

struct hashtable_node *hashtable_lookup(const struct hashtable *t, const void *key)
{
	if (t->rule.kind == HASHTABLE_INDICES)
		return find(t, key, HASHTABLE_INDICES);
	return find(t, key, HASHTABLE_KEYS);
}

static _Atomic uintptr_t *bucket_of(struct hashtable *t, const struct hashtable_node *node)
{
	return &t->buckets[key_hash(&t->rule, key_of(&t->rule, node), t->rule.kind) & t->mask];
}

int hashtable_insert(struct hashtable *t, struct hashtable_node *node)
{
	_Atomic uintptr_t *bucket = bucket_of(t, node);

	if (hashtable_lookup(t, key_of(&t->rule, node)))
		return -EEXIST;
	atomic_store_explicit(&node->words[0], atomic_load_explicit(bucket, memory_order_relaxed),
	                      memory_order_relaxed);
	atomic_store_explicit(bucket, (uintptr_t)node, memory_order_release);
	t->count++;
	return 0;
}

// Lets `to`, a node's address or 0, follow instead of the node; the node itself goes on pointing
// onwards for the lookups that stand on it.
static void redirect(struct hashtable *t, struct hashtable_node *node, uintptr_t to)
{
	_Atomic uintptr_t *link = bucket_of(t, node);
	struct hashtable_node *at;

	while ((at = follow(link)) != node)
		link = &at->words[0];
	atomic_store_explicit(link, to, memory_order_release);
}

void hashtable_replace(struct hashtable *t, struct hashtable_node *old, struct hashtable_node *node)
{
	atomic_store_explicit(&node->words[0],
	                      atomic_load_explicit(&old->words[0], memory_order_relaxed),
	                      memory_order_relaxed);
	redirect(t, old, (uintptr_t)node);
}

void hashtable_remove(struct hashtable *t, struct hashtable_node *node)
{
	redirect(t, node, atomic_load_explicit(&node->words[0], memory_order_relaxed));
	t->count--;
}

bool hashtable_quiesce(struct hashtable *t)
{
	(void)t;
	return false;
}

size_t hashtable_count(const struct hashtable *t)
{
	return t->count;
}

size_t hashtable_bytes(const struct hashtable *t)
{
	return sizeof(*t) + (t->mask + 1) * sizeof(t->buckets[0]);
}
