// Text tables: columns as wide as their widest cell, in colour where the output has any. Cells and
// headings are quoted as they are printed.
#ifndef WGBENCH_SHOW_TABLE_H
#define WGBENCH_SHOW_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 16 };

enum table_align { TABLE_LEFT, TABLE_RIGHT };
enum table_colour { TABLE_PLAIN, TABLE_RED, TABLE_GREEN, TABLE_YELLOW, TABLE_DIM };

struct table_column {
	const char *heading;
	enum table_align align;
};

struct table {
	size_t columns;
	struct table_column column[TABLE_COLUMNS_MAX];
	size_t cells, room;
	struct table_cell *cell;
};

void table_init(struct table *, const struct table_column *, size_t columns);

// Adds the next cell: left to right, row after row.
void table_add(struct table *, enum table_colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void table_print(const struct table *, FILE *);
// Without the headings.
void table_print_rows(const struct table *, FILE *);

// The columns of a terminal that its longest line takes.
size_t table_width(const struct table *);

// As a Markdown table.
void table_print_markdown(const struct table *, FILE *);

// As HTML, with the colours as classes.
void table_print_html(const struct table *, FILE *);

// As HTML in one line and without classes, for Markdown.
void table_print_html_line(const struct table *, FILE *);

void table_free(struct table *);

#endif
