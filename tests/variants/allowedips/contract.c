// Contract of the slot `allowedips`, for every variant, against a list that is searched from end
// to end: random operations on both families with every prefix length, lookups at every flipped
// bit of what was inserted, each allocation failing in turn, the drawing, and the memory back to
// nothing at the end: the program is linked with --wrap for the allocator's functions, so that what
// the variant's object asks for is counted here.
#include "variants/allowedips/allowedips.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OWNERS 12
#define MAX_ENTRIES 600
#define BASES 6

// ---- the allocator

static long live;                 // allocations that are not given back
static long allowance = LONG_MAX; // how many more succeed

// Weak: linked without --wrap they aren't there, and nothing calls what calls them.
#define WEAK __attribute__((weak))
WEAK void *__real_malloc(size_t bytes);
WEAK void *__real_calloc(size_t count, size_t bytes);
WEAK void *__real_realloc(void *p, size_t bytes);
WEAK void __real_free(void *p);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
void __wrap_free(void *p);

static bool allowed(void)
{
	return allowance == LONG_MAX || allowance-- > 0;
}

void *__wrap_malloc(size_t bytes)
{
	void *p = allowed() ? __real_malloc(bytes) : NULL;

	live += !!p;
	return p;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	void *p = allowed() ? __real_calloc(count, bytes) : NULL;

	live += !!p;
	return p;
}

// Of the two uses with a meaning of their own, neither is the variants'.
void *__wrap_realloc(void *p, size_t bytes)
{
	assert_non_null(p);
	assert_int_not_equal(bytes, 0);
	return allowed() ? __real_realloc(p, bytes) : NULL;
}

void __wrap_free(void *p)
{
	live -= !!p;
	__real_free(p);
}

struct entry {
	int family;
	unsigned length;
	uint8_t address[16]; // masked
	struct allowedips_owner *owner;
};

struct world {
	struct allowedips *table;
	long live_before, live_empty; // allocations before the table was there, and when it was new
	size_t bytes_empty;
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
	w->live_before = live;
	w->table = allowedips_new();
	*state = w;
	if (!w->table)
		return -1;
	w->live_empty = live;
	w->bytes_empty = allowedips_bytes(w->table);
	return 0;
}

static int stop(void **state)
{
	struct world *w = *state;

	allowance = LONG_MAX;
	allowedips_free(w->table);
	bool leaks = live != w->live_before;
	free(w);
	return leaks ? -1 : 0;
}

static void assert_empty(const struct world *w)
{
	assert_int_equal(allowedips_bytes(w->table), w->bytes_empty);
	assert_int_equal(live, w->live_empty);
	for (int i = 0; i < OWNERS; i++)
		assert_null(w->owners[i].entries);
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

static void assert_owner_of(struct world *w, int family, const uint8_t *address, unsigned length)
{
	const struct entry *e = model_find(w, family, address, length);

	assert_ptr_equal(allowedips_owner_of(w->table, family, address, length),
	                 e ? e->owner : NULL);
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
	for (const struct entry *e = w->entries; e < w->entries + w->n; e++) {
		assert_ptr_equal(allowedips_owner_of(w->table, e->family, e->address, e->length),
		                 e->owner);
		assert_int_equal(allowedips_insert(fresh, e->family, e->address, e->length,
		                                   &owners[e->owner - w->owners]),
		                 0);
	}
	assert_true(allowedips_bytes(w->table) <= allowedips_bytes(fresh));
	allowedips_free(fresh);
}

// ---- tests

static void equals_a_naive_list(void **state)
{
	struct world *w = *state;

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
			assert_owner_of(w, asked, address, below(w, width_of(asked) + 1));
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
	assert_empty(w);
}

static void looks_up_every_flipped_bit(void **state)
{
	struct world *w = *state;

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
	assert_empty(w);
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
		assert_empty(w);
	}
}

// The address that is so many after the first of a block; the block's last two bytes are 0.
static void nth_of_block(const struct world *w, int family, unsigned n, uint8_t *address)
{
	unsigned last = width_of(family) / 8 - 1;

	memcpy(address, w->bases[0], 16);
	address[last - 1] = n >> 8;
	address[last] = n;
}

// Every address of a block of 4096, and the block's halves, quarters, and so on down to pairs.
static void fills_and_empties_a_dense_block(void **state)
{
	enum { BLOCK = 4096, BLOCK_BITS = 12 };
	struct world *w = *state;
	struct allowedips_owner *single = &w->owners[0], *covers = &w->owners[1];
	uint8_t address[16];

	for (int f = 0; f < 2; f++) {
		int family = f ? AF_INET6 : AF_INET;
		unsigned width = width_of(family), first = below(w, BLOCK), step = 2 * first + 1;

		for (unsigned i = 0; i < BLOCK; i++) {
			nth_of_block(w, family, i * step % BLOCK, address);
			assert_int_equal(
			    allowedips_insert(w->table, family, address, width, single), 0);
		}
		for (unsigned bits = BLOCK_BITS; bits > 0; bits--)
			for (unsigned i = 0; i < BLOCK; i += 1 << bits) {
				nth_of_block(w, family, i, address);
				assert_int_equal(allowedips_insert(w->table, family, address,
				                                   width - bits,
				                                   &w->owners[1 + bits % 11]),
				                 0);
			}
		for (unsigned i = 0; i < BLOCK; i += 2) {
			nth_of_block(w, family, i, address);
			assert_int_equal(
			    allowedips_remove(w->table, family, address, width, single), 0);
		}
		for (unsigned i = 0; i < BLOCK; i++) {
			nth_of_block(w, family, i, address);
			assert_ptr_equal(allowedips_lookup(w->table, family, address),
			                 i % 2 ? single : &w->owners[2]);
		}
		nth_of_block(w, family, BLOCK, address);
		assert_null(allowedips_lookup(w->table, family, address));
		assert_int_equal(single->count, BLOCK / 2);
		// those of pairs, and the whole block
		assert_int_equal(w->owners[2].count, BLOCK / 2 + 1);

		allowedips_remove_owner(w->table, single);
		for (unsigned bits = 1; bits < BLOCK_BITS; bits++) {
			for (unsigned i = 0; i < BLOCK; i++) {
				nth_of_block(w, family, i, address);
				assert_ptr_equal(allowedips_lookup(w->table, family, address),
				                 &w->owners[1 + bits % 11]);
			}
			if (bits > 1) {
				allowedips_remove_owner(w->table, &w->owners[1 + bits % 11]);
				continue;
			}
			for (unsigned i = 0; i < BLOCK; i += 2) {
				nth_of_block(w, family, i, address);
				assert_int_equal(allowedips_remove(w->table, family, address,
				                                   width - 1, &w->owners[2]),
				                 0);
			}
		}
		nth_of_block(w, family, first, address);
		assert_ptr_equal(allowedips_lookup(w->table, family, address), &w->owners[2]);
		assert_int_equal(covers->count, 0);
		allowedips_remove_owner(w->table, &w->owners[2]);
		assert_empty(w);
	}
}

static void some_entry(struct world *w, int *family, uint8_t *address, unsigned *length)
{
	*family = below(w, 2) ? AF_INET : AF_INET6;
	*length = below(w, width_of(*family) + 1);
	random_address(w, *family, address);
}

static void changes_nothing_when_memory_is_short(void **state)
{
	struct world *w = *state;
	unsigned failures = 0;

	if (!live) {
		print_message("# linked without --wrap, which LTO would miss\n");
		skip();
	}
	while (w->n < MAX_ENTRIES) {
		struct allowedips_owner *owner = &w->owners[below(w, OWNERS)];
		uint8_t address[16];
		unsigned length;
		int family, ret;

		some_entry(w, &family, address, &length);
		for (long successes = 0;; successes++) {
			size_t bytes = allowedips_bytes(w->table), count = owner->count;
			long before = live;

			allowance = successes;
			ret = allowedips_insert(w->table, family, address, length, owner);
			allowance = LONG_MAX;
			if (!ret)
				break;
			failures++;
			assert_int_equal(ret, -ENOMEM);
			assert_int_equal(allowedips_bytes(w->table), bytes);
			assert_int_equal(owner->count, count);
			assert_int_equal(live, before);
			assert_lookup(w, family, address);
			if (w->n % 20 == 0)
				assert_same(w);
		}
		insert(w, family, address, length, owner);
	}
	assert_true(failures >= MAX_ENTRIES);
	assert_same(w);

	while (w->n) { // neither moving nor removing needs any
		struct entry e = w->entries[below(w, w->n)];
		allowance = 0;
		insert(w, e.family, e.address, e.length, &w->owners[below(w, OWNERS)]);
		insert(w, e.family, e.address, e.length, e.owner);
		if (below(w, 50))
			remove_one(w, e.family, e.address, e.length, e.owner);
		else
			remove_owner(w, e.owner);
		assert_lookup(w, e.family, e.address);
		allowance = LONG_MAX;
		if (w->n % 20 == 0)
			assert_same(w);
	}
	assert_empty(w);
}

// ---- the drawing

struct drawn {
	int family;
	unsigned length;
	uint8_t address[16];
};

// A name in the drawing is a prefix, perhaps after "node ".
static struct drawn parse_name(const char *name)
{
	struct drawn d = {0};
	char text[INET6_ADDRSTRLEN];
	const char *slash;

	if (!strncmp(name, "node ", 5))
		name += 5;
	slash = strchr(name, '/');
	assert_non_null(slash);
	assert_true((size_t)(slash - name) < sizeof(text));
	memcpy(text, name, slash - name);
	text[slash - name] = 0;
	d.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(d.family, text, d.address), 1);
	d.length = atoi(slash + 1);
	assert_true(d.length <= width_of(d.family));
	return d;
}

static const char *owner_name(const struct allowedips_owner *owner)
{
	return owner->count % 2 ? "odd" : "even";
}

#define NAME_BYTES 64

static bool is_declared(char (*declared)[NAME_BYTES], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(declared[i], name))
			return true;
	return false;
}

// Each entry is drawn once, masked by its own length; and each edge goes from a prefix to one that
// it covers: where a child is masked by its parent's length, it's the parent's name.
static void draws_each_prefix_under_its_own_mask(void **state)
{
	struct world *w = *state;
	static char declared[4 * MAX_ENTRIES][NAME_BYTES];
	static char edges[4 * MAX_ENTRIES][2][NAME_BYTES];
	size_t names = 0, joints = 0, found = 0, roots = 0, bytes;
	char *text = NULL, *rest, label[NAME_BYTES];

	for (int i = 0; i < MAX_ENTRIES / 2; i++) {
		uint8_t address[16];
		unsigned length;
		int family;
		some_entry(w, &family, address, &length);
		insert(w, family, address, length, &w->owners[below(w, OWNERS)]);
	}
	long before = live;
	FILE *to = open_memstream(&text, &bytes);
	assert_non_null(to);
	allowedips_dump(w->table, to, owner_name);
	assert_false(ferror(to));
	fclose(to);
	assert_int_equal(live, before);

	assert_int_equal(strncmp(text, "digraph ", 8), 0);
	assert_string_equal(text + bytes - 2, "}\n");
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_true(names < 4 * MAX_ENTRIES && joints < 4 * MAX_ENTRIES);
		if (sscanf(line, "\t\"%63[^\"]\" -> \"%63[^\"]\" [", edges[joints][0],
		           edges[joints][1]) == 2) {
			joints++;
			continue;
		}
		if (sscanf(line, "\t\"%63[^\"]\" [", declared[names]) != 1)
			continue;
		struct drawn d = parse_name(declared[names]);
		for (unsigned bit = d.length; bit < width_of(d.family); bit++)
			assert_false(bit_at(d.address, bit));
		assert_false(is_declared(declared, names, declared[names]));
		const struct entry *e = model_find(w, d.family, d.address, d.length);
		if (sscanf(line, "\t\"%*[^\"]\" [label=\"%63[^\"]\"]", label) == 1) {
			char expected[2 * NAME_BYTES];
			assert_non_null(e);
			sprintf(expected, "%s\\n%s", declared[names], owner_name(e->owner));
			assert_string_equal(label, expected);
			found++;
		}
		names++;
	}
	assert_int_equal(found, w->n);
	for (size_t i = 0; i < joints; i++) {
		struct drawn from = parse_name(edges[i][0]), onto = parse_name(edges[i][1]);
		struct entry above = {.family = from.family, .length = from.length};
		memcpy(above.address, from.address, 16);
		assert_true(is_declared(declared, names, edges[i][0]));
		assert_true(is_declared(declared, names, edges[i][1]));
		assert_true(model_covers(&above, onto.family, onto.address));
		assert_true(from.length <= onto.length);
		assert_string_not_equal(edges[i][0], edges[i][1]);
	}
	for (size_t i = 0; i < names; i++) {
		size_t into = 0;
		for (size_t j = 0; j < joints; j++)
			into += !strcmp(edges[j][1], declared[i]);
		assert_true(into <= 1);
		roots += !into;
	}
	assert_int_equal(roots, 2);
	free(text);
	live = before; // the library allocated the text
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
	int calls = 0;

	assert_int_equal(allowedips_insert(w->table, AF_INET, address, 33, owner), -EINVAL);
	assert_int_equal(allowedips_insert(w->table, AF_INET6, address, 129, owner), -EINVAL);
	assert_int_equal(allowedips_insert(w->table, AF_UNIX, address, 8, owner), -EINVAL);
	assert_int_equal(allowedips_remove(w->table, AF_INET, address, 33, owner), -EINVAL);
	assert_int_equal(allowedips_remove(w->table, AF_INET6, address, 129, owner), -EINVAL);
	assert_int_equal(allowedips_remove(w->table, AF_UNSPEC, address, 8, owner), -EINVAL);
	assert_int_equal(allowedips_remove(w->table, AF_INET, address, 8, owner), -ENOENT);
	assert_int_equal(owner->count, 0);
	assert_empty(w);

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
	    cmocka_unit_test_setup_teardown(fills_and_empties_a_dense_block, start, stop),
	    cmocka_unit_test_setup_teardown(changes_nothing_when_memory_is_short, start, stop),
	    cmocka_unit_test_setup_teardown(draws_each_prefix_under_its_own_mask, start, stop),
	    cmocka_unit_test_setup_teardown(refuses_what_makes_no_sense, start, stop),
	};

	return cmocka_run_group_tests_name(allowedips_variant, tests, NULL, NULL);
}
