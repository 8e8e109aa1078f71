// The table that `resizable` and `seed32` share: an open-addressed array of chunks, each one cache
// line of seven slots and a word with seven tags, one byte of the hash for each slot. A lookup
// compares all tags of a chunk at once and follows only slots whose tag agrees. The eighth byte
// counts the entries that found the chunk full and went on to the next: at 0 a search ends.
//
// A resize makes a second array, linked behind the first. Every change moves two chunks' entries
// over, so that the move has ended before the load asks for another: growth beyond 3/4 of the slots
// (n chunks) moves in n/2 changes and the next is due after 21n/4; a shrink below 3/10 moves in n/2
// and leaves room for 21n/40. A lookup searches the arrays in order. An entry is put into the
// second before it's taken out of the first, hence is seen in one of them.
//
// A variant says how much of the seed it uses (USED_SEED_BYTES) and includes this body once.
//
// Complexity: a lookup that hits reads one chunk and one key, save for the overflow (a sixth of
// the chunks at 3/4) and for a tag that agrees by chance (5 of 255). During a resize twice as much
// at worst. A change costs two chunks' moves more, whatever the size. Removal never reorders.
// Memory: 64 bytes for 7 slots: 12 to 31 bytes an entry. With both arrays of a resize it's 37 as
// growth begins, and up to 60 as a shrink ends.
// Large arrays are mapped, so that the kernel clears them page by page as they fill, and unmapped
// piece by piece: neither clearing nor freeing stops anybody for longer than PIECE_BYTES take.
// Thread safety: that of the contract. Lookups only load; tags are the last to be stored and the
// first to be cleared.
// Source: F14 (Bronson and Shi, Meta, 2019) for the chunks with an overflow count; the kernel's
// rhashtable for the linked arrays and the bounds of the load.
#include "variants/hashtable/hashtable.h"
#include "variants/hashtable/key.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	LINE_BYTES = 64,
	SLOTS = 7,
	CHUNKS_MIN = 4,
	CHUNKS_PER_CHANGE = 2,
	PIECE_BYTES = 64 << 10,
};

#define EVERY_BYTE UINT64_C(0x0101010101010101)
#define TAG_BYTES UINT64_C(0x00ffffffffffffff)
#define OVERFLOW_ONE (UINT64_C(1) << 56)
#define OVERFLOW_MAX UINT64_C(255) // that many or more: from then on it stays

const unsigned hashtable_seed_bits = 8 * USED_SEED_BYTES;

struct chunk {
	_Alignas(LINE_BYTES) _Atomic uint64_t tags; // of slot i: bits 8i to 8i+7, 0: empty
	_Atomic(struct hashtable_node *) slots[SLOTS];
};

struct array {
	_Atomic(struct array *) next; // where its entries are moved; NULL: they aren't
	size_t mask;                  // chunks - 1
	size_t bytes;
	bool mapped;
	struct array *behind; // in the list of those retired
	struct chunk chunks[];
};

struct hashtable {
	_Atomic(struct array *) oldest;
	struct key_rule rule;
	// The writer's.
	_Alignas(LINE_BYTES) struct array *newest; // the same as oldest when nothing is moved
	size_t moved;                              // chunks of the oldest that are empty
	size_t count;
	size_t bytes;
	struct array *retired; // a lookup may still be inside
	struct array *garbage; // none is
};

// ---- hashes: the low bits choose the chunk, the highest byte is the tag

static inline unsigned tag_of(uint64_t hash)
{
	unsigned tag = hash >> 56;

	return tag + !tag;
}

// The high bit of each byte of a slot's tag that equals this one; exact, since the slot of an empty
// tag may hold what was freed.
static inline uint64_t agreeing(uint64_t tags, unsigned tag)
{
	uint64_t low = EVERY_BYTE * 0x7f, x = tags ^ EVERY_BYTE * tag;

	return ~(((x & low) + low) | x | low) & TAG_BYTES;
}

static inline unsigned slot_of(uint64_t agreeing)
{
	return __builtin_ctzll(agreeing) / 8;
}

static uint64_t hash_of(const struct hashtable_node *node)
{
	return atomic_load_explicit(&node->words[0], memory_order_relaxed);
}

static uint64_t tags_of(const struct chunk *c)
{
	return atomic_load_explicit(&c->tags, memory_order_relaxed);
}

static struct hashtable_node *node_at(const struct chunk *c, unsigned slot)
{
	return atomic_load_explicit(&c->slots[slot], memory_order_relaxed);
}

// ---- arrays

static size_t slots_in(const struct array *a)
{
	return (a->mask + 1) * SLOTS;
}

static struct array *array_new(struct hashtable *t, size_t chunks)
{
	size_t bytes = sizeof(struct array) + chunks * sizeof(struct chunk);
	bool mapped = bytes > PIECE_BYTES;
	struct array *a;

	if (mapped) {
		size_t page = sysconf(_SC_PAGESIZE);
		bytes = (bytes + page - 1) & -page;
		a = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (a == MAP_FAILED)
			return NULL;
	} else {
		a = aligned_alloc(LINE_BYTES, bytes);
		if (!a)
			return NULL;
		memset(a, 0, bytes);
	}
	a->mask = chunks - 1;
	a->bytes = bytes;
	a->mapped = mapped;
	t->bytes += bytes;
	return a;
}

// Frees a piece from the end of the first array in the list, or all of a small one.
static void free_piece(struct hashtable *t, struct array **list)
{
	struct array *a = *list;
	size_t piece = a->mapped && a->bytes > PIECE_BYTES ? PIECE_BYTES : a->bytes;
	char *end = (char *)a + a->bytes;

	t->bytes -= piece;
	a->bytes -= piece;
	if (!a->bytes)
		*list = a->behind;
	if (!a->mapped)
		free(a);
	else
		munmap(end - piece, piece);
}

// The chunk's tags, by an access that writes, also what was there. A page that is read first is the
// kernel's zero page, and to replace it at the first write interrupts every other CPU: 5.6 us in
// one of a thousand lookups beside a growing table.
static uint64_t claim(struct chunk *c)
{
	uint64_t tags = 0;

	atomic_compare_exchange_strong_explicit(&c->tags, &tags, 0, memory_order_relaxed,
	                                        memory_order_relaxed);
	return tags;
}

// There is an empty slot.
static void place(struct array *a, struct hashtable_node *node, uint64_t hash)
{
	for (size_t i = hash & a->mask;; i = (i + 1) & a->mask) {
		struct chunk *c = &a->chunks[i];
		uint64_t tags = claim(c), empty = agreeing(tags, 0);

		if (empty) {
			unsigned slot = slot_of(empty);
			atomic_store_explicit(&c->slots[slot], node, memory_order_release);
			tags |= (uint64_t)tag_of(hash) << 8 * slot;
			atomic_store_explicit(&c->tags, tags, memory_order_release);
			return;
		}
		if (tags >> 56 < OVERFLOW_MAX)
			atomic_store_explicit(&c->tags, tags + OVERFLOW_ONE, memory_order_relaxed);
	}
}

// The chunk and slot that hold the node, or NULL.
static struct chunk *locate(struct array *a, const struct hashtable_node *node, unsigned *slot)
{
	uint64_t hash = hash_of(node);
	size_t i = hash & a->mask;

	for (size_t left = a->mask + 1; left; left--, i = (i + 1) & a->mask) {
		struct chunk *c = &a->chunks[i];
		uint64_t tags = tags_of(c), m = agreeing(tags, tag_of(hash));

		for (; m; m &= m - 1) {
			*slot = slot_of(m);
			if (node_at(c, *slot) == node)
				return c;
		}
		if (!(tags >> 56))
			break;
	}
	return NULL;
}

// Takes the node out of the slot, and out of the counts of the chunks that it passed.
static void take_out(struct array *a, const struct hashtable_node *node, struct chunk *from,
                     unsigned slot)
{
	atomic_store_explicit(&from->tags, tags_of(from) & ~(UINT64_C(0xff) << 8 * slot),
	                      memory_order_release);
	for (size_t i = hash_of(node) & a->mask; &a->chunks[i] != from; i = (i + 1) & a->mask) {
		struct chunk *c = &a->chunks[i];
		uint64_t tags = tags_of(c);

		if (tags >> 56 < OVERFLOW_MAX)
			atomic_store_explicit(&c->tags, tags - OVERFLOW_ONE, memory_order_relaxed);
	}
}

// ---- resizing

// Counts stay as they were in the array that is left: a search there may only go on for longer.
static void move_chunk(struct array *to, struct chunk *c)
{
	uint64_t tags = tags_of(c), taken = ~agreeing(tags, 0) & EVERY_BYTE << 7 & TAG_BYTES;

	for (uint64_t m = taken; m; m &= m - 1)
		__builtin_prefetch(node_at(c, slot_of(m)));
	for (uint64_t m = taken; m; m &= m - 1) {
		struct hashtable_node *node = node_at(c, slot_of(m));
		place(to, node, hash_of(node));
	}
	atomic_store_explicit(&c->tags, tags & ~TAG_BYTES, memory_order_release);
}

static void resize(struct hashtable *t, size_t chunks)
{
	struct array *to = array_new(t, chunks);

	// Without memory a larger array is asked for again by the next change, and a full one
	// refuses.
	if (!to)
		return;
	atomic_store_explicit(&t->newest->next, to, memory_order_release);
	t->newest = to;
	t->moved = 0;
}

// A bounded step of what a change has to do for the size.
static void carry_on(struct hashtable *t)
{
	struct array *from = atomic_load_explicit(&t->oldest, memory_order_relaxed);
	size_t chunks = from->mask + 1;

	if (from != t->newest) {
		for (int i = 0; i < CHUNKS_PER_CHANGE && t->moved < chunks; i++)
			move_chunk(t->newest, &from->chunks[t->moved++]);
		if (t->moved < chunks)
			return;
		atomic_store_explicit(&t->oldest, t->newest, memory_order_release);
		from->behind = t->retired;
		t->retired = from;
	} else if (t->count > slots_in(from) / 4 * 3) {
		resize(t, 2 * chunks);
	} else if (chunks > CHUNKS_MIN && t->count < slots_in(from) * 3 / 10) {
		resize(t, chunks / 2);
	}
}

// ---- the contract

struct hashtable *hashtable_new(enum hashtable_kind kind, ptrdiff_t key_offset,
                                const uint8_t seed[HASHTABLE_SEED_BYTES])
{
	struct hashtable *t = aligned_alloc(LINE_BYTES, sizeof(*t));

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->rule = (struct key_rule){.offset = key_offset, .kind = kind};
	memcpy(t->rule.seed, seed, USED_SEED_BYTES);
	t->bytes = sizeof(*t);
	t->newest = array_new(t, CHUNKS_MIN);
	if (!t->newest) {
		free(t);
		return NULL;
	}
	atomic_init(&t->oldest, t->newest);
	return t;
}

void hashtable_free(struct hashtable *t)
{
	if (!t)
		return;
	struct array *a = atomic_load_explicit(&t->oldest, memory_order_relaxed);
	a->behind = a == t->newest ? NULL : t->newest;
	while (a)
		free_piece(t, &a);
	while (t->retired)
		free_piece(t, &t->retired);
	while (t->garbage)
		free_piece(t, &t->garbage);
	free(t);
}

// Acquire throughout: of a slot for the node's key, and of tags for what the writer had done before
// it cleared one, namely that the entry is in the next array.
FOR_EACH_KIND struct hashtable_node *search(const struct hashtable *t, const struct array *a,
                                            const void *key, uint64_t hash,
                                            enum hashtable_kind kind)
{
	unsigned tag = tag_of(hash);
	size_t i = hash & a->mask;

	for (size_t left = a->mask + 1; left; left--, i = (i + 1) & a->mask) {
		const struct chunk *c = &a->chunks[i];
		uint64_t tags = atomic_load_explicit(&c->tags, memory_order_acquire);

		for (uint64_t m = agreeing(tags, tag); m; m &= m - 1) {
			struct hashtable_node *node =
			    atomic_load_explicit(&c->slots[slot_of(m)], memory_order_acquire);
			if (key_equal(&t->rule, node, key, kind))
				return node;
		}
		if (!(tags >> 56))
			break;
	}
	return NULL;
}

FOR_EACH_KIND struct hashtable_node *find(const struct hashtable *t, const void *key,
                                          enum hashtable_kind kind)
{
	uint64_t hash = key_hash(&t->rule, key, kind);
	const struct array *a = atomic_load_explicit(&t->oldest, memory_order_acquire);

	do {
		struct hashtable_node *node = search(t, a, key, hash, kind);
		if (node)
			return node;
		a = atomic_load_explicit(&a->next, memory_order_acquire);
	} while (a);
	return NULL;
}

struct hashtable_node *hashtable_lookup(const struct hashtable *t, const void *key)
{
	if (t->rule.kind == HASHTABLE_INDICES)
		return find(t, key, HASHTABLE_INDICES);
	return find(t, key, HASHTABLE_KEYS);
}

int hashtable_insert(struct hashtable *t, struct hashtable_node *node)
{
	const void *key = key_of(&t->rule, node);
	uint64_t hash = key_hash(&t->rule, key, t->rule.kind);

	carry_on(t);
	claim(&t->newest->chunks[hash & t->newest->mask]);
	if (hashtable_lookup(t, key))
		return -EEXIST;
	if (t->count >= slots_in(t->newest))
		return -ENOMEM;
	atomic_store_explicit(&node->words[0], hash, memory_order_relaxed);
	place(t->newest, node, hash);
	t->count++;
	return 0;
}

// The array that holds the node.
static struct array *holder(struct hashtable *t, const struct hashtable_node *node,
                            struct chunk **chunk, unsigned *slot)
{
	struct array *a = atomic_load_explicit(&t->oldest, memory_order_relaxed);

	while (!(*chunk = locate(a, node, slot)))
		a = atomic_load_explicit(&a->next, memory_order_relaxed);
	return a;
}

void hashtable_replace(struct hashtable *t, struct hashtable_node *old, struct hashtable_node *node)
{
	struct chunk *chunk;
	unsigned slot;

	holder(t, old, &chunk, &slot);
	atomic_store_explicit(&node->words[0], hash_of(old), memory_order_relaxed);
	atomic_store_explicit(&chunk->slots[slot], node, memory_order_release);
}

void hashtable_remove(struct hashtable *t, struct hashtable_node *node)
{
	struct chunk *chunk;
	unsigned slot;
	struct array *a = holder(t, node, &chunk, &slot);

	take_out(a, node, chunk, slot);
	t->count--;
	carry_on(t);
}

bool hashtable_quiesce(struct hashtable *t)
{
	if (t->garbage) {
		free_piece(t, &t->garbage);
	} else {
		t->garbage = t->retired;
		t->retired = NULL;
	}
	carry_on(t);
	return t->garbage || t->retired ||
	       atomic_load_explicit(&t->oldest, memory_order_relaxed) != t->newest;
}

size_t hashtable_count(const struct hashtable *t)
{
	return t->count;
}

size_t hashtable_bytes(const struct hashtable *t)
{
	return t->bytes;
}
