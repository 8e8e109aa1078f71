#include "harness/show/document.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/quote.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char css[] =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:96rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1f24}p{max-width:76rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem;"
    "border-bottom:1px solid #d8dee4}table{border-collapse:collapse;font-size:.84rem;"
    "display:block;overflow-x:auto}th,td{padding:.25rem .4rem;border-bottom:1px solid #e4e8ec;"
    "text-align:left;vertical-align:top}th{color:#57606a;font-weight:600;white-space:nowrap}"
    "td.dim:last-child:not(.right){min-width:8rem}"
    ".right{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".red{color:#b42318;font-weight:600}.green{color:#116329;font-weight:600}"
    ".yellow{color:#8a5a00;font-weight:600}.dim{color:#57606a}"
    "pre{background:#f4f6f8;padding:.7rem;overflow-x:auto}"
    "figure{margin:.5rem 0;display:inline-block;width:49%;min-width:28rem}"
    "svg{width:100%;max-width:760px;height:auto}";

static void put_element(FILE *to, const char *tag, const char *text)
{
	fprintf(to, "<%s>", tag);
	quote_html(to, text);
	fprintf(to, "</%s>\n", tag);
}

static void put_markdown(struct document *d, const char *before, const char *text)
{
	fputs(before, d->markdown);
	quote_markdown(d->markdown, text);
	fputc('\n', d->markdown);
}

// Not a link to another one: what is written there replaces what is of the same name.
static int make_folder(const char *path)
{
	struct stat info;

	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	if (lstat(path, &info))
		return -errno;
	return S_ISDIR(info.st_mode) ? 0 : -ENOTDIR;
}

int document_begin(struct document *d, const char *dir, const char *title)
{
	char *plots = path_join(dir, "plots");
	int ret = make_folder(plots);

	if (ret)
		quote_printf(stderr, "wgbench: %s: %s\n", plots, strerror(-ret));
	free(plots);
	if (ret)
		return ret;
	*d = (struct document){.dir = text_format("%s", dir)};
	d->markdown = text_open(&d->as_markdown);
	d->html = text_open(&d->as_html);
	put_markdown(d, "# ", title);
	fprintf(d->html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	                 "<meta name=\"viewport\" content=\"width=device-width\">\n");
	put_element(d->html, "title", title);
	fprintf(d->html, "<style>%s</style>\n</head>\n<body>\n", css);
	put_element(d->html, "h1", title);
	return 0;
}

void document_heading(struct document *d, const char *text)
{
	put_markdown(d, "\n## ", text);
	put_element(d->html, "h2", text);
}

void document_paragraph(struct document *d, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = text_format_list(format, arguments);
	va_end(arguments);
	put_markdown(d, "\n", text);
	put_element(d->html, "p", text);
	free(text);
}

void document_command(struct document *d, const char *text)
{
	fputs("\n    ", d->markdown);
	quote_text(d->markdown, text);
	fputc('\n', d->markdown);
	put_element(d->html, "pre", text);
}

void document_table(struct document *d, const struct table *t)
{
	fprintf(d->markdown, "\n");
	table_print_markdown(t, d->markdown);
	table_print_html(t, d->html);
}

// An SVG inside HTML shares its page's names with the others: each gets names of its own.
static void put_svg(struct document *d, const char *svg)
{
	static const char *const before[] = {"id=\"", "id='", "href='#", "href=\"#", "url(#"};

	while (*svg) {
		size_t length = 1;
		bool found = false;

		for (size_t i = 0; i < sizeof(before) / sizeof(before[0]) && !found; i++)
			if (!strncmp(svg, before[i], strlen(before[i]))) {
				length = strlen(before[i]);
				found = true;
			}
		fwrite(svg, 1, length, d->html);
		if (found)
			fprintf(d->html, "p%zu-", d->plots);
		svg += length;
	}
}

static bool has_plot(const struct document *d, const char *name)
{
	for (size_t i = 0; i < d->plots; i++)
		if (!strcmp(d->plot[i], name))
			return true;
	return false;
}

static const char *name_plot(struct document *d, const char *wanted)
{
	enum { BYTES = 200, NUMBER_BYTES = 16 };
	char *name = memory_new(BYTES + NUMBER_BYTES, 1);

	d->plot = memory_more(d->plot, d->plots, &d->room, sizeof(*d->plot));
	quote_file_name(name, BYTES, wanted);
	size_t length = strlen(name);
	for (unsigned n = 2; has_plot(d, name); n++)
		snprintf(name + length, NUMBER_BYTES, "-%u", n);
	return d->plot[d->plots++] = name;
}

static int write_file(const struct document *d, const char *name, const char *text)
{
	char *path = path_join(d->dir, name);
	int ret = output_text(path, text, strlen(text));

	free(path);
	return ret;
}

int document_plot(struct document *d, const char *wanted, const char *svg)
{
	const char *element = strstr(svg, "<svg");
	char *name = text_format("plots/%s.svg", name_plot(d, wanted));
	int ret = write_file(d, name, svg);

	if (!ret) {
		fprintf(d->markdown, "\n![%s](%s)\n", d->plot[d->plots - 1], name);
		fprintf(d->html, "<figure>\n");
		put_svg(d, element ? element : svg);
		fprintf(d->html, "</figure>\n");
	}
	free(name);
	return ret;
}

int document_end(struct document *d)
{
	fprintf(d->html, "</body>\n</html>\n");
	fflush(d->markdown);
	fflush(d->html);
	int ret = write_file(d, "report.md", text_string(&d->as_markdown));
	if (!ret)
		ret = write_file(d, "report.html", text_string(&d->as_html));
	document_abandon(d);
	return ret;
}

void document_abandon(struct document *d)
{
	fclose(d->markdown);
	fclose(d->html);
	text_free(&d->as_markdown);
	text_free(&d->as_html);
	while (d->plots)
		free(d->plot[--d->plots]);
	free(d->plot);
	free(d->dir);
}
