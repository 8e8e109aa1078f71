#include "harness/show/page.h"

#include "base/file.h"
#include "base/quote.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// page.css, as mk/harness.mk links it in.
extern const char _binary_harness_show_page_css_start[], _binary_harness_show_page_css_end[];

static void put_element(FILE *to, const char *tag, const char *text)
{
	fprintf(to, "<%s>", tag);
	quote_html(to, text);
	fprintf(to, "</%s>\n", tag);
}

void page_begin(struct page *p, const char *title)
{
	size_t css = _binary_harness_show_page_css_end - _binary_harness_show_page_css_start;

	*p = (struct page){0};
	p->to = text_open(&p->html);
	fprintf(p->to,
	        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
	put_element(p->to, "title", title);
	fprintf(p->to, "<style>\n");
	fwrite(_binary_harness_show_page_css_start, 1, css, p->to);
	fprintf(p->to, "</style>\n</head>\n<body>\n");
}

void page_heading(struct page *p, const char *text)
{
	put_element(p->to, "h2", text);
}

void page_paragraph(struct page *p, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = text_format_list(format, arguments);
	va_end(arguments);
	put_element(p->to, "p", text);
	free(text);
}

void page_table(struct page *p, const struct table *t)
{
	table_print_html(t, p->to);
}

// An SVG inside HTML shares its page's names with the others: each gets names of its own.
void page_plot(struct page *p, const char *svg)
{
	static const char *const before[] = {"id=\"", "id='", "href='#", "href=\"#", "url(#"};
	const char *element = strstr(svg, "<svg");

	p->plots++;
	fprintf(p->to, "<figure>\n");
	for (svg = element ? element : svg; *svg;) {
		size_t length = 1;
		bool found = false;

		for (size_t i = 0; i < sizeof(before) / sizeof(before[0]) && !found; i++)
			if (!strncmp(svg, before[i], strlen(before[i]))) {
				length = strlen(before[i]);
				found = true;
			}
		fwrite(svg, 1, length, p->to);
		if (found)
			fprintf(p->to, "p%zu-", p->plots);
		svg += length;
	}
	fprintf(p->to, "</figure>\n");
}

// The name is on what the section holds: a browser opens what it has to show.
void page_open_section(struct page *p, const char *id, const char *title, const char *hint)
{
	fprintf(p->to, "<details>\n<summary><b>");
	quote_html(p->to, title);
	fprintf(p->to, "</b> <span class=\"quiet\">");
	quote_html(p->to, hint);
	fprintf(p->to, "</span></summary>\n<div id=\"%s\">\n", id);
}

void page_close_section(struct page *p)
{
	fprintf(p->to, "</div>\n</details>\n");
}

int page_end(struct page *p, const char *path)
{
	fprintf(p->to, "</body>\n</html>\n");
	fflush(p->to);
	int ret = output_text(path, text_string(&p->html), p->html.length);
	page_abandon(p);
	return ret;
}

void page_abandon(struct page *p)
{
	fclose(p->to);
	text_free(&p->html);
}
