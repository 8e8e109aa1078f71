// Contract of the slot `hashtable`, for every variant: random operations on both kinds of key
// against an array that is as naive as can be, while the table grows and shrinks; lookups on other
// threads beside it; the memory; and the attack on the seed.
#include "variants/hashtable/hashtable.h"
#include "workloads/micro/hashtable_attack.h"
#include "tests/support/support.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct object {
	uint32_t before; // the key need not follow the node, nor the node come first
	union {
		uint8_t key[32];
		uint32_t index;
	};
	struct hashtable_node node;
	unsigned number;
};

static const ptrdiff_t key_offset =
    (ptrdiff_t)offsetof(struct object, key) - (ptrdiff_t)offsetof(struct object, node);

static struct object *object_of(struct hashtable_node *node)
{
	return node ? (struct object *)((char *)node - offsetof(struct object, node)) : NULL;
}

// The objects' keys, no two alike; half of the indices differ only above their low 16 bits.
static struct object *objects_new(struct support_random *random, enum hashtable_kind kind, size_t n)
{
	struct object *objects = calloc(n, sizeof(*objects));

	assert_non_null(objects);
	for (size_t i = 0; i < n; i++) {
		objects[i].number = i;
		if (kind == HASHTABLE_KEYS)
			support_random_fill(random, objects[i].key, sizeof(objects[i].key));
		else
			objects[i].index = i % 2 ? i << 16 | 7 : i;
	}
	return objects;
}

static struct hashtable *table_new(struct support_random *random, enum hashtable_kind kind)
{
	uint8_t seed[HASHTABLE_SEED_BYTES];

	support_random_fill(random, seed, sizeof(seed));
	struct hashtable *t = hashtable_new(kind, key_offset, seed);
	assert_non_null(t);
	return t;
}

static void settle(struct hashtable *t)
{
	while (hashtable_quiesce(t))
		;
}

// ---- one thread

#define OBJECTS 3000

struct world {
	struct support_random random;
	struct hashtable *table;
	struct object *objects, *twins; // a twin has the key of its object
	struct object *inside[OBJECTS]; // who is found by that key: the object, its twin, or nobody
	size_t count;
	unsigned period; // quiesced so often; an object's number is the period in which it left
};

static void check_key(const struct world *w, size_t i)
{
	struct hashtable_node *node = hashtable_lookup(w->table, w->objects[i].key);

	assert_ptr_equal(object_of(node), w->inside[i]);
}

static void quiesce(struct world *w)
{
	hashtable_quiesce(w->table);
	w->period++;
}

// What has left may come in again once the table has been quiescent.
static struct hashtable_node *fit(struct world *w, struct object *o)
{
	if (o->number == w->period)
		quiesce(w);
	return &o->node;
}

static void take_out(struct world *w, size_t i)
{
	hashtable_remove(w->table, &w->inside[i]->node);
	w->inside[i]->number = w->period;
	w->inside[i] = NULL;
	w->count--;
}

static void change(struct world *w, size_t i, bool more)
{
	struct object *o = &w->objects[i], *twin = &w->twins[i], *there = w->inside[i];
	struct object *other = there == o ? twin : o;

	if (!there) {
		if (!more)
			return;
		assert_int_equal(hashtable_insert(w->table, fit(w, o)), 0);
		w->inside[i] = o;
		w->count++;
		return;
	}
	switch (support_random_below(&w->random, more ? 12 : 4)) {
	case 0:
		hashtable_replace(w->table, &there->node, fit(w, other));
		there->number = w->period;
		w->inside[i] = other;
		break;
	case 1:
		assert_int_equal(hashtable_insert(w->table, fit(w, other)), -EEXIST);
		break;
	case 2:
		take_out(w, i);
		break;
	default:
		if (!more)
			take_out(w, i);
	}
}

static void compare_with_array(enum hashtable_kind kind)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	support_random_init(&w->random, support_seed() + kind);
	w->objects = objects_new(&w->random, kind, OBJECTS);
	w->period = 1;
	for (size_t i = 0; i < OBJECTS; i++)
		w->objects[i].number = 0;
	w->twins = malloc(OBJECTS * sizeof(*w->twins));
	assert_non_null(w->twins);
	memcpy(w->twins, w->objects, OBJECTS * sizeof(*w->twins));
	w->table = table_new(&w->random, kind);
	settle(w->table);
	size_t empty_bytes = hashtable_bytes(w->table);

	// Up to a random size and down again, the whole range from none to all among them.
	for (int turn = 0; turn < 12; turn++) {
		size_t high = turn ? 1 + support_random_below(&w->random, OBJECTS) : OBJECTS;
		size_t low = turn % 4 ? support_random_below(&w->random, high) : 0;

		for (int step = 0; step < 12 * OBJECTS; step++) {
			bool more = step < 6 * OBJECTS;
			size_t i = support_random_below(&w->random, OBJECTS);
			if (more ? w->count < high || w->inside[i] : w->count > low)
				change(w, i, more);
			check_key(w, i);
			check_key(w, support_random_below(&w->random, OBJECTS));
			assert_int_equal(hashtable_count(w->table), w->count);
			if (support_random_below(&w->random, 100) == 0)
				quiesce(w);
			if (step % OBJECTS == 0)
				for (size_t j = 0; j < OBJECTS; j++)
					check_key(w, j);
		}
	}
	for (size_t i = 0; i < OBJECTS; i++)
		if (w->inside[i])
			take_out(w, i);
	assert_int_equal(hashtable_count(w->table), 0);
	for (size_t i = 0; i < OBJECTS; i++)
		check_key(w, i);
	settle(w->table);
	assert_int_equal(hashtable_bytes(w->table), empty_bytes);
	hashtable_free(w->table);
	free(w->twins);
	free(w->objects);
	free(w);
}

static void equals_an_array_of_keys(void **state)
{
	(void)state;
	compare_with_array(HASHTABLE_KEYS);
}

static void equals_an_array_of_indices(void **state)
{
	(void)state;
	compare_with_array(HASHTABLE_INDICES);
}

static void is_freed_with_nodes_inside(void **state)
{
	(void)state;
	struct support_random random;

	support_random_init(&random, support_seed());
	for (size_t n = 0; n < 2000; n = 2 * n + 1) {
		struct hashtable *t = table_new(&random, HASHTABLE_KEYS);
		struct object *objects = objects_new(&random, HASHTABLE_KEYS, n);

		for (size_t i = 0; i < n; i++)
			assert_int_equal(hashtable_insert(t, &objects[i].node), 0);
		hashtable_free(t);
		free(objects);
	}
	hashtable_free(NULL);
}

#define ENTRIES 100000
#define ENTRY_BYTES_MAX 64 // of the table's own, from 1000 entries on

static void takes_memory_by_its_entries(void **state)
{
	(void)state;
	struct support_random random;

	support_random_init(&random, support_seed());
	struct hashtable *t = table_new(&random, HASHTABLE_KEYS);
	struct object *objects = objects_new(&random, HASHTABLE_KEYS, ENTRIES);
	size_t empty_bytes = hashtable_bytes(t), most = 0;

	for (size_t i = 0; i < 2 * ENTRIES; i++) {
		size_t n = i < ENTRIES ? i + 1 : 2 * ENTRIES - 1 - i;

		if (i < ENTRIES)
			assert_int_equal(hashtable_insert(t, &objects[i].node), 0);
		else
			hashtable_remove(t, &objects[i - ENTRIES].node);
		hashtable_quiesce(t);
		size_t bytes = hashtable_bytes(t);
		most = bytes > most ? bytes : most;
		// Else it's as large as without entries.
		if (n >= 1000 && bytes > ENTRY_BYTES_MAX * n)
			assert_int_equal(bytes, empty_bytes);
	}
	settle(t);
	assert_int_equal(hashtable_bytes(t), empty_bytes);
	print_message("# %zu bytes when empty, at most %zu with up to %d entries\n", empty_bytes,
	              most, ENTRIES);
	hashtable_free(t);
	free(objects);
}

// ---- lookups beside changes

#define READERS 2
#define LASTING 500
#define COMING 20000
#define TURNS 3
#define CHANGES_A_PERIOD 700

// Objects from LASTING on come and go in the order of their numbers: those below `bound` are
// inside. A turn is one way, up or down.
struct crowd {
	struct hashtable *table;
	struct object *objects;
	uint64_t seed;
	pthread_rwlock_t period; // shared by lookups, exclusive to quiesce
	atomic_size_t bound;
	atomic_uint turn;
	atomic_bool stop;
	atomic_int faults;
	atomic_size_t lookups;
};

struct member {
	struct crowd *crowd;
	unsigned number;
	pthread_t thread;
};

// Whoever is found has the key that was sought; whoever was inside all the time is found.
static void look_up(struct crowd *c, struct support_random *random)
{
	unsigned turn = atomic_load(&c->turn);
	size_t before = atomic_load(&c->bound);
	size_t among = support_random_below(random, 4) ? before : LASTING + COMING;
	size_t i = support_random_below(random, among);
	const struct object *o = &c->objects[i];
	struct object *found = object_of(hashtable_lookup(c->table, o->key));
	size_t after = atomic_load(&c->bound);

	if (found ? found != o || found->number != i
	          : i < before && i < after && turn == atomic_load(&c->turn))
		atomic_fetch_add(&c->faults, 1);
}

static void *read_on(void *context)
{
	struct member *self = context;
	struct crowd *c = self->crowd;
	struct support_random random;

	support_random_init(&random, c->seed + self->number);
	while (!atomic_load(&c->stop)) {
		pthread_rwlock_rdlock(&c->period);
		for (int i = 0; i < 50; i++)
			look_up(c, &random);
		pthread_rwlock_unlock(&c->period);
		atomic_fetch_add(&c->lookups, 50);
	}
	return NULL;
}

// One way, and a grace period every so often. Each side gets on before the other goes on: with one
// CPU the readers might see nothing else but the ends.
static void go(struct crowd *c, bool up)
{
	size_t bound = up ? LASTING : LASTING + COMING;

	for (size_t i = 0; i < COMING; i++) {
		if (up) {
			if (hashtable_insert(c->table, &c->objects[bound].node))
				atomic_fetch_add(&c->faults, 1);
			atomic_store(&c->bound, ++bound);
		} else {
			atomic_store(&c->bound, --bound);
			hashtable_remove(c->table, &c->objects[bound].node);
		}
		if (i % CHANGES_A_PERIOD)
			continue;
		size_t lookups = atomic_load(&c->lookups);
		pthread_rwlock_wrlock(&c->period);
		hashtable_quiesce(c->table);
		// What has gone may be written to by now.
		for (size_t j = bound; !up && j < bound + CHANGES_A_PERIOD && j < LASTING + COMING;
		     j++)
			c->objects[j].number = j;
		pthread_rwlock_unlock(&c->period);
		while (atomic_load(&c->lookups) == lookups)
			sched_yield();
	}
	atomic_fetch_add(&c->turn, 1);
}

static void run_crowd(enum hashtable_kind kind)
{
	struct crowd c = {.seed = support_seed(), .bound = LASTING};
	struct member readers[READERS];
	struct support_random random;
	pthread_rwlockattr_t attributes;

	support_random_init(&random, c.seed);
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&c.period, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	c.table = table_new(&random, kind);
	c.objects = objects_new(&random, kind, LASTING + COMING);
	for (size_t i = 0; i < LASTING; i++)
		assert_int_equal(hashtable_insert(c.table, &c.objects[i].node), 0);
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = (struct member){.crowd = &c, .number = i + 1};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
	}
	for (int turn = 0; turn < TURNS; turn++) {
		go(&c, true);
		go(&c, false);
	}
	atomic_store(&c.stop, true);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);

	assert_int_equal(atomic_load(&c.faults), 0);
	assert_int_equal(hashtable_count(c.table), LASTING);
	hashtable_free(c.table);
	pthread_rwlock_destroy(&c.period);
	free(c.objects);
}

static void readers_see_every_present_key(void **state)
{
	(void)state;
	run_crowd(HASHTABLE_KEYS);
}

static void readers_see_every_present_index(void **state)
{
	(void)state;
	run_crowd(HASHTABLE_INDICES);
}

// ---- the attack

#define VICTIMS 4096
#define ATTACK_BITS 10 // of the hash: a table of VICTIMS entries chooses by no more
#define SEEDS 4096     // that the attacker tries here, of 2^32
#define PAIRS 5

// The least of several passes over all objects: ns a lookup, of the thread's own time.
static double lookup_ns(const struct hashtable *t, struct object *objects)
{
	double best = 1e9;

	for (int pass = 0; pass < 7; pass++) {
		struct timespec begin, end;
		size_t found = 0;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
		for (size_t i = 0; i < VICTIMS; i++)
			found += hashtable_lookup(t, objects[i].key) == &objects[i].node;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		assert_int_equal(found, VICTIMS);
		double ns =
		    ((end.tv_sec - begin.tv_sec) * 1e9 + end.tv_nsec - begin.tv_nsec) / VICTIMS;
		best = ns < best ? ns : best;
	}
	return best;
}

static double lookup_ns_with(struct object *objects, const uint8_t *seed)
{
	struct hashtable *t = hashtable_new(HASHTABLE_KEYS, key_offset, seed);

	assert_non_null(t);
	for (size_t i = 0; i < VICTIMS; i++)
		assert_int_equal(hashtable_insert(t, &objects[i].node), 0);
	settle(t);
	double ns = lookup_ns(t, objects);
	hashtable_free(t);
	return ns;
}

// The first 32 bits of the seed are what is found out: all of it, or a quarter.
static void holds_out_if_its_seed_is_long(void **state)
{
	(void)state;
	struct support_random random;
	uint8_t seed[HASHTABLE_SEED_BYTES], base[HASHTABLE_ATTACK_KEY_BYTES];
	uint8_t(*keys)[HASHTABLE_ATTACK_KEY_BYTES] = malloc(VICTIMS * sizeof(*keys));
	uint32_t known;

	support_random_init(&random, support_seed());
	support_random_fill(&random, seed, sizeof(seed));
	support_random_fill(&random, base, sizeof(base));
	memcpy(&known, seed, sizeof(known));
	struct object *objects = objects_new(&random, HASHTABLE_KEYS, VICTIMS);
	assert_non_null(keys);
	double before = lookup_ns_with(objects, seed);

	hashtable_attack_keys(known, ATTACK_BITS, base, keys, VICTIMS);
	for (size_t i = 0; i < VICTIMS; i++)
		memcpy(objects[i].key, keys[i], sizeof(objects[i].key));
	double after = lookup_ns_with(objects, seed);
	print_message("# %u bits of seed: %.1f ns a lookup, %.1f when attacked\n",
	              hashtable_seed_bits, before, after);
	if (hashtable_seed_bits <= 32)
		assert_true(after > 5 * before);
	else
		assert_true(after < 3 * before);
	free(objects);
	free(keys);
}

// Of the attack itself: from colliding pairs to the seed.
static void searches_the_seed(void **state)
{
	(void)state;
	struct support_random random;
	struct hashtable_attack_pair pairs[PAIRS];
	uint8_t base[HASHTABLE_ATTACK_KEY_BYTES], keys[2 * PAIRS][HASHTABLE_ATTACK_KEY_BYTES];
	uint32_t found;

	support_random_init(&random, support_seed());
	uint32_t secret = support_random_next(&random);
	support_random_fill(&random, base, sizeof(base));
	uint64_t tried = hashtable_attack_keys(secret, ATTACK_BITS, base, keys, 2 * PAIRS);
	assert_true(tried > 2 * PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		memcpy(pairs[i].a, keys[2 * i], sizeof(pairs[i].a));
		memcpy(pairs[i].b, keys[2 * i + 1], sizeof(pairs[i].b));
	}
	uint32_t first = secret - (uint32_t)support_random_below(&random, SEEDS);
	assert_true(hashtable_attack_seed(pairs, PAIRS, ATTACK_BITS, first, SEEDS, &found));
	assert_int_equal(found, secret);
	assert_false(hashtable_attack_seed(pairs, PAIRS, ATTACK_BITS, secret + 1, SEEDS, &found));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equals_an_array_of_keys),
	    cmocka_unit_test(equals_an_array_of_indices),
	    cmocka_unit_test(is_freed_with_nodes_inside),
	    cmocka_unit_test(takes_memory_by_its_entries),
	    cmocka_unit_test(readers_see_every_present_key),
	    cmocka_unit_test(readers_see_every_present_index),
	    cmocka_unit_test(holds_out_if_its_seed_is_long),
	    cmocka_unit_test(searches_the_seed),
	};

	if (sodium_init() < 0)
		return 1;
	support_seed();
	alarm(300); // a link that leads in a circle would be followed for ever
	return cmocka_run_group_tests_name(hashtable_variant, tests, NULL, NULL);
}
