#include "harness/show/table.h"

#include "base/memory.h"
#include "base/quote.h"
#include "base/terminal.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct table_cell {
	char *text;
	enum table_colour colour;
};

static const char *const colour_codes[] = {
    [TABLE_RED] = "\033[31m",
    [TABLE_GREEN] = "\033[32m",
    [TABLE_YELLOW] = "\033[33m",
    [TABLE_DIM] = "\033[2m",
};

static const char *const colour_names[] = {
    [TABLE_PLAIN] = "plain",   [TABLE_RED] = "red", [TABLE_GREEN] = "green",
    [TABLE_YELLOW] = "yellow", [TABLE_DIM] = "dim",
};

void table_init(struct table *t, const struct table_column *columns, size_t n)
{
	memset(t, 0, sizeof(*t));
	t->columns = n;
	memcpy(t->column, columns, n * sizeof(*columns));
}

void table_add(struct table *t, enum table_colour colour, const char *format, ...)
{
	va_list arguments;

	t->cell = memory_more(t->cell, t->cells, &t->room, sizeof(*t->cell));
	va_start(arguments, format);
	t->cell[t->cells++] = (struct table_cell){text_format_list(format, arguments), colour};
	va_end(arguments);
}

static void find_widths(const struct table *t, size_t *width)
{
	for (size_t c = 0; c < t->columns; c++)
		width[c] = quote_width(t->column[c].heading);
	for (size_t i = 0; i < t->cells; i++) {
		size_t w = quote_width(t->cell[i].text), *column = &width[i % t->columns];

		*column = w > *column ? w : *column;
	}
}

static void print_cell(FILE *to, const char *text, enum table_align align, size_t width,
                       const char *colour, bool last)
{
	int gap = width - quote_width(text);

	if (align == TABLE_RIGHT)
		fprintf(to, "%*s", gap, "");
	fputs(colour ? colour : "", to);
	quote_text(to, text);
	fputs(colour ? "\033[0m" : "", to);
	if (last)
		fputc('\n', to);
	else
		fprintf(to, "%*s", align == TABLE_LEFT ? gap + 2 : 2, "");
}

static void print_headings(const struct table *t, const size_t *width, bool colours, FILE *to)
{
	for (size_t c = 0; c < t->columns; c++)
		print_cell(to, t->column[c].heading, t->column[c].align, width[c],
		           colours ? colour_codes[TABLE_DIM] : NULL, c + 1 == t->columns);
}

static void print_rows(const struct table *t, const size_t *width, bool colours, FILE *to)
{
	for (size_t i = 0; i < t->cells; i++) {
		size_t c = i % t->columns;

		print_cell(to, t->cell[i].text, t->column[c].align, width[c],
		           colours ? colour_codes[t->cell[i].colour] : NULL, c + 1 == t->columns);
	}
}

void table_print(const struct table *t, FILE *to)
{
	size_t width[TABLE_COLUMNS_MAX];

	find_widths(t, width);
	print_headings(t, width, terminal_has_colours(to), to);
	print_rows(t, width, terminal_has_colours(to), to);
}

void table_print_rows(const struct table *t, FILE *to)
{
	size_t width[TABLE_COLUMNS_MAX];

	find_widths(t, width);
	print_rows(t, width, terminal_has_colours(to), to);
}

size_t table_width(const struct table *t)
{
	size_t width[TABLE_COLUMNS_MAX], sum = 0;

	find_widths(t, width);
	for (size_t c = 0; c < t->columns; c++)
		sum += width[c] + (c + 1 < t->columns ? 2 : 0);
	return sum;
}

void table_print_markdown(const struct table *t, FILE *to)
{
	for (size_t c = 0; c < t->columns; c++) {
		fputs("| ", to);
		quote_markdown(to, t->column[c].heading);
		fputc(' ', to);
	}
	fprintf(to, "|\n");
	for (size_t c = 0; c < t->columns; c++)
		fprintf(to, "| %s ", t->column[c].align == TABLE_RIGHT ? "---:" : "---");
	fprintf(to, "|\n");
	for (size_t i = 0; i < t->cells; i++) {
		fprintf(to, "| ");
		quote_markdown(to, t->cell[i].text);
		fprintf(to, (i + 1) % t->columns ? " " : " |\n");
	}
}

void table_print_html(const struct table *t, FILE *to)
{
	fprintf(to, "<table class=\"data\">\n<tr>");
	for (size_t c = 0; c < t->columns; c++) {
		fprintf(to, "<th%s>", t->column[c].align == TABLE_RIGHT ? " class=\"right\"" : "");
		quote_html(to, t->column[c].heading);
		fprintf(to, "</th>");
	}
	fprintf(to, "</tr>\n");
	for (size_t i = 0; i < t->cells; i++) {
		size_t c = i % t->columns;

		fprintf(to, "%s<td class=\"%s %s\">", c ? "" : "<tr>",
		        t->column[c].align == TABLE_RIGHT ? "right" : "left",
		        colour_names[t->cell[i].colour]);
		quote_html(to, t->cell[i].text);
		fprintf(to, "</td>%s", c + 1 == t->columns ? "</tr>\n" : "");
	}
	fprintf(to, "</table>\n");
}

void table_print_html_line(const struct table *t, FILE *to)
{
	fprintf(to, "<table><tr>");
	for (size_t c = 0; c < t->columns; c++) {
		fprintf(to, "<th>");
		quote_html(to, t->column[c].heading);
		fprintf(to, "</th>");
	}
	for (size_t i = 0; i < t->cells; i++) {
		fprintf(to, i % t->columns ? "<td>" : "</tr><tr><td>");
		quote_html(to, t->cell[i].text);
		fprintf(to, "</td>");
	}
	fprintf(to, "</tr></table>");
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i].text);
	free(t->cell);
	memset(t, 0, sizeof(*t));
}
