// The variant `poptrie` for people: a table as a Graphviz digraph.
#include "variants/allowedips/poptrie_node.h"

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
