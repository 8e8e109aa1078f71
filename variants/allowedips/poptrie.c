// Allowed IPs variant `poptrie`: a multiway trie whose nodes decide six bits at once and hold only
// what is there, found by counting the bits of a map.
//
// Idea. A node stands for a prefix and has 64 slots, one for each value of the next six bits. A
// slot leads to nothing, to a node, or to a leaf. Nodes of one parent lie side by side in its
// array, after them its leaves, so that one address computed from a population count replaces six
// steps of a binary trie, each a cache miss. Prefixes that end inside the node (up to five bits
// further) are a second map, in the order of a binary heap: the longest that covers a slot is the
// highest bit of the map under that slot's mask. A leaf holds its whole prefix and is compared
// once; where only one entry lies below a slot, it is a leaf of that slot, and where all below a
// slot share more than the six bits, a leaf of another kind leads over the gap to their node. So
// every node but the root has two items or more: the nodes are fewer than the entries, and the
// layout is a function of the set.
//
// The address is read as if four zero bits preceded it: the root decides two bits, and both widths
// end with a whole node. It also leaves room in a leaf's word for a mark after the prefix, which
// spares the length.
//
// Rejected: leaf pushing, as the Poptrie paper has it, spares the second map, but one change may
// touch every slot below a short prefix. Here a change touches two nodes. A table of 2^16 nodes
// for the first bits would spare two steps among at most 260 nodes (8 KB, which stay in the first
// cache), and cost a lone peer 2 MB.
//
// Complexity: a lookup visits at most 6 nodes for IPv4 and 22 for IPv6, and compares at most one
// leaf for each. A change costs one descent and at most two copies of an array of 64 nodes or
// leaves (4 KB), and never moves anything else. Removing never needs memory, since an array never
// grows by it: a leaf takes no more than the node that it replaces. Removing an owner costs one
// removal for each of its entries. Memory: an entry takes 30 bytes for IPv4 and 42 for IPv6, its
// leaf 24 and 32; a node takes 32 and the leaf that leads to it, if there's one, 24 or 32. So at
// most 110 and 138 bytes an entry, before what malloc adds; 62 and 80 with a million of random
// ones. A lookup reads nodes and leaves only, not the entries. Arrays are malloc's own: after a
// mass removal glibc may hold one insert up while it merges what was freed (53 ms after 600,000
// frees; none with glibc.malloc.mxfast=0).
//
// Thread safety: that of the contract; there are no locks here.
//
// Source: Asai and Ohara, "Poptrie: a compressed trie with population count for fast and scalable
// software IP routing table lookup", SIGCOMM 2015; the map of inner prefixes from Eatherton,
// Varghese and Dittia, "Tree bitmap: hardware/software IP lookups with incremental updates",
// CCR 34(2), 2004.
#include "variants/allowedips/body/poptrie_dump.c"
#include "variants/allowedips/poptrie_node.h"

const char allowedips_variant[] = "poptrie";

// ---- lookup

// The inner prefixes that cover a slot: each shift takes one bit off the longest.
#define COVERING(n)                                                                                \
	(1ULL << (64 + (n)) / 2 | 1ULL << (64 + (n)) / 4 | 1ULL << (64 + (n)) / 8 |                \
	 1ULL << (64 + (n)) / 16 | 1ULL << (64 + (n)) / 32 | 1ULL << (64 + (n)) / 64)
#define COVERING8(n)                                                                               \
	COVERING(n), COVERING(n + 1), COVERING(n + 2), COVERING(n + 3), COVERING(n + 4),           \
	    COVERING(n + 5), COVERING(n + 6), COVERING(n + 7)
static const uint64_t covering[64] = {COVERING8(0),  COVERING8(8),  COVERING8(16), COVERING8(24),
                                      COVERING8(32), COVERING8(40), COVERING8(48), COVERING8(56)};

FOR_EACH_WIDTH struct allowedips_owner *find(const struct node *node, const void *address,
                                             unsigned width)
{
	const struct key key = key_of(address, width);
	const struct node *best = NULL;
	struct key rest = key;
	uint64_t best_inside = 0;

	for (unsigned slot = key.root;; slot = rest.high >> (64 - STRIDE),
	              rest.high = rest.high << STRIDE | rest.low >> (64 - STRIDE),
	              rest.low <<= STRIDE) {
		uint64_t bit = 1ULL << slot, inside = node->inside & covering[slot];

		if (inside) {
			best = node;
			best_inside = inside;
		}
		if (node->nodes & bit) {
			node = node_at(node, ones_below(node->nodes, bit));
			continue;
		}
		if (!(node->leaves & bit))
			break;
		const struct leaf *leaf = leaf_at(node, ones_below(node->leaves, bit), width);
		if (!covers(leaf, &key, width))
			break;
		if (!leads_to_node(leaf))
			return (struct allowedips_owner *)leaf->target;
		node = node_behind(leaf);
		rest = after(&key, length_of(leaf, width), width);
	}
	if (!best)
		return NULL;
	uint64_t longest = 1ULL << (63 - __builtin_clzll(best_inside));
	unsigned index = ones(best->leaves) + ones_below(best->inside, longest);
	return (struct allowedips_owner *)leaf_at(best, index, width)->target;
}

// x86-64 has the population count since 2008, but a compiler may not take it for granted. Without
// it a lookup calls the compiler's library for every count.
#ifdef __x86_64__
#define POPCNT __attribute__((target("popcnt")))
#define HAS_POPCNT __builtin_cpu_supports("popcnt")
#else
#define POPCNT
#define HAS_POPCNT true
#endif

POPCNT static struct allowedips_owner *find_by_popcnt(const struct allowedips *table, int family,
                                                      const void *address)
{
	if (family == AF_INET)
		return find(&table->roots[0], address, 32);
	return find(&table->roots[1], address, 128);
}

struct allowedips_owner *allowedips_lookup(const struct allowedips *table, int family,
                                           const void *address)
{
	if (!family_width(family))
		return NULL;
	if (table->popcnt)
		return find_by_popcnt(table, family, address);
	return family == AF_INET ? find(&table->roots[0], address, 32)
	                         : find(&table->roots[1], address, 128);
}

// ---- places

// A slot, or an inner prefix, of a node.
struct place {
	struct node *node, *above; // above: the parent, NULL for the root
	int offset, above_offset;  // of the bit of the address where the node begins to decide
	bool inside;
	uint64_t bit;  // in `leaves` or `inside`
	bool there;    // that bit is set
	unsigned leaf; // its index, or what it would be
};

static unsigned slot_of(const struct key *key, int offset, unsigned width)
{
	return offset < 0 ? key->root : after(key, offset, width).high >> (64 - STRIDE);
}

// Whether a prefix of that length ends inside a node of that offset; if so, which bit it is.
static bool ends_inside(const struct key *key, unsigned length, int offset, unsigned width,
                        uint64_t *bit)
{
	int more = (int)length - offset;

	if (more >= STRIDE)
		return false;
	*bit = 1ULL << ((64 + slot_of(key, offset, width)) >> (STRIDE - more));
	return true;
}

static void set_index(struct place *p)
{
	uint64_t map = p->inside ? p->node->inside : p->node->leaves;

	p->there = map & p->bit;
	p->leaf = (p->inside ? ones(p->node->leaves) : 0) + ones_below(map, p->bit);
}

// Where that prefix is, or where it would have to be: what is there then is another leaf.
static struct place locate(struct allowedips *table, const struct key *key, unsigned length,
                           unsigned width)
{
	struct place p = {.node = &table->roots[width == 128], .offset = -LEAD};

	for (;;) {
		struct node *below;
		int offset = p.offset + STRIDE;

		p.inside = ends_inside(key, length, p.offset, width, &p.bit);
		if (!p.inside)
			p.bit = 1ULL << slot_of(key, p.offset, width);
		set_index(&p);
		if (p.inside)
			return p;
		if (p.node->nodes & p.bit) {
			below = node_at(p.node, ones_below(p.node->nodes, p.bit));
		} else {
			const struct leaf *leaf = leaf_at(p.node, p.leaf, width);
			if (!p.there || !leads_to_node(leaf) || length_of(leaf, width) > length ||
			    !covers(leaf, key, width))
				return p;
			below = node_behind(leaf);
			offset = length_of(leaf, width);
		}
		p.above = p.node;
		p.above_offset = p.offset;
		p.node = below;
		p.offset = offset;
	}
}

static struct item item_of(const struct key *key, unsigned length, uintptr_t target,
                           struct prefix *prefix)
{
	struct item item = {.target = target, .prefix = prefix};

	if (length < ROOT_BITS)
		return item;
	unsigned bits = (length - ROOT_BITS) % 64;
	uint64_t mark = 1ULL << 63 >> bits, word = length - ROOT_BITS < 64 ? key->high : key->low;
	word = (word & ~(mark | (mark - 1))) | mark;
	if (length - ROOT_BITS < 64) {
		item.code[0] = word;
	} else {
		item.code[0] = key->high;
		item.code[1] = word;
	}
	return item;
}

// The entry of that very prefix, or NULL.
static struct prefix *prefix_there(const struct place *p, const struct key *key, unsigned length,
                                   unsigned width)
{
	if (!p->there)
		return NULL;
	struct item there = item_at(p->node, p->leaf, width), asked = item_of(key, length, 0, NULL);
	return memcmp(there.code, asked.code, sizeof(there.code)) ? NULL : there.prefix;
}

// ---- the contract

struct allowedips *allowedips_new(void)
{
	struct allowedips *table = calloc(1, sizeof(*table));

	if (table) {
		table->bytes = sizeof(*table);
		table->popcnt = HAS_POPCNT;
	}
	return table;
}

static void free_below(const struct node *node, unsigned width)
{
	for (unsigned i = 0; i < ones(node->nodes); i++)
		free_below(node_at(node, i), width);
	for (unsigned i = 0; i < count_leaves(node); i++) {
		const struct leaf *leaf = leaf_at(node, i, width);
		if (leads_to_node(leaf)) {
			free_below(node_behind(leaf), width);
			free(node_behind(leaf));
		}
		free(*prefix_at(node, i, width));
	}
	free(node->array);
}

void allowedips_free(struct allowedips *table)
{
	if (!table)
		return;
	free_below(&table->roots[0], 32);
	free_below(&table->roots[1], 128);
	free(table);
}

static int add_item(struct allowedips *table, const struct place *p, const struct item *item,
                    unsigned width)
{
	int ret = reshape(table, p->node, same, added(p->leaf), width);

	if (ret)
		return ret;
	*(p->inside ? &p->node->inside : &p->node->leaves) |= p->bit;
	put_item(p->node, p->leaf, item, width);
	return 0;
}

// Adds what leads to that prefix to a node that stands outside the trie.
static int add_to_new(struct allowedips *table, struct node *node, int offset,
                      const struct key *key, unsigned length, const struct item *item,
                      unsigned width)
{
	struct place p = {.node = node, .offset = offset};

	p.inside = ends_inside(key, length, offset, width, &p.bit);
	if (!p.inside)
		p.bit = 1ULL << slot_of(key, offset, width);
	if (item->target & IS_NODE && (int)length == offset + STRIDE) {
		int ret = reshape(table, node, added(0), same, width);
		if (ret)
			return ret;
		node->nodes = p.bit;
		*node_at(node, 0) = *(struct node *)(item->target - IS_NODE);
		return 0;
	}
	set_index(&p);
	return add_item(table, &p, item, width);
}

// The key of a leaf, as far as its prefix goes.
static struct key key_of_item(const struct item *item, unsigned root)
{
	return (struct key){item->code[0], item->code[1], root};
}

// How many leading bits two keys of one root slot share; at most 128.
static unsigned shared_bits(const struct key *a, const struct key *b)
{
	uint64_t high = a->high ^ b->high, low = a->low ^ b->low;

	if (high)
		return ROOT_BITS + __builtin_clzll(high);
	return low ? ROOT_BITS + 64 + __builtin_clzll(low) : 128;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

// Puts a new node, which parts the leaf that is there from the item, in the leaf's place.
static int split(struct allowedips *table, const struct place *p, const struct key *key,
                 unsigned length, const struct item *item, unsigned width)
{
	const struct leaf *leaf = leaf_at(p->node, p->leaf, width);
	struct item other = item_at(p->node, p->leaf, width);
	struct key other_key = key_of_item(&other, key->root);
	unsigned other_length = length_of(leaf, width);
	unsigned shared = least(shared_bits(key, &other_key), least(length, other_length));
	int offset = (int)(shared + LEAD) / STRIDE * STRIDE - LEAD;
	struct node node = {0};

	int ret = add_to_new(table, &node, offset, &other_key, other_length, &other, width);
	if (ret)
		return ret;
	ret = add_to_new(table, &node, offset, key, length, item, width);
	if (ret)
		goto err_node;
	if (offset == p->offset + STRIDE) {
		unsigned index = ones_below(p->node->nodes, p->bit);
		ret = reshape(table, p->node, added(index), taken(p->leaf), width);
		if (ret)
			goto err_node;
		p->node->nodes |= p->bit;
		p->node->leaves &= ~p->bit;
		*node_at(p->node, index) = node;
	} else {
		struct node *apart = take_bytes(table, sizeof(*apart));
		ret = -ENOMEM;
		if (!apart)
			goto err_node;
		*apart = node;
		struct item way = item_of(key, offset, (uintptr_t)apart | IS_NODE, NULL);
		put_item(p->node, p->leaf, &way, width);
	}
	if (node.nodes) // the other's node has moved into the array
		give_bytes(table, (void *)(other.target - IS_NODE), sizeof(struct node));
	return 0;

err_node:
	give_bytes(table, node.array, array_bytes(ones(node.nodes), count_leaves(&node), width));
	return ret;
}

int allowedips_insert(struct allowedips *table, int family, const void *address, unsigned length,
                      struct allowedips_owner *owner)
{
	unsigned width = family_width(family);

	if (!width || length > width)
		return -EINVAL;
	struct key key = key_of(address, width);
	struct place p = locate(table, &key, length, width);
	struct prefix *prefix = prefix_there(&p, &key, length, width);
	if (prefix) {
		entry_own(&prefix->entry, owner);
		leaf_at(p.node, p.leaf, width)->target = (uintptr_t)owner;
		return 0;
	}

	prefix = take_bytes(table, PREFIX_BYTES(width));
	if (!prefix)
		return -ENOMEM;
	struct item item = item_of(&key, length, (uintptr_t)owner, prefix);
	int ret = p.there ? split(table, &p, &key, length, &item, width)
	                  : add_item(table, &p, &item, width);
	if (ret) {
		give_bytes(table, prefix, PREFIX_BYTES(width));
		return ret;
	}
	prefix->length = length;
	prefix->width = width;
	memcpy(prefix->address, address, width / 8);
	mask_address(prefix->address, length, width);
	entry_own(&prefix->entry, owner);
	return 0;
}

// Puts the one thing that the node still holds in the node's place.
static void collapse(struct allowedips *table, const struct place *p, const struct key *key,
                     unsigned width)
{
	struct node node = *p->node, *above = p->above;
	uint64_t bit = 1ULL << slot_of(key, p->above_offset, width);
	unsigned index = ones_below(above->leaves, bit);
	struct item last;

	if (node.nodes) { // the array is now that node alone
		unsigned slot = __builtin_ctzll(node.nodes), length = p->offset + STRIDE;
		unsigned __int128 bits = (unsigned __int128)key->high << 64 | key->low;
		unsigned below = 128 - (length - ROOT_BITS);
		bits = (bits >> below & ~(unsigned __int128)63) | slot;
		bits <<= below;
		struct key to = {bits >> 64, bits, key->root};
		last = item_of(&to, length, (uintptr_t)node.array | IS_NODE, NULL);
	} else {
		last = item_at(&node, 0, width);
		give_bytes(table, node.array, array_bytes(0, 1, width));
	}
	if (above->nodes & bit) {
		reshape(table, above, taken(ones_below(above->nodes, bit)), added(index), width);
		above->nodes &= ~bit;
		above->leaves |= bit;
	} else {
		give_bytes(table, p->node, sizeof(struct node));
	}
	put_item(above, index, &last, width);
}

static void take_out(struct allowedips *table, const struct place *p, const struct key *key,
                     unsigned width)
{
	struct prefix *prefix = *prefix_at(p->node, p->leaf, width);

	entry_disown(&prefix->entry);
	give_bytes(table, prefix, PREFIX_BYTES(width));
	reshape(table, p->node, same, taken(p->leaf), width);
	*(p->inside ? &p->node->inside : &p->node->leaves) &= ~p->bit;
	if (p->above && ones(p->node->nodes) + count_leaves(p->node) == 1)
		collapse(table, p, key, width);
}

int allowedips_remove(struct allowedips *table, int family, const void *address, unsigned length,
                      struct allowedips_owner *owner)
{
	unsigned width = family_width(family);

	if (!width || length > width)
		return -EINVAL;
	struct key key = key_of(address, width);
	struct place p = locate(table, &key, length, width);
	const struct prefix *prefix = prefix_there(&p, &key, length, width);
	if (!prefix || prefix->entry.owner != owner)
		return -ENOENT;
	take_out(table, &p, &key, width);
	return 0;
}

void allowedips_remove_owner(struct allowedips *table, struct allowedips_owner *owner)
{
	while (owner->entries) {
		const struct prefix *prefix = owner->entries;
		unsigned width = prefix->width;
		struct key key = key_of(prefix->address, width);
		struct place p = locate(table, &key, prefix->length, width);
		take_out(table, &p, &key, width);
	}
}

struct allowedips_owner *allowedips_owner_of(const struct allowedips *table, int family,
                                             const void *address, unsigned length)
{
	unsigned width = family_width(family);

	if (!width || length > width)
		return NULL;
	struct key key = key_of(address, width);
	struct place p = locate((struct allowedips *)table, &key, length, width);
	const struct prefix *prefix = prefix_there(&p, &key, length, width);
	return prefix ? prefix->entry.owner : NULL;
}

int allowedips_each(const struct allowedips *table, const struct allowedips_owner *owner,
                    int (*each)(void *context, int family, const uint8_t *address, unsigned length),
                    void *context)
{
	(void)table;
	for (const struct entry *entry = owner->entries, *next; entry; entry = next) {
		const struct prefix *prefix = (const struct prefix *)entry;

		next = entry->next;
		int ret =
		    each(context, width_family(prefix->width), prefix->address, prefix->length);
		if (ret)
			return ret;
	}
	return 0;
}

size_t allowedips_bytes(const struct allowedips *table)
{
	return table->bytes;
}
