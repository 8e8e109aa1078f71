// One text written twice at once: as Markdown beside its plots, and as one self-contained HTML
// file.
#ifndef WGBENCH_SHOW_DOCUMENT_H
#define WGBENCH_SHOW_DOCUMENT_H

#include "harness/show/page.h"
#include "harness/show/plot_files.h"

struct document {
	const char *dir; // the caller's
	FILE *markdown;  // in memory until document_end()
	struct text as_markdown;
	struct page page;
	struct plot_files plots;
};

// Makes DIR/plots/. 0; -errno after a printed line.
int document_begin(struct document *, const char *dir, const char *title);

void document_heading(struct document *, const char *text);
void document_paragraph(struct document *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void document_table(struct document *, const struct table *);

// Writes DIR/plots/NAME.svg, and shows it in both. 0; -errno after a printed line.
int document_plot(struct document *, const char *name, const char *svg);

// Puts DIR/report.md and DIR/report.html in place. 0; -errno after a printed line.
int document_end(struct document *);

// Instead of document_end().
void document_abandon(struct document *);

#endif
