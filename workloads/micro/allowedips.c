// Lookups, insertions and removals in tables of 1 to 1,000,000 prefixes, IPv4 and IPv6, with
// uniform and with realistic prefix lengths.
//
// hot: the same 16 destinations again and again, as with a few flows. cold: random destinations
// from the whole table, 16 after each time that the core's own caches (L1 and L2) were filled with
// something else, as packets do between two lookups; what the shared cache keeps stays there.
#include "workloads/micro/micro.h"
#include "workloads/micro/allowedips_prefixes.h"
#include "variants/allowedips/allowedips.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *const micro_slot = "allowedips", *const micro_variant = allowedips_variant;

enum {
	PREFIXES_MAX = 1000000,
	PER_OWNER = 8, // prefixes of a peer, for removal by peer
	HOT = 16,
	COLD_RUN = 16,
	COLD_ADDRESSES = 1 << 16,
	COLD_ITERATIONS = 128 * COLD_RUN,
	REMOVED_AT_ONCE = 128,
	INSERTED_AT_ONCE = 1024,
};

static const int64_t sizes[] = {1, 10, 100, 1000, 10000, 100000, PREFIXES_MAX};

// What a sweep is about; the context of its entries.
struct kind {
	const char *name;
	int family;
	enum prefixes_mix mix;
};
static const struct kind kinds[] = {
    {"v4_uniform", AF_INET, PREFIXES_UNIFORM},
    {"v4_realistic", AF_INET, PREFIXES_REALISTIC},
    {"v6_uniform", AF_INET6, PREFIXES_UNIFORM},
    {"v6_realistic", AF_INET6, PREFIXES_REALISTIC},
};

// A table lives on from one run of the library's to the next, as long as it's the same: it takes a
// second to make the largest. The prefixes of the last kind are kept likewise.
static struct {
	const struct kind *kind;
	struct prefix *prefixes; // PREFIXES_MAX
	size_t n;                // in the table; 0: there is none
	struct allowedips *table;
	struct allowedips_owner *owners; // of PER_OWNER prefixes each
} made;

static size_t owners_of(size_t prefixes)
{
	return (prefixes + PER_OWNER - 1) / PER_OWNER;
}

static void drop_table(void)
{
	allowedips_free(made.table);
	free(made.owners);
	made.table = NULL;
	made.owners = NULL;
	made.n = 0;
}

static void use_prefixes(const struct kind *kind)
{
	if (made.kind == kind)
		return;
	drop_table();
	free(made.prefixes);
	made.prefixes = prefixes_make(kind->family, kind->mix, PREFIXES_MAX);
	made.kind = kind;
}

static int insert(struct allowedips *table, size_t i, struct allowedips_owner *owners)
{
	const struct prefix *prefix = &made.prefixes[i];

	return allowedips_insert(table, made.kind->family, prefix->address, prefix->length,
	                         &owners[i / PER_OWNER]);
}

static void make_table(struct cbenchmark_state *state, void *context)
{
	size_t n = cbenchmark_argument(state, 0);

	use_prefixes(context);
	if (made.n == n)
		return;
	drop_table();
	made.table = allowedips_new();
	made.owners = micro_allocate(owners_of(n) * sizeof(*made.owners));
	made.n = n;
	for (size_t i = 0; i < n && made.table; i++)
		if (insert(made.table, i, made.owners)) {
			cbenchmark_skip(state, "allowedips_insert failed");
			return;
		}
	if (!made.table)
		cbenchmark_skip(state, "allowedips_new: out of memory");
}

static void tell_memory(struct cbenchmark_state *state)
{
	cbenchmark_set_counter(state, "bytes_per_prefix",
	                       (double)allowedips_bytes(made.table) / made.n, CBENCHMARK_TOTAL);
	cbenchmark_set_complexity_n(state, made.n);
}

// ---- lookup

static void draw_addresses(uint8_t (*addresses)[16], size_t n)
{
	uint64_t random = made.n;

	for (size_t i = 0; i < n; i++)
		prefixes_address(&made.prefixes[random_below(&random, made.n)], made.kind->family,
		                 random_next(&random), addresses[i]);
}

// Every address lies in a prefix of the table.
static void check_found(struct cbenchmark_state *state, const struct allowedips_owner *owner)
{
	if (!owner)
		cbenchmark_skip(state, "an address within a prefix has no owner");
}

static void look_up_hot(struct cbenchmark_state *state, void *context)
{
	const struct kind *kind = context;
	const struct allowedips_owner *owner = NULL;
	uint8_t addresses[HOT][16];

	draw_addresses(addresses, HOT);
	while (cbenchmark_keep_running_batch(state, MICRO_BATCH))
		for (size_t i = 0; i < MICRO_BATCH; i++) {
			owner = allowedips_lookup(made.table, kind->family, addresses[i % HOT]);
			MICRO_USE(owner);
		}
	check_found(state, owner);
	tell_memory(state);
}

static void evict(void)
{
	static volatile uint8_t *other;
	static size_t bytes;

	if (!other) {
		long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
		bytes = 2 * (l2 > 0 ? l2 : 1 << 20);
		other = micro_allocate(bytes);
	}
	for (size_t i = 0; i < bytes; i += 64)
		other[i]++;
}

static void look_up_cold(struct cbenchmark_state *state, void *context)
{
	static uint8_t addresses[COLD_ADDRESSES][16];
	const struct kind *kind = context;
	size_t next = 0;

	draw_addresses(addresses, COLD_ADDRESSES);
	while (cbenchmark_keep_running_batch(state, COLD_RUN)) {
		const struct allowedips_owner *owner = NULL;

		evict();
		uint64_t began = micro_now_ns();
		for (size_t i = 0; i < COLD_RUN; i++) {
			owner = allowedips_lookup(made.table, kind->family,
			                          addresses[(next + i) % COLD_ADDRESSES]);
			MICRO_USE(owner);
		}
		cbenchmark_set_iteration_time(state, (micro_now_ns() - began) / 1e9);
		check_found(state, owner);
		next += COLD_RUN;
	}
	tell_memory(state);
}

// ---- insert: whole tables, several where they are small

static void insert_all(struct cbenchmark_state *state, void *context)
{
	size_t n = cbenchmark_argument(state, 0);
	size_t tables = n < INSERTED_AT_ONCE ? INSERTED_AT_ONCE / n : 1;
	struct allowedips *table[INSERTED_AT_ONCE];
	struct allowedips_owner *owners = micro_allocate(tables * owners_of(n) * sizeof(*owners));

	use_prefixes(context);
	while (cbenchmark_keep_running_batch(state, tables * n)) {
		for (size_t t = 0; t < tables; t++)
			if (!(table[t] = allowedips_new()))
				abort();
		memset(owners, 0, tables * owners_of(n) * sizeof(*owners));
		uint64_t began = micro_now_ns();
		for (size_t t = 0; t < tables; t++)
			for (size_t i = 0; i < n; i++)
				if (insert(table[t], i, owners + t * owners_of(n)))
					cbenchmark_skip(state, "allowedips_insert failed");
		cbenchmark_set_iteration_time(state, (micro_now_ns() - began) / 1e9);
		cbenchmark_set_counter(state, "bytes_per_prefix",
		                       (double)allowedips_bytes(table[0]) / n, CBENCHMARK_TOTAL);
		for (size_t t = 0; t < tables; t++)
			allowedips_free(table[t]);
	}
	free(owners);
	cbenchmark_set_complexity_n(state, n);
}

// ---- remove peers of PER_OWNER prefixes, and put them back untimed

static void remove_owners(struct cbenchmark_state *state, void *context)
{
	size_t owners = owners_of(made.n), first = 0;
	size_t at_once = owners < REMOVED_AT_ONCE ? owners : REMOVED_AT_ONCE;

	(void)context;
	while (cbenchmark_keep_running_batch(state, at_once)) {
		uint64_t began = micro_now_ns();

		for (size_t i = 0; i < at_once; i++)
			allowedips_remove_owner(made.table, &made.owners[(first + i) % owners]);
		cbenchmark_set_iteration_time(state, (micro_now_ns() - began) / 1e9);
		for (size_t i = 0; i < at_once; i++) {
			size_t from = (first + i) % owners * PER_OWNER, to = from + PER_OWNER;

			for (size_t p = from; p < to && p < made.n; p++)
				if (insert(made.table, p, made.owners))
					cbenchmark_skip(state, "allowedips_insert failed");
		}
		first += at_once;
	}
	cbenchmark_set_complexity_n(state, made.n);
}

static void add(const char *verb, const struct kind *kind, const char *how, struct cbenchmark entry)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%s%s", verb, kind->name, how);
	entry.name = name;
	entry.context = (void *)kind;
	entry.dimension[0] = (struct cbenchmark_dimension)CBENCHMARK_VALUES("prefixes", sizes);
	micro_add(&entry);
}

void micro_register(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kind *kind = &kinds[i];

		add("lookup", kind, "_hot",
		    (struct cbenchmark){
		        .run = look_up_hot, .setup = make_table, .order = CBENCHMARK_O_AUTO});
		add("lookup", kind, "_cold",
		    (struct cbenchmark){.run = look_up_cold,
		                        .setup = make_table,
		                        .time = CBENCHMARK_MANUAL_TIME,
		                        .iterations = COLD_ITERATIONS});
		add("insert", kind, "",
		    (struct cbenchmark){.run = insert_all, .time = CBENCHMARK_MANUAL_TIME});
		add("remove_peer", kind, "",
		    (struct cbenchmark){
		        .run = remove_owners, .setup = make_table, .time = CBENCHMARK_MANUAL_TIME});
	}
}
