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
#include "variants/allowedips/entries.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

const char allowedips_variant[] = "poptrie";

#define STRIDE 6
#define LEAD 4 // zero bits before the address
#define ROOT_BITS (STRIDE - LEAD)

// What an owner lists.
struct prefix {
	struct entry entry;
	uint8_t length, width;
	uint8_t address[]; // network order, masked
};

struct node {
	uint64_t nodes, leaves; // which slots lead to one; none has both
	// Prefixes that end here: bit 2^n + v is the one of n more bits, of value v; n < 6.
	uint64_t inside;
	// The nodes, then the leaves, then the inner prefixes as leaves, then for each leaf its
	// struct prefix, or NULL where it leads to a node: each in the order of its map.
	void *array;
};

struct leaf {
	uintptr_t target; // the owner; or, with IS_NODE, the node of that prefix
	// The prefix after the root's bits, with a set bit after it and then none. One word for
	// IPv4 and two for IPv6, high before low. Of no use in an inner prefix of the root.
	uint64_t code[];
};
#define IS_NODE 1

// An address after the root's bits, which are in `root`, from the highest bit down.
struct key {
	uint64_t high, low;
	unsigned root;
};

struct allowedips {
	struct node roots[2]; // offset -LEAD
	size_t bytes;
	bool popcnt; // the CPU has the instruction
};

// What a leaf says, whatever the width.
struct item {
	uintptr_t target;
	uint64_t code[2];
	struct prefix *prefix;
};

// Where the width is a constant, the family's branches go away.
#define FOR_EACH_WIDTH static inline __attribute__((always_inline))

#define LEAF_BYTES(width) ((width) == 32 ? 16 : 24)
// What a leaf adds to an array.
#define LEAF_SPACE(width) (LEAF_BYTES(width) + sizeof(struct prefix *))
#define ARRAY_BYTES_MAX (64 * 32 + 63 * 32)
#define PREFIX_BYTES(width) (offsetof(struct prefix, address) + (width) / 8)

static_assert(sizeof(struct node) == 32 && PREFIX_BYTES(32) == 30 && PREFIX_BYTES(128) == 42 &&
                  LEAF_SPACE(32) == 24 && LEAF_SPACE(128) == 32,
              "memory is as stated above");
static_assert(LEAF_SPACE(32) <= sizeof(struct node) && LEAF_SPACE(128) <= sizeof(struct node),
              "removing never needs memory");

FOR_EACH_WIDTH unsigned ones(uint64_t map)
{
	return __builtin_popcountll(map);
}

// How many of the map's bits are set below this one.
FOR_EACH_WIDTH unsigned ones_below(uint64_t map, uint64_t bit)
{
	return ones(map & (bit - 1));
}

FOR_EACH_WIDTH struct key key_of(const void *network, unsigned width)
{
	uint64_t words[2];
	uint32_t word;

	if (width == 32) {
		memcpy(&word, network, 4);
		word = be32toh(word);
		return (struct key){.high = (uint64_t)word << (32 + ROOT_BITS),
		                    .root = word >> (32 - ROOT_BITS)};
	}
	memcpy(words, network, 16);
	uint64_t high = be64toh(words[0]), low = be64toh(words[1]);
	return (struct key){.high = high << ROOT_BITS | low >> (64 - ROOT_BITS),
	                    .low = low << ROOT_BITS,
	                    .root = high >> (64 - ROOT_BITS)};
}

FOR_EACH_WIDTH struct node *node_at(const struct node *node, unsigned index)
{
	return (struct node *)node->array + index;
}

FOR_EACH_WIDTH struct leaf *leaf_at(const struct node *node, unsigned index, unsigned width)
{
	char *leaves = (char *)node_at(node, ones(node->nodes));

	return (struct leaf *)(leaves + index * LEAF_BYTES(width));
}

FOR_EACH_WIDTH bool covers(const struct leaf *leaf, const struct key *key, unsigned width)
{
	uint64_t high = leaf->code[0], low = width == 32 ? 0 : leaf->code[1];

	// c ^ -c has the bits above the lowest set bit of c, the mark.
	if (width == 32)
		return !((high ^ key->high) & (high ^ -high));
	return !(((high ^ key->high) & (high ^ (~high + !low))) |
	         ((low ^ key->low) & (low ^ -low)));
}

// The length of the leaf's prefix.
FOR_EACH_WIDTH unsigned length_of(const struct leaf *leaf, unsigned width)
{
	if (width == 128 && leaf->code[1])
		return ROOT_BITS + 127 - __builtin_ctzll(leaf->code[1]);
	return ROOT_BITS + 63 - __builtin_ctzll(leaf->code[0]);
}

FOR_EACH_WIDTH bool leads_to_node(const struct leaf *leaf)
{
	return leaf->target & IS_NODE;
}

FOR_EACH_WIDTH struct node *node_behind(const struct leaf *leaf)
{
	return (struct node *)(leaf->target - IS_NODE);
}

// The key from this bit of the address on; from 2 to 127.
FOR_EACH_WIDTH struct key after(const struct key *key, unsigned bits, unsigned width)
{
	unsigned n = bits - ROOT_BITS;

	if (width == 32)
		return (struct key){.high = key->high << n};
	if (n >= 64)
		return (struct key){.high = key->low << (n - 64)};
	// twice, since n may be 0
	return (struct key){.high = key->high << n | key->low >> 1 >> (63 - n),
	                    .low = key->low << n};
}

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

// ---- arrays

static unsigned count_leaves(const struct node *node)
{
	return ones(node->leaves) + ones(node->inside);
}

static size_t array_bytes(size_t nodes, size_t leaves, unsigned width)
{
	return nodes * sizeof(struct node) + leaves * LEAF_SPACE(width);
}

static struct prefix **prefix_at(const struct node *node, unsigned index, unsigned width)
{
	return (struct prefix **)leaf_at(node, count_leaves(node), width) + index;
}

static struct item item_at(const struct node *node, unsigned index, unsigned width)
{
	const struct leaf *leaf = leaf_at(node, index, width);
	struct item item = {leaf->target, {leaf->code[0]}, *prefix_at(node, index, width)};

	if (width == 128)
		item.code[1] = leaf->code[1];
	return item;
}

static void put_item(const struct node *node, unsigned index, const struct item *item,
                     unsigned width)
{
	memcpy(leaf_at(node, index, width), item, LEAF_BYTES(width));
	*prefix_at(node, index, width) = item->prefix;
}
static_assert(offsetof(struct item, code) == offsetof(struct leaf, code), "put_item() copies both");

// One more (+1) or one fewer (-1) at that index; 0: as many.
struct change {
	int by;
	unsigned at;
};

static char *copy_changed(char *to, const char **from, size_t size, unsigned count,
                          struct change change)
{
	unsigned head = change.by ? change.at : count;
	unsigned skipped = change.by<0, gap = change.by> 0;
	const char *tail = *from + (head + skipped) * size;

	memcpy(to, *from, head * size);
	memcpy(to + (head + gap) * size, tail, (count - head - skipped) * size);
	*from += count * size;
	return to + (count + change.by) * size;
}

// Makes the node's array one of so many nodes and leaves; the caller then fills the gaps and sets
// the maps. 0, or -ENOMEM, only if it grows: then nothing has changed.
static int reshape(struct allowedips *table, struct node *node, struct change nodes,
                   struct change leaves, unsigned width)
{
	unsigned n = ones(node->nodes), l = count_leaves(node);
	size_t old_bytes = array_bytes(n, l, width);
	size_t bytes = array_bytes(n + nodes.by, l + leaves.by, width);
	uint64_t scratch[ARRAY_BYTES_MAX / 8];
	void *grown = bytes > old_bytes ? malloc(bytes) : NULL;
	char *to = grown ? grown : (char *)scratch;
	const char *from = node->array;

	if (bytes > old_bytes && !grown)
		return -ENOMEM;
	if (old_bytes) {
		to = copy_changed(to, &from, sizeof(struct node), n, nodes);
		to = copy_changed(to, &from, LEAF_BYTES(width), l, leaves);
		copy_changed(to, &from, sizeof(struct prefix *), l, leaves);
	}
	table->bytes += bytes - old_bytes;
	if (grown || !bytes) {
		free(node->array);
		node->array = grown;
		return 0;
	}
	memcpy(node->array, scratch, bytes);
	void *shrunk = realloc(node->array, bytes);
	if (shrunk)
		node->array = shrunk;
	return 0;
}

static const struct change same = {0};

static struct change added(unsigned at)
{
	return (struct change){1, at};
}

static struct change taken(unsigned at)
{
	return (struct change){-1, at};
}

static void *take_bytes(struct allowedips *table, size_t bytes)
{
	void *taken = calloc(1, bytes);

	if (taken)
		table->bytes += bytes;
	return taken;
}

static void give_bytes(struct allowedips *table, void *taken, size_t bytes)
{
	free(taken);
	table->bytes -= bytes;
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

// ---- for people

struct dump {
	FILE *to;
	const char *(*name)(const struct allowedips_owner *);
	unsigned width;
};

// The address begins at the highest of the bits.
static const char *text_of(char *text, unsigned __int128 bits, unsigned length, unsigned width)
{
	uint8_t address[16];

	for (unsigned i = 0; i < width / 8; i++)
		address[i] = bits >> (120 - 8 * i);
	return prefix_text(text, address, length, width);
}

static void dump_node(const struct dump *d, const struct node *node, unsigned __int128 bits,
                      int offset);

static void dump_edge(const struct dump *d, const char *from, const char *to, const char *style,
                      int slot)
{
	fprintf(d->to, "\t\"node %s\" -> \"%s\" [style=%s", from, to, style);
	if (slot >= 0) {
		fprintf(d->to, ", label=\"");
		for (int bit = STRIDE; bit-- > 0;)
			fputc('0' + (slot >> bit & 1), d->to);
		fputc('"', d->to);
	}
	fprintf(d->to, "];\n");
}

static void dump_entry(const struct dump *d, const char *from, const struct prefix *prefix,
                       const char *style, int slot)
{
	char text[PREFIX_TEXT_BYTES];

	prefix_text(text, prefix->address, prefix->length, prefix->width);
	fprintf(d->to, "\t\"%s\" [label=\"%s\\n%s\"];\n", text, text, d->name(prefix->entry.owner));
	dump_edge(d, from, text, style, slot);
}

static void dump_below(const struct dump *d, const char *from, const struct node *below,
                       unsigned __int128 bits, int offset, const char *style, int slot)
{
	char id[sizeof("node ") + PREFIX_TEXT_BYTES] = "node ";

	text_of(id + strlen(id), bits, offset, d->width);
	dump_edge(d, from, id, style, slot);
	dump_node(d, below, bits, offset);
}

static void dump_node(const struct dump *d, const struct node *node, unsigned __int128 bits,
                      int offset)
{
	char from[PREFIX_TEXT_BYTES];
	unsigned leaves = 0, nodes = 0;

	text_of(from, bits, offset < 0 ? 0 : offset, d->width);
	fprintf(d->to, "\t\"node %s\" [shape=ellipse, label=\"%s\"];\n", from, from);
	for (int slot = 0; slot < 64; slot++) {
		if (node->nodes >> slot & 1)
			dump_below(d, from, node_at(node, nodes++),
			           bits | (unsigned __int128)slot << (128 - STRIDE - offset),
			           offset + STRIDE, "solid", slot);
		if (!(node->leaves >> slot & 1))
			continue;
		const struct leaf *leaf = leaf_at(node, leaves, d->width);
		struct item item = item_at(node, leaves++, d->width);
		if (leads_to_node(leaf)) {
			unsigned __int128 code =
			    (unsigned __int128)item.code[0] << 64 | item.code[1];
			unsigned __int128 top = offset < 0 ? (unsigned)slot : bits >> 126;
			unsigned length = length_of(leaf, d->width);
			code = code >> (128 + ROOT_BITS - length) << (128 + ROOT_BITS - length);
			dump_below(d, from, node_behind(leaf), top << 126 | code >> ROOT_BITS,
			           length, "bold", slot);
		} else {
			dump_entry(d, from, item.prefix, "solid", slot);
		}
	}
	for (; leaves < count_leaves(node); leaves++)
		dump_entry(d, from, *prefix_at(node, leaves, d->width), "dashed", -1);
}

// Nodes are ellipses and entries boxes. Edges: solid over six bits, bold over a gap, dashed to a
// prefix inside the node.
void allowedips_dump(const struct allowedips *table, FILE *to,
                     const char *(*name)(const struct allowedips_owner *))
{
	fprintf(to, "digraph %s {\n\tnode [shape=box];\n", allowedips_variant);
	for (int i = 0; i < 2; i++) {
		const struct dump d = {to, name, i ? 128 : 32};
		if (ones(table->roots[i].nodes) + count_leaves(&table->roots[i]))
			dump_node(&d, &table->roots[i], 0, -LEAD);
	}
	fprintf(to, "}\n");
}
