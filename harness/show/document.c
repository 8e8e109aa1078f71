#include "harness/show/document.h"

#include "base/file.h"
#include "base/path.h"
#include "base/quote.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void put_markdown(struct document *d, const char *before, const char *text)
{
	fputs(before, d->markdown);
	quote_markdown(d->markdown, text);
	fputc('\n', d->markdown);
}

int document_begin(struct document *d, const char *dir, const char *title)
{
	*d = (struct document){.dir = dir};
	int ret = plot_files_begin(&d->plots, dir);

	if (ret)
		return ret;
	d->markdown = text_open(&d->as_markdown);
	put_markdown(d, "# ", title);
	page_begin(&d->page, title);
	fprintf(d->page.to, "<h1>");
	quote_html(d->page.to, title);
	fprintf(d->page.to, "</h1>\n");
	return 0;
}

void document_heading(struct document *d, const char *text)
{
	put_markdown(d, "\n## ", text);
	page_heading(&d->page, text);
}

void document_paragraph(struct document *d, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = text_format_list(format, arguments);
	va_end(arguments);
	put_markdown(d, "\n", text);
	page_paragraph(&d->page, "%s", text);
	free(text);
}

void document_table(struct document *d, const struct table *t)
{
	fprintf(d->markdown, "\n");
	table_print_markdown(t, d->markdown);
	page_table(&d->page, t);
}

int document_plot(struct document *d, const char *wanted, const char *svg)
{
	const char *name;
	int ret = plot_files_write(&d->plots, wanted, svg, &name);

	if (!ret) {
		fprintf(d->markdown, "\n![%s](plots/%s.svg)\n", name, name);
		page_plot(&d->page, svg);
	}
	return ret;
}

static void free_markdown(struct document *d)
{
	fclose(d->markdown);
	text_free(&d->as_markdown);
	plot_files_end(&d->plots);
}

int document_end(struct document *d)
{
	char *markdown = path_join(d->dir, "report.md"), *html = path_join(d->dir, "report.html");

	fflush(d->markdown);
	int ret = output_text(markdown, text_string(&d->as_markdown), d->as_markdown.length);
	if (ret)
		page_abandon(&d->page);
	else
		ret = page_end(&d->page, html);
	free_markdown(d);
	free(markdown);
	free(html);
	return ret;
}

void document_abandon(struct document *d)
{
	page_abandon(&d->page);
	free_markdown(d);
}
