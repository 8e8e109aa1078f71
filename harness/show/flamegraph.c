#include "harness/show/flamegraph.h"

#include "base/argv.h"
#include "base/file.h"
#include "base/process.h"
#include "base/quote.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DRAW_MS = 2 * 60000 };

static const char packaged[] = "/usr/share/perl5/Devel/NYTProf/flamegraph.pl";

// The package's, else one in PATH.
static const char *find_program(void)
{
	if (!access(packaged, R_OK))
		return packaged;
	return process_available("flamegraph.pl") ? "flamegraph.pl" : NULL;
}

int flamegraph_check(void)
{
	if (find_program())
		return 0;
	fprintf(stderr, "wgbench: flame graphs need flamegraph.pl: install it (Debian: apt install "
	                "libdevel-nytprof-perl)\n");
	return -ENOENT;
}

static void put_text(FILE *to, int x, const char *text)
{
	fprintf(to, "<text x=\"%d\" y=\"42\" font-size=\"12\" font-family=\"Verdana\">", x);
	quote_html(to, text);
	fprintf(to, "</text>\n");
}

static void put_key(FILE *to, int x, const char *colour, const char *text)
{
	fprintf(
	    to,
	    "<rect x=\"%d\" y=\"32\" width=\"12\" height=\"12\" fill=\"%s\" stroke=\"#555\"/>\n", x,
	    colour);
	put_text(to, x + 18, text);
}

// Between the title and the highest frame there is room for one line.
static void put_legend(FILE *to, const struct flamegraph *g)
{
	if (g->more) {
		put_key(to, 20, "rgb(255,60,60)", g->more);
		put_key(to, 420, "rgb(60,60,255)", g->less);
	}
	put_text(to, g->more ? 820 : 20, g->note);
}

static int write_svg(const struct flamegraph *g, const char *svg, const char *path)
{
	const char *end = strstr(svg, "</svg>");
	struct output o;
	int ret;

	if (!end) {
		fprintf(stderr, "wgbench: flamegraph.pl drew nothing\n");
		return -EIO;
	}
	ret = output_begin(&o, path);
	if (ret)
		return ret;
	fwrite(svg, 1, end - svg, o.file);
	put_legend(o.file, g);
	fputs(end, o.file);
	return output_end(&o);
}

int flamegraph_draw(const struct flamegraph *g, const char *folded, const char *path)
{
	const char *script = find_program();
	struct process_text text;
	struct text title = {0};
	struct argv argv = {0};
	FILE *to = text_open(&title);

	quote_html(to, g->title);
	fclose(to);
	if (script == packaged) // isn't executable
		argv_add(&argv, "perl");
	argv_add_all(&argv, script, "--hash", "--title", text_string(&title), "--countname",
	             g->unit, g->mirrored ? "--negate" : NULL, NULL);
	int ret = process_run(argv_words(&argv), PROCESS_HERE, folded, DRAW_MS, &text);
	if (!ret)
		ret = write_svg(g, text.out, path);
	else if (ret != -EINTR)
		fprintf(stderr, "wgbench: flamegraph.pl: %s\n", process_reason(ret, &text));
	process_text_free(&text);
	argv_free(&argv);
	text_free(&title);
	return ret > 0 ? -EIO : ret;
}
