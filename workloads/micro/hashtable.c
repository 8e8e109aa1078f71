// Tables of public keys and of receiver indices: lookups from a load of 0.1 on the smallest table
// to 2^20 entries, growth, the longest lookups in a table at rest and while it grows, and keys that
// were made to collide.
//
// Every lookup takes another entry at random, as packets of many peers do.
#include "workloads/micro/micro.h"
#include "workloads/micro/hashtable_attack.h"
#include "variants/hashtable/hashtable.h"
#include "workloads/traffic/histogram.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

const char *const micro_slot = "hashtable", *const micro_variant = hashtable_variant;

enum {
	ENTRIES_MAX = 1 << 20, // the kernel's limit of peers
	ORDER = 1 << 16,       // of lookups, round and round
	KEY_BYTES = 32,
	POISON_BITS = 13, // of the hash: as many as a table of that size looks at
	POISONED_MAX = 20000,
	POISONED_AMONG = 10000,
	RESTING_LOOKUPS = 1 << 17, // 13 above their p99.99
};

// 0.1 of 2^11 buckets, 0.5, 1, and far beyond. Where buckets don't grow, making the largest table
// takes half a minute: those that are made again and again stay below.
static const int64_t sizes[] = {205, 1024, 2048, 20480, 204800, ENTRIES_MAX},
                     made_sizes[] = {205, 1024, 2048, 20480, 204800},
                     growing_sizes[] = {2048, 20480, 204800, ENTRIES_MAX};

struct entry {
	struct hashtable_node node;
	union {
		uint8_t key[KEY_BYTES];
		uint32_t index;
	};
};

// The attacker knows the first four bytes, which are all that a seed of 32 bits has.
static const uint32_t known_seed = 0x5eed;

struct kind {
	enum hashtable_kind kind;
	const char *name;
};
static const struct kind keys = {HASHTABLE_KEYS, "keys"}, indices = {HASHTABLE_INDICES, "indices"};

static struct {
	const struct kind *kind; // NULL: there is no table
	size_t n;
	struct entry *entries;
	struct hashtable *table;
} made;

static struct hashtable *new_table(const struct kind *kind)
{
	uint8_t seed[HASHTABLE_SEED_BYTES] = {0, 0, 0, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1};

	memcpy(seed, &known_seed, sizeof(known_seed));
	return hashtable_new(kind->kind, offsetof(struct entry, key) - offsetof(struct entry, node),
	                     seed);
}

// Distinct entries: random bytes around the number.
static struct entry *make_entries(size_t n, const struct kind *kind)
{
	struct entry *entries = micro_allocate(n * sizeof(*entries));
	uint64_t random = kind->kind + 1;

	for (size_t i = 0; i < n; i++) {
		if (kind->kind == HASHTABLE_INDICES) {
			// An odd multiplier permutes the 32-bit numbers.
			entries[i].index = (uint32_t)i * 0x9e3779b1 + 0x7f4a7c15;
			continue;
		}
		for (size_t at = 0; at < KEY_BYTES; at += sizeof(uint64_t)) {
			uint64_t word = at ? random_next(&random) : i;
			memcpy(entries[i].key + at, &word, sizeof(word));
		}
	}
	return entries;
}

static void drop(void)
{
	hashtable_free(made.table);
	free(made.entries);
	memset(&made, 0, sizeof(made));
}

// Also carries a resize to its end: what lookups meet is a table at rest.
static bool insert(struct hashtable *table, struct entry *entries, size_t n)
{
	bool inserted = true;

	for (size_t i = 0; i < n; i++) {
		inserted = inserted && !hashtable_insert(table, &entries[i].node);
		hashtable_quiesce(table);
	}
	while (hashtable_quiesce(table))
		;
	return inserted;
}

static void make_table(struct cbenchmark_state *state, void *context)
{
	size_t n = cbenchmark_argument(state, 0);

	if (made.kind == context && made.n == n)
		return;
	drop();
	made.kind = context;
	made.n = n;
	made.entries = make_entries(n, made.kind);
	made.table = new_table(made.kind);
	if (!made.table || !insert(made.table, made.entries, n))
		cbenchmark_skip(state, "the table can't be made");
}

static void look_up(struct cbenchmark_state *state, void *context)
{
	static const void *order[ORDER];
	uint64_t random = made.n;
	const void *found = NULL;
	size_t next = 0;

	(void)context;
	for (size_t i = 0; i < ORDER; i++)
		order[i] = made.entries[random_below(&random, made.n)].key;
	while (cbenchmark_keep_running_batch(state, MICRO_BATCH))
		for (size_t i = 0; i < MICRO_BATCH; i++) {
			found = hashtable_lookup(made.table, order[next++ % ORDER]);
			MICRO_USE(found);
		}
	if (!found)
		cbenchmark_skip(state, "an entry of the table isn't found");
	cbenchmark_set_counter(state, "bytes_per_entry",
	                       (double)hashtable_bytes(made.table) / made.n, CBENCHMARK_TOTAL);
}

static void tell_lookups(struct cbenchmark_state *state, const struct histogram *lookups)
{
	cbenchmark_set_counter(state, "p50_ns", histogram_quantile(lookups, 0.5), CBENCHMARK_TOTAL);
	cbenchmark_set_counter(state, "p99.99_ns", histogram_quantile(lookups, 0.9999),
	                       CBENCHMARK_TOTAL);
	cbenchmark_set_counter(state, "max_ns", lookups->max_ns, CBENCHMARK_TOTAL);
}

// Each lookup by itself, with the clock in it, to be compared with those while the table grows.
static void look_up_resting(struct cbenchmark_state *state, void *context)
{
	struct histogram *lookups = micro_allocate(sizeof(*lookups));
	uint64_t random = made.n;

	(void)context;
	while (cbenchmark_keep_running_batch(state, MICRO_BATCH)) {
		uint64_t sum = 0;

		for (size_t i = 0; i < MICRO_BATCH; i++) {
			const void *key = made.entries[random_below(&random, made.n)].key;
			uint64_t began = micro_now_ns();
			const void *found = hashtable_lookup(made.table, key);
			uint64_t took = micro_now_ns() - began;

			histogram_add(lookups, took);
			sum += took;
			if (!found)
				cbenchmark_skip(state, "an entry of the table isn't found");
		}
		cbenchmark_set_iteration_time(state, sum / 1e9);
	}
	tell_lookups(state, lookups);
	free(lookups);
}

// ---- growth from empty: the writer's cost for each entry, its share of resizing in it

static void grow(struct cbenchmark_state *state, void *context)
{
	size_t n = cbenchmark_argument(state, 0);
	struct entry *entries = make_entries(n, context);

	while (cbenchmark_keep_running_batch(state, n)) {
		struct hashtable *table = new_table(context);
		uint64_t began = micro_now_ns();

		if (!table || !insert(table, entries, n))
			cbenchmark_skip(state, "the table can't be made");
		cbenchmark_set_iteration_time(state, (micro_now_ns() - began) / 1e9);
		hashtable_free(table);
	}
	free(entries);
}

// ---- one lookup after each insertion, with every resize that happens on the way half done: no
// lookup may wait for a whole one. Each is timed by itself, so some 20 ns of the clock are in it.

static void look_up_growing(struct cbenchmark_state *state, void *context)
{
	size_t n = cbenchmark_argument(state, 0);
	struct entry *entries = make_entries(n, context);
	struct histogram *lookups = micro_allocate(sizeof(*lookups));
	struct histogram *writes = micro_allocate(sizeof(*writes));
	uint64_t random = n;

	while (cbenchmark_keep_running_batch(state, n)) {
		struct hashtable *table = new_table(context);
		uint64_t sum = 0;

		for (size_t i = 0; i < n && table; i++) {
			const void *key = entries[random_below(&random, i + 1)].key;
			uint64_t began = micro_now_ns();
			bool inserted = !hashtable_insert(table, &entries[i].node);
			hashtable_quiesce(table);
			uint64_t written = micro_now_ns();
			const void *found = hashtable_lookup(table, key);
			uint64_t ended = micro_now_ns();

			histogram_add(writes, written - began);
			histogram_add(lookups, ended - written);
			sum += ended - written;
			if (!inserted || !found)
				cbenchmark_skip(state, "an entry of the table isn't found");
		}
		cbenchmark_set_iteration_time(state, sum / 1e9);
		hashtable_free(table);
	}
	tell_lookups(state, lookups);
	cbenchmark_set_counter(state, "insert_p99.99_ns", histogram_quantile(writes, 0.9999),
	                       CBENCHMARK_TOTAL);
	cbenchmark_set_counter(state, "insert_max_ns", writes->max_ns, CBENCHMARK_TOTAL);
	free(lookups);
	free(writes);
	free(entries);
}

// ---- keys of an attacker who knows four bytes of the seed, among 10,000 others: the cost of
// looking these keys up

static void poison(struct cbenchmark_state *state, void *context)
{
	static uint8_t poisoned[POISONED_MAX][HASHTABLE_ATTACK_KEY_BYTES];
	static const uint8_t base[HASHTABLE_ATTACK_KEY_BYTES] = {[31] = 1};
	static size_t known;
	size_t n = cbenchmark_argument(state, 0);

	// Each takes 2^POISON_BITS hashes to find.
	if (known < n)
		hashtable_attack_keys(known_seed, POISON_BITS, base, poisoned, n);
	known = known < n ? n : known;
	drop();
	made.kind = context;
	made.n = n + POISONED_AMONG;
	made.entries = make_entries(made.n, made.kind);
	for (size_t i = 0; i < n; i++)
		memcpy(made.entries[i].key, poisoned[i], KEY_BYTES);
	made.table = new_table(made.kind);
	if (!made.table || !insert(made.table, made.entries, made.n))
		cbenchmark_skip(state, "the table can't be made");
}

static void unpoison(struct cbenchmark_state *state, void *context)
{
	(void)state;
	(void)context;
	drop();
}

static void look_up_poisoned(struct cbenchmark_state *state, void *context)
{
	size_t n = cbenchmark_argument(state, 0), next = 0;
	const void *found = NULL;

	(void)context;
	while (cbenchmark_keep_running_batch(state, POISONED_MAX))
		for (size_t i = 0; i < POISONED_MAX; i++) {
			found = hashtable_lookup(made.table, made.entries[next++ % n].key);
			MICRO_USE(found);
		}
	if (!found)
		cbenchmark_skip(state, "an entry of the table isn't found");
}

void micro_register(void)
{
	static const int64_t poisoned[] = {1, 10, 100, 1000, 10000, POISONED_MAX};
	struct cbenchmark entry = {.dimension = {CBENCHMARK_VALUES("entries", sizes)}};

	entry.setup = make_table;
	entry.run = look_up;
	entry.name = "lookup_keys";
	entry.context = (void *)&keys;
	micro_add(&entry);
	entry.name = "lookup_indices";
	entry.context = (void *)&indices;
	micro_add(&entry);

	entry.time = CBENCHMARK_MANUAL_TIME;
	entry.context = (void *)&keys;
	entry.name = "lookup_resting_keys";
	entry.run = look_up_resting;
	entry.iterations = RESTING_LOOKUPS;
	entry.dimension[0] =
	    (struct cbenchmark_dimension)CBENCHMARK_VALUES("entries", growing_sizes);
	micro_add(&entry);

	entry.iterations = 0;
	entry.setup = NULL;
	entry.dimension[0] = (struct cbenchmark_dimension)CBENCHMARK_VALUES("entries", made_sizes);
	entry.name = "grow_keys";
	entry.run = grow;
	micro_add(&entry);
	entry.dimension[0] =
	    (struct cbenchmark_dimension)CBENCHMARK_VALUES("entries", growing_sizes);
	entry.name = "lookup_growing_keys";
	entry.run = look_up_growing;
	micro_add(&entry);

	micro_add(&(struct cbenchmark){.name = "lookup_poisoned_keys",
	                               .run = look_up_poisoned,
	                               .context = (void *)&keys,
	                               .setup = poison,
	                               .teardown = unpoison,
	                               .dimension = {CBENCHMARK_VALUES("poisoned", poisoned)}});
}
