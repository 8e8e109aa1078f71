// The nodes of the variant `poptrie` (poptrie.c tells what they are for): how they lie in memory,
// the arithmetic of their maps and of keys, and how a node's array grows and shrinks.
#ifndef WGBENCH_ALLOWEDIPS_POPTRIE_NODE_H
#define WGBENCH_ALLOWEDIPS_POPTRIE_NODE_H

#include "variants/allowedips/entries.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

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

#endif
