// A self-contained HTML page: no other file, no script, light and dark, from a phone's width on.
#ifndef WGBENCH_SHOW_PAGE_H
#define WGBENCH_SHOW_PAGE_H

#include "base/text.h"
#include "harness/show/table.h"

struct page {
	FILE *to; // into memory, for what is built up here; its text is the caller's to quote
	struct text html;
	size_t plots; // so far
};

void page_begin(struct page *, const char *title);

void page_heading(struct page *, const char *text);
void page_paragraph(struct page *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void page_table(struct page *, const struct table *);
void page_plot(struct page *, const char *svg);

// A section that opens where a reader asks for it; a link to #id opens it too. `hint` says what is
// inside.
void page_open_section(struct page *, const char *id, const char *title, const char *hint);
void page_close_section(struct page *);

// Writes it to the file. 0; -errno after a printed line.
int page_end(struct page *, const char *path);

// Instead of page_end().
void page_abandon(struct page *);

#endif
