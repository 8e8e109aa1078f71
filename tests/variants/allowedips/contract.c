// Contract of the slot `allowedips`, for every variant, against a list that is searched from end
// to end: random operations on both families with every prefix length, lookups at every flipped
// bit of what was inserted, and the memory back to nothing at the end.
#include "variants/allowedips/allowedips.h"
#include "tests/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OWNERS 12
#define MAX_ENTRIES 600
#define BASES 6

struct entry {
	int family;
	unsigned length;
	uint8_t address[16]; // masked
	struct allowedips_owner *owner;
};

struct world {
	struct allowedips *table;
	struct allowedips_owner owners[OWNERS];
	struct entry entries[MAX_ENTRIES];
	size_t n;
	struct support_random random;
	uint8_t bases[BASES][16];
	bool length_seen[2][129];
};

static unsigned width_of(int family)
{
	return family == AF_INET ? 32 : 128;
}

static uint64_t below(struct world *w, uint64_t n)
{
	return support_random_below(&w->random, n);
}

// ---- the model: bit by bit, so that it shares no trick with the variants

static bool bit_at(const uint8_t *address, unsigned bit)
{
	return address[bit / 8] >> (7 - bit % 8) & 1;
}

static void mask(uint8_t *address, unsigned length)
{
	for (unsigned bit = length; bit < 128; bit++)
		address[bit / 8] &= ~(1 << (7 - bit % 8));
}

static bool model_covers(const struct entry *e, int family, const uint8_t *address)
{
	if (e->family != family || memcmp(e->address, address, e->length / 8))
		return false;
	for (unsigned bit = e->length / 8 * 8; bit < e->length; bit++)
		if (bit_at(e->address, bit) != bit_at(address, bit))
			return false;
	return true;
}

static struct allowedips_owner *model_lookup(const struct world *w, int family,
                                             const uint8_t *address)
{
	const struct entry *best = NULL;

	for (const struct entry *e = w->entries; e < w->entries + w->n; e++)
		if ((!best || e->length > best->length) && model_covers(e, family, address))
			best = e;
	return best ? best->owner : NULL;
}

static struct entry *model_find(struct world *w, int family, const uint8_t *address,
                                unsigned length)
{
	for (struct entry *e = w->entries; e < w->entries + w->n; e++)
		if (e->length == length && model_covers(e, family, address))
			return e;
	return NULL;
}

static void model_remove_owner(struct world *w, const struct allowedips_owner *owner)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->entries[i].owner != owner)
			w->entries[kept++] = w->entries[i];
	w->n = kept;
}

// ---- the world

// Addresses share a beginning of any length with one of a few bases, so prefixes nest and meet.
static void random_address(struct world *w, int family, uint8_t *address)
{
	unsigned width = width_of(family), from = below(w, width + 1);

	memcpy(address, w->bases[below(w, BASES)], 16);
	if (from < width)
		address[from / 8] ^= 1 << (7 - from % 8);
	if (below(w, 2))
		for (unsigned bit = from + 1; bit < width; bit++)
			address[bit / 8] ^= below(w, 2) << (7 - bit % 8);
}

static int start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	support_random_init(&w->random, support_seed());
	for (int i = 0; i < BASES; i++)
		support_random_fill(&w->random, w->bases[i], 16);
	w->table = allowedips_new();
	*state = w;
	return !w->table;
}

static int stop(void **state)
{
	struct world *w = *state;

	allowedips_free(w->table);
	free(w);
	return 0;
}

static void insert(struct world *w, int family, const uint8_t *address, unsigned length,
                   struct allowedips_owner *owner)
{
	struct entry *e = model_find(w, family, address, length);

	assert_int_equal(allowedips_insert(w->table, family, address, length, owner), 0);
	w->length_seen[family == AF_INET6][length] = true;
	if (!e) {
		assert_true(w->n < MAX_ENTRIES);
		e = &w->entries[w->n++];
		*e = (struct entry){.family = family, .length = length};
		memcpy(e->address, address, width_of(family) / 8);
		mask(e->address, length);
	}
	e->owner = owner;
}

static void remove_one(struct world *w, int family, const uint8_t *address, unsigned length,
                       struct allowedips_owner *owner)
{
	struct entry *e = model_find(w, family, address, length);
	bool there = e && e->owner == owner;

	assert_int_equal(allowedips_remove(w->table, family, address, length, owner),
	                 there ? 0 : -ENOENT);
	if (there)
		*e = w->entries[--w->n];
}

static void remove_owner(struct world *w, struct allowedips_owner *owner)
{
	allowedips_remove_owner(w->table, owner);
	assert_int_equal(owner->count, 0);
	model_remove_owner(w, owner);
}

static void assert_lookup(const struct world *w, int family, const uint8_t *address)
{
	assert_ptr_equal(allowedips_lookup(w->table, family, address),
	                 model_lookup(w, family, address));
}

struct visit {
	struct world *w;
	const struct allowedips_owner *owner;
	size_t entries;
	bool seen[MAX_ENTRIES];
};

static int visit(void *context, int family, const uint8_t *address, unsigned length)
{
	struct visit *v = context;
	const struct entry *e = model_find(v->w, family, address, length);

	assert_non_null(e);
	assert_ptr_equal(e->owner, v->owner);
	assert_memory_equal(e->address, address, width_of(family) / 8);
	assert_false(v->seen[e - v->w->entries]);
	v->seen[e - v->w->entries] = true;
	v->entries++;
	return 0;
}

// Each entry is enumerated once by its owner, and the table is no larger than one that never held
// anything else.
static void assert_same(struct world *w)
{
	struct allowedips *fresh = allowedips_new();
	struct allowedips_owner owners[OWNERS] = {0};
	size_t total = 0;

	assert_non_null(fresh);
	for (int i = 0; i < OWNERS; i++) {
		struct visit v = {.w = w, .owner = &w->owners[i]};
		assert_int_equal(allowedips_each(w->table, v.owner, visit, &v), 0);
		assert_int_equal(v.owner->count, v.entries);
		total += v.entries;
	}
	assert_int_equal(total, w->n);
	for (const struct entry *e = w->entries; e < w->entries + w->n; e++)
		assert_int_equal(allowedips_insert(fresh, e->family, e->address, e->length,
		                                   &owners[e->owner - w->owners]),
		                 0);
	assert_true(allowedips_bytes(w->table) <= allowedips_bytes(fresh));
	allowedips_free(fresh);
}

// ---- tests

static void equals_a_naive_list(void **state)
{
	struct world *w = *state;
	size_t empty_bytes = allowedips_bytes(w->table);

	for (int step = 0; step < 30000; step++) {
		int family = below(w, 2) ? AF_INET : AF_INET6;
		unsigned length = below(w, width_of(family) + 1);
		struct allowedips_owner *owner = &w->owners[below(w, OWNERS)];
		uint64_t what = below(w, 1000);
		const struct entry *known = w->n ? &w->entries[below(w, w->n)] : NULL;
		uint8_t address[16];

		if (known && below(w, 3) == 0) { // meet what is there: overwrite, move, remove
			family = known->family;
			length = known->length;
			memcpy(address, known->address, 16);
			if (below(w, 2))
				owner = known->owner;
		} else {
			random_address(w, family, address);
		}
		if (what < 3)
			remove_owner(w, owner);
		else if (what < 450 || w->n == MAX_ENTRIES)
			remove_one(w, family, address, length, owner);
		else
			insert(w, family, address, length, owner);
		for (int i = 0; i < 4; i++) {
			int asked = below(w, 2) ? AF_INET : AF_INET6;
			random_address(w, asked, address);
			assert_lookup(w, asked, address);
		}
		if (step % 300 == 0)
			assert_same(w);
	}
	for (unsigned length = 0; length <= 128; length++) {
		assert_true(length > 32 || w->length_seen[0][length]);
		assert_true(w->length_seen[1][length]);
	}
	for (int i = 0; i < OWNERS / 2; i++)
		remove_owner(w, &w->owners[i]);
	assert_same(w);
	while (w->n) {
		struct entry e = w->entries[below(w, w->n)];
		remove_one(w, e.family, e.address, e.length, e.owner);
	}
	assert_int_equal(allowedips_bytes(w->table), empty_bytes);
}

static void looks_up_every_flipped_bit(void **state)
{
	struct world *w = *state;
	size_t empty_bytes = allowedips_bytes(w->table);

	for (int f = 0; f < 2; f++) {
		int family = f ? AF_INET6 : AF_INET;
		unsigned width = width_of(family);
		for (unsigned i = 0; i <= 2 * width; i++) {
			uint8_t address[16];
			random_address(w, family, address);
			insert(w, family, address, i % (width + 1), &w->owners[i % OWNERS]);
		}
		for (size_t i = 0; i < w->n; i++) {
			uint8_t address[16];
			if (w->entries[i].family != family)
				continue;
			memcpy(address, w->entries[i].address, 16);
			assert_lookup(w, family, address);
			for (unsigned bit = 0; bit < width; bit++) {
				address[bit / 8] ^= 1 << (7 - bit % 8);
				assert_lookup(w, family, address);
				address[bit / 8] ^= 1 << (7 - bit % 8);
			}
		}
	}
	assert_same(w);
	for (int i = 0; i < OWNERS; i++)
		remove_owner(w, &w->owners[i]);
	assert_int_equal(allowedips_bytes(w->table), empty_bytes);
}

// One address under each length of its prefix, longest match taken off one at a time.
static void nests_every_length(void **state)
{
	struct world *w = *state;
	struct allowedips_owner owners[129] = {0};

	for (int f = 0; f < 2; f++) {
		int family = f ? AF_INET6 : AF_INET;
		unsigned width = width_of(family);
		const uint8_t *address = w->bases[f];
		size_t empty_bytes = allowedips_bytes(w->table);

		for (unsigned i = 0; i <= width; i++) {
			unsigned length = i * 7 % (width + 1);
			assert_int_equal(
			    allowedips_insert(w->table, family, address, length, &owners[length]),
			    0);
		}
		for (unsigned length = width + 1; length-- > 0;) {
			assert_ptr_equal(allowedips_lookup(w->table, family, address),
			                 &owners[length]);
			for (unsigned bit = 0; bit < length; bit++) {
				uint8_t other[16];
				memcpy(other, address, 16);
				other[bit / 8] ^= 1 << (7 - bit % 8);
				assert_ptr_equal(allowedips_lookup(w->table, family, other),
				                 &owners[bit]);
			}
			assert_int_equal(
			    allowedips_remove(w->table, family, address, length, &owners[length]),
			    0);
		}
		assert_null(allowedips_lookup(w->table, family, address));
		assert_int_equal(allowedips_bytes(w->table), empty_bytes);
	}
}

static int stop_at_third(void *context, int family, const uint8_t *address, unsigned length)
{
	int *calls = context;

	(void)family;
	(void)address;
	(void)length;
	return ++*calls == 3 ? -7 : 0;
}

static void refuses_what_makes_no_sense(void **state)
{
	struct world *w = *state;
	struct allowedips_owner *owner = &w->owners[0];
	const uint8_t *address = w->bases[0];
	size_t empty_bytes = allowedips_bytes(w->table);
	int calls = 0;

	assert_int_equal(allowedips_insert(w->table, AF_INET, address, 33, owner), -EINVAL);
	assert_int_equal(allowedips_insert(w->table, AF_INET6, address, 129, owner), -EINVAL);
	assert_int_equal(allowedips_insert(w->table, AF_UNIX, address, 8, owner), -EINVAL);
	assert_int_equal(allowedips_remove(w->table, AF_INET, address, 33, owner), -EINVAL);
	assert_int_equal(allowedips_remove(w->table, AF_INET6, address, 129, owner), -EINVAL);
	assert_int_equal(allowedips_remove(w->table, AF_UNSPEC, address, 8, owner), -EINVAL);
	assert_int_equal(allowedips_remove(w->table, AF_INET, address, 8, owner), -ENOENT);
	assert_int_equal(owner->count, 0);
	assert_int_equal(allowedips_bytes(w->table), empty_bytes);

	for (unsigned length = 0; length < 5; length++)
		assert_int_equal(allowedips_insert(w->table, AF_INET, address, length, owner), 0);
	assert_null(allowedips_lookup(w->table, AF_UNIX, address));
	assert_null(allowedips_lookup(w->table, AF_INET6, address));
	assert_int_equal(allowedips_each(w->table, owner, stop_at_third, &calls), -7);
	assert_int_equal(calls, 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(equals_a_naive_list, start, stop),
	    cmocka_unit_test_setup_teardown(looks_up_every_flipped_bit, start, stop),
	    cmocka_unit_test_setup_teardown(nests_every_length, start, stop),
	    cmocka_unit_test_setup_teardown(refuses_what_makes_no_sense, start, stop),
	};

	return cmocka_run_group_tests_name(allowedips_variant, tests, NULL, NULL);
}
