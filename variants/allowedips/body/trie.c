// The trie that the variants of `allowedips` share: path-compressed and binary, with a root for
// each family. A node holds a prefix and the owner of it, or none when it only parts two subtrees
// (a filler, which always has two children). A lookup goes down while the node's prefix covers the
// address and remembers the last owner.
//
// A variant includes this body once, after it has said how a word of an address is held:
//   held32, held64   from network order to how words are held, and back
//   value32, value64 the difference of two held words, as a number
//   held_byte        where a held word of that many bytes has the given byte of the network's
//
// A swap at a node is off the path that the next node waits for (the number of the byte, the byte
// of the key, the child), so it can hide; the swap of the whole key before the first node is on it.
//
// Complexity: at most as many steps as distinct prefix lengths on the path, at worst 33 or 129;
// removing an owner costs one descent for each of its entries. A pointer to the parent would spare
// that descent and cost every node 8 bytes.
// Memory: 48 bytes a node for IPv4 and 60 for IPv6 (64 and 80 with malloc's own), at most two
// nodes an entry. Prefixes are held as inserted and masked when they are read out.
// Thread safety: that of the contract; there are no locks here.
// Source: cryptokey routing as in the Linux kernel's WireGuard driver (allowedips.c), and radix
// tries in general.
#include "variants/allowedips/entries.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct node {
	struct entry entry; // without an owner: a filler
	struct node *child[2];
	// The bit after the prefix, which picks the child, in the bytes of a held key. A node of
	// full length has no children, so any bit will do.
	uint8_t branch_byte, branch_shift;
	uint8_t length, width;
	uint32_t bits[]; // the held key
};
static_assert(offsetof(struct node, bits) + 4 == 48 && offsetof(struct node, bits) + 16 == 60,
              "memory per node is as stated above");

struct allowedips {
	struct node *roots[2];
	size_t bytes;
};

union key {
	uint32_t v4;
	uint64_t v6[2];
	uint8_t bytes[16];
};

// Where the width is a constant, the family's branches go away.
#define FOR_EACH_WIDTH static inline __attribute__((always_inline))

FOR_EACH_WIDTH union key hold(const void *network, unsigned width)
{
	union key key;

	memcpy(&key, network, width / 8);
	if (width == 32) {
		key.v4 = held32(key.v4);
	} else {
		key.v6[0] = held64(key.v6[0]);
		key.v6[1] = held64(key.v6[1]);
	}
	return key;
}

static union key key_of(const struct node *node)
{
	union key key;

	memcpy(&key, node->bits, node->width / 8);
	return key;
}

// The key in network order, as inserted.
static union key network_of(const struct node *node)
{
	union key held = key_of(node);

	return hold(&held, node->width);
}

// How many leading bits the node's key and this one share.
FOR_EACH_WIDTH unsigned common_bits(const struct node *node, const union key *key, unsigned width)
{
	uint64_t words[2];

	if (width == 32) // the added one ends the count at 32
		return __builtin_clzll((uint64_t)value32(node->bits[0] ^ key->v4) << 1 | 1) - 31;
	memcpy(words, node->bits, sizeof(words));
	uint64_t high = value64(words[0] ^ key->v6[0]), low = value64(words[1] ^ key->v6[1]);
	if (high)
		return __builtin_clzll(high);
	return low ? 64 + __builtin_clzll(low) : 128;
}

FOR_EACH_WIDTH bool covers(const struct node *node, const union key *key, unsigned width)
{
	return common_bits(node, key, width) >= node->length;
}

static inline unsigned branch(const struct node *node, const union key *key)
{
	return key->bytes[node->branch_byte] >> node->branch_shift & 1;
}

static struct node **root_of(struct allowedips *table, unsigned width)
{
	return &table->roots[width == 128];
}

// ---- nodes and their owners

// The entry is what a node begins with.
static struct node *node_of(const struct entry *entry)
{
	return (struct node *)entry;
}

static size_t node_bytes(unsigned width)
{
	return offsetof(struct node, bits) + width / 8;
}

static struct node *node_new(struct allowedips *table, const union key *key, unsigned length,
                             unsigned width)
{
	size_t bytes = node_bytes(width);
	struct node *node = calloc(1, bytes);
	if (!node)
		return NULL;
	node->length = length;
	node->width = width;
	if (length < width) {
		unsigned word_bytes = width == 32 ? 4 : 8, byte = length / 8;
		node->branch_byte =
		    byte / word_bytes * word_bytes + held_byte(byte % word_bytes, word_bytes);
		node->branch_shift = 7 - length % 8;
	}
	memcpy(node->bits, key, width / 8);
	table->bytes += bytes;
	return node;
}

static void node_free(struct allowedips *table, struct node *node)
{
	table->bytes -= node_bytes(node->width);
	free(node);
}

// ---- the contract

struct allowedips *allowedips_new(void)
{
	struct allowedips *table = calloc(1, sizeof(*table));
	if (table)
		table->bytes = sizeof(*table);
	return table;
}

// The depth is at most the width.
static void free_subtree(struct node *node)
{
	if (!node)
		return;
	free_subtree(node->child[0]);
	free_subtree(node->child[1]);
	free(node);
}

void allowedips_free(struct allowedips *table)
{
	if (!table)
		return;
	free_subtree(table->roots[0]);
	free_subtree(table->roots[1]);
	free(table);
}

// The link to the node of that very prefix, or where it would be linked; `above` is the link to
// the node that holds that link, or NULL for the root.
static struct node **locate(struct allowedips *table, const union key *key, unsigned length,
                            unsigned width, struct node ***above)
{
	struct node **link = root_of(table, width), *node;

	*above = NULL;
	while ((node = *link) && node->length < length && covers(node, key, width)) {
		*above = link;
		link = &node->child[branch(node, key)];
	}
	return link;
}

static bool is_prefix(const struct node *node, const union key *key, unsigned length,
                      unsigned width)
{
	return node && node->length == length && covers(node, key, width);
}

int allowedips_insert(struct allowedips *table, int family, const void *address, unsigned length,
                      struct allowedips_owner *owner)
{
	unsigned width = family_width(family);

	if (!width || length > width)
		return -EINVAL;
	union key key = hold(address, width);
	struct node **above, **link = locate(table, &key, length, width, &above), *there = *link;
	if (is_prefix(there, &key, length, width)) {
		entry_own(&there->entry, owner);
		return 0;
	}

	struct node *node = node_new(table, &key, length, width), *top = node;
	if (!node)
		return -ENOMEM;
	if (there) {
		union key other = key_of(there);
		unsigned shared = common_bits(there, &key, width);
		if (shared < length) {
			top = node_new(table, &key, shared, width);
			if (!top)
				goto err_filler;
			top->child[branch(top, &key)] = node;
		}
		top->child[branch(top, &other)] = there;
	}
	entry_own(&node->entry, owner);
	*link = top;
	return 0;
err_filler:
	node_free(table, node);
	return -ENOMEM;
}

// Takes the owner from the node at `link`, and the node out unless it parts two subtrees; with a
// leaf goes the filler above it.
static void take_out(struct allowedips *table, struct node **above, struct node **link)
{
	struct node *node = *link;

	entry_disown(&node->entry);
	if (node->child[0] && node->child[1])
		return;
	*link = node->child[!node->child[0]];
	node_free(table, node);
	if (*link || !above || (*above)->entry.owner)
		return;
	node = *above;
	*above = node->child[!node->child[0]];
	node_free(table, node);
}

int allowedips_remove(struct allowedips *table, int family, const void *address, unsigned length,
                      struct allowedips_owner *owner)
{
	unsigned width = family_width(family);

	if (!width || length > width)
		return -EINVAL;
	union key key = hold(address, width);
	struct node **above, **link = locate(table, &key, length, width, &above);
	if (!is_prefix(*link, &key, length, width) || (*link)->entry.owner != owner)
		return -ENOENT;
	take_out(table, above, link);
	return 0;
}

void allowedips_remove_owner(struct allowedips *table, struct allowedips_owner *owner)
{
	while (owner->entries) {
		struct node *node = node_of(owner->entries);
		union key key = key_of(node);
		struct node **above,
		    **link = locate(table, &key, node->length, node->width, &above);
		take_out(table, above, link);
	}
}

FOR_EACH_WIDTH struct allowedips_owner *find(const struct node *node, const void *address,
                                             unsigned width)
{
	union key key = hold(address, width);
	struct allowedips_owner *owner = NULL;

	for (; node && covers(node, &key, width); node = node->child[branch(node, &key)])
		if (node->entry.owner)
			owner = node->entry.owner;
	return owner;
}

struct allowedips_owner *allowedips_lookup(const struct allowedips *table, int family,
                                           const void *address)
{
	if (family == AF_INET)
		return find(table->roots[0], address, 32);
	if (family == AF_INET6)
		return find(table->roots[1], address, 128);
	return NULL;
}

struct allowedips_owner *allowedips_owner_of(const struct allowedips *table, int family,
                                             const void *address, unsigned length)
{
	unsigned width = family_width(family);

	if (!width || length > width)
		return NULL;
	union key key = hold(address, width);
	struct node **above,
	    **link = locate((struct allowedips *)table, &key, length, width, &above);
	return is_prefix(*link, &key, length, width) ? (*link)->entry.owner : NULL;
}

int allowedips_each(const struct allowedips *table, const struct allowedips_owner *owner,
                    int (*each)(void *context, int family, const uint8_t *address, unsigned length),
                    void *context)
{
	(void)table;
	for (const struct entry *entry = owner->entries, *next; entry; entry = next) {
		const struct node *node = node_of(entry);
		union key key = network_of(node);

		next = entry->next;
		mask_address(key.bytes, node->length, node->width);
		int ret = each(context, width_family(node->width), key.bytes, node->length);
		if (ret)
			return ret;
	}
	return 0;
}

size_t allowedips_bytes(const struct allowedips *table)
{
	return table->bytes;
}

static void dump_subtree(const struct node *node, FILE *to,
                         const char *(*name)(const struct allowedips_owner *))
{
	char prefix[PREFIX_TEXT_BYTES], below[PREFIX_TEXT_BYTES];
	union key key = network_of(node);

	prefix_text(prefix, &key, node->length, node->width);
	if (node->entry.owner)
		fprintf(to, "\t\"%s\" [label=\"%s\\n%s\"];\n", prefix, prefix,
		        name(node->entry.owner));
	else
		fprintf(to, "\t\"%s\" [style=dashed];\n", prefix);
	for (int i = 0; i < 2; i++) {
		const struct node *child = node->child[i];
		if (!child)
			continue;
		key = network_of(child);
		fprintf(to, "\t\"%s\" -> \"%s\" [label=%d];\n", prefix,
		        prefix_text(below, &key, child->length, child->width), i);
		dump_subtree(child, to, name);
	}
}

void allowedips_dump(const struct allowedips *table, FILE *to,
                     const char *(*name)(const struct allowedips_owner *))
{
	fprintf(to, "digraph %s {\n\tnode [shape=box];\n", allowedips_variant);
	for (int i = 0; i < 2; i++)
		if (table->roots[i])
			dump_subtree(table->roots[i], to, name);
	fprintf(to, "}\n");
}
