// Hash table variant `urcu`: the userspace RCU library's lock-free table, a list in the order of
// the reversed hash into which buckets point (split-ordered). The reference that our own tables are
// measured against.
//
// Complexity: a lookup reads one bucket and then a node or two. The change that goes beyond one
// entry a bucket, or below 3/10, resizes the whole table before it returns. The library would do so
// by itself on a thread of its own, which unblocks SIGUSR1 whatever it inherits: the tunnel, which
// takes that signal by a descriptor, was killed by it.
// Memory: 16 bytes a bucket, hence 16 to 54 an entry, without what the library's header takes.
// Thread safety: that of the contract. Yet in the tunnel, where a change keeps the path out,
// lookups wait for a resize. They are in read-side sections of the flavour `bp`, for which no
// thread needs to register: these keep the buckets valid, and the contract's rule keeps the nodes.
// Source: liburcu, rculfhash.h (Desnoyers and Jiangshan); Shalev and Shavit, 2006.
// link: -lurcu-cds -lurcu-bp

// Read-side sections are calls: inline (_LGPL_SOURCE) they reach into a struct that the library
// aligns to less than its type says, which the sanitizer for undefined behaviour refuses.
#define URCU_API_MAP
#include <urcu/urcu-bp.h>
#include <urcu/rculfhash.h>
#include "variants/hashtable/hashtable.h"
#include "variants/hashtable/key.h"

#include <errno.h>
#include <stdlib.h>

// ThreadSanitizer doesn't see into the library. It's told of the one order that the library
// guarantees, from an insertion to whoever finds the node, and to pass over what the library
// allocates, frees and locks itself. So what it checks here is our use of it, not the library.
#ifdef __SANITIZE_THREAD__
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#ifdef HAS_TSAN
#include <sanitizer/tsan_interface.h>
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "called_from_lib:liburcu-cds.so\n";
}
#else
#define __tsan_release(address) ((void)(address))
#define __tsan_acquire(address) ((void)(address))
#endif

const char hashtable_variant[] = "urcu";
const unsigned hashtable_seed_bits = 128;

enum { BUCKETS_MIN = 32 };

_Static_assert(sizeof(struct cds_lfht_node) <= sizeof(struct hashtable_node), "it lies in there");
_Static_assert(_Alignof(struct cds_lfht_node) <= _Alignof(struct hashtable_node), "");

struct hashtable {
	struct cds_lfht *table;
	struct key_rule rule;
	size_t count, buckets;
};

struct sought {
	const struct key_rule *rule;
	const void *key;
};

static struct hashtable_node *outer(struct cds_lfht_node *node)
{
	return (struct hashtable_node *)node;
}

static struct cds_lfht_node *inner(struct hashtable_node *node)
{
	return (struct cds_lfht_node *)node;
}

static int match_key(struct cds_lfht_node *node, const void *context)
{
	const struct sought *s = context;

	__tsan_acquire(node);
	return key_equal(s->rule, outer(node), s->key, HASHTABLE_KEYS);
}

static int match_index(struct cds_lfht_node *node, const void *context)
{
	const struct sought *s = context;

	__tsan_acquire(node);
	return key_equal(s->rule, outer(node), s->key, HASHTABLE_INDICES);
}

struct hashtable *hashtable_new(enum hashtable_kind kind, ptrdiff_t key_offset,
                                const uint8_t seed[HASHTABLE_SEED_BYTES])
{
	struct hashtable *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->rule = (struct key_rule){.offset = key_offset, .kind = kind};
	memcpy(t->rule.seed, seed, HASHTABLE_SEED_BYTES);
	t->buckets = BUCKETS_MIN;
	t->table = cds_lfht_new(BUCKETS_MIN, BUCKETS_MIN, 0, 0, NULL);
	if (!t->table) {
		free(t);
		return NULL;
	}
	return t;
}

void hashtable_free(struct hashtable *t)
{
	struct cds_lfht_iter i;
	struct cds_lfht_node *node;

	if (!t)
		return;
	// The library frees an empty table only.
	rcu_read_lock();
	cds_lfht_for_each(t->table, &i, node) cds_lfht_del(t->table, node);
	rcu_read_unlock();
	cds_lfht_destroy(t->table, NULL);
	free(t);
}

static void fit(struct hashtable *t)
{
	size_t buckets = t->buckets;

	if (t->count > buckets)
		buckets *= 2;
	else if (buckets > BUCKETS_MIN && t->count < buckets * 3 / 10)
		buckets /= 2;
	if (buckets == t->buckets)
		return;
	t->buckets = buckets;
	cds_lfht_resize(t->table, buckets);
}

FOR_EACH_KIND struct hashtable_node *find(const struct hashtable *t, const void *key,
                                          struct cds_lfht_iter *i, enum hashtable_kind kind)
{
	struct sought s = {.rule = &t->rule, .key = key};

	cds_lfht_lookup(t->table, key_hash(&t->rule, key, kind),
	                kind == HASHTABLE_INDICES ? match_index : match_key, &s, i);
	return outer(cds_lfht_iter_get_node(i));
}

struct hashtable_node *hashtable_lookup(const struct hashtable *t, const void *key)
{
	struct cds_lfht_iter i;
	struct hashtable_node *node;

	rcu_read_lock();
	node = t->rule.kind == HASHTABLE_INDICES ? find(t, key, &i, HASHTABLE_INDICES)
	                                         : find(t, key, &i, HASHTABLE_KEYS);
	rcu_read_unlock();
	return node;
}

int hashtable_insert(struct hashtable *t, struct hashtable_node *node)
{
	struct sought s = {.rule = &t->rule, .key = key_of(&t->rule, node)};
	bool index = t->rule.kind == HASHTABLE_INDICES;
	struct cds_lfht_node *there;

	__tsan_release(node);
	rcu_read_lock();
	there = cds_lfht_add_unique(t->table, key_hash(&t->rule, s.key, t->rule.kind),
	                            index ? match_index : match_key, &s, inner(node));
	rcu_read_unlock();
	if (there != inner(node))
		return -EEXIST;
	t->count++;
	fit(t);
	return 0;
}

void hashtable_replace(struct hashtable *t, struct hashtable_node *old, struct hashtable_node *node)
{
	struct sought s = {.rule = &t->rule, .key = key_of(&t->rule, node)};
	bool index = t->rule.kind == HASHTABLE_INDICES;
	struct cds_lfht_iter i;

	(void)old; // the only one of this key
	__tsan_release(node);
	rcu_read_lock();
	find(t, s.key, &i, t->rule.kind);
	cds_lfht_replace(t->table, &i, key_hash(&t->rule, s.key, t->rule.kind),
	                 index ? match_index : match_key, &s, inner(node));
	rcu_read_unlock();
}

void hashtable_remove(struct hashtable *t, struct hashtable_node *node)
{
	rcu_read_lock();
	cds_lfht_del(t->table, inner(node));
	rcu_read_unlock();
	t->count--;
	fit(t);
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
	return sizeof(*t) + t->buckets * sizeof(struct cds_lfht_node);
}
