#include "tests/fuzz/run_folder/check.h"

#include "tests/fuzz/fuzz.h"

#include <jansson.h>

void check_text(const char *text)
{
	static const char *const never[] = {"\xe2\x80\xae", "\xe2\x80\xa8", "\xe2\x80\xa9",
	                                    "\xe2\x81\xa6", "\xef\xbb\xbf", "\xc2\x9b"};
	json_t *utf_8 = json_string(text);

	FUZZ_CHECK(utf_8);
	json_decref(utf_8);
	for (const char *c = text; *c; c++)
		FUZZ_CHECK((unsigned char)*c >= ' ' ? *c != 0x7f : *c == '\n' || *c == '\r');
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		FUZZ_CHECK(!strstr(text, never[i]));
}

// Cells of a row: bars that no backslash precedes.
static size_t count_cells(const char *line, size_t length)
{
	size_t bars = 0;

	for (size_t i = 0; i < length; i++) {
		if (line[i] == '\\')
			i++;
		else
			bars += line[i] == '|';
	}
	return bars;
}

static bool begins_with_one(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strncmp(text, words[i], strlen(words[i])))
			return true;
	return false;
}

// A folded comparison, in a line of its own.
static void check_folded(const char *text, size_t length)
{
	static const char *const tags[] = {"<details>", "</details>", "<summary>", "</summary>",
	                                   "<table>",   "</table>",   "<tr>",      "</tr>",
	                                   "<th>",      "</th>",      "<td>",      "</td>"};

	for (size_t i = 0; i < length; i++)
		FUZZ_CHECK(text[i] != '<' ||
		           begins_with_one(text + i, tags, sizeof(tags) / sizeof(*tags)));
}

void check_markdown(const char *text)
{
	size_t cells = 0, lines = 0;

	check_text(text);
	FUZZ_CHECK(!strchr(text, '\r'));
	for (size_t length; *text; text += length + (text[length] == '\n')) {
		bool code = !strncmp(text, "    ", 4);

		length = strcspn(text, "\n");
		if (*text == '|') {
			size_t n = count_cells(text, length);

			FUZZ_CHECK(!cells || n == cells);
			cells = n;
		} else {
			cells = 0;
		}
		FUZZ_CHECK(++lines <= 40);
		if (*text == '<') {
			check_folded(text, length);
			continue;
		}
		FUZZ_CHECK(code || !memchr(text, '<', length));
		FUZZ_CHECK(code || *text == '!' || !memmem(text, length, "](", 2) ||
		           memmem(text, length, "\\](", 3));
	}
}

void check_html(const char *text)
{
	static const char *const tags[] = {"<!DOCTYPE html>",
	                                   "<html lang=\"en\">",
	                                   "</html>",
	                                   "<head>",
	                                   "</head>",
	                                   "<meta charset",
	                                   "<meta name",
	                                   "<title>",
	                                   "</title>",
	                                   "<style>",
	                                   "</style>",
	                                   "<body>",
	                                   "</body>",
	                                   "<h1>",
	                                   "</h1>",
	                                   "<h2>",
	                                   "</h2>",
	                                   "<p>",
	                                   "</p>",
	                                   "<pre>",
	                                   "</pre>",
	                                   "<table class=\"data\">",
	                                   "<table class=\"forest\">",
	                                   "</table>",
	                                   "<header>",
	                                   "</header>",
	                                   "<main>",
	                                   "</main>",
	                                   "<nav aria-label=\"Contents\">",
	                                   "</nav>",
	                                   "<a href=\"#",
	                                   "<a href=\"run.json\">",
	                                   "<a href=\"trials.jsonl\">",
	                                   "<a href=\"trials.jsonl.gz\">",
	                                   "<a href=\"verdict.json\">",
	                                   "</a>",
	                                   "<span class=\"",
	                                   "<span style=\"left:",
	                                   "</span>",
	                                   "<i class=\"",
	                                   "</i>",
	                                   "<b>",
	                                   "</b>",
	                                   "<ul>",
	                                   "<ul class=\"chips\">",
	                                   "</ul>",
	                                   "<li>",
	                                   "</li>",
	                                   "<section>",
	                                   "</section>",
	                                   "<div class=\"cards\">",
	                                   "<div id=\"",
	                                   "</div>",
	                                   "<details>",
	                                   "</details>",
	                                   "<summary>",
	                                   "</summary>",
	                                   "<p class=\"",
	                                   "<h2 class=\"against\">",
	                                   "<tr class=\"ticks\">",
	                                   "<th class=\"workload\"",
	                                   "<td>",
	                                   "<td class=\"",
	                                   "<tr>",
	                                   "</tr>",
	                                   "<th>",
	                                   "<th class=\"right",
	                                   "</th>",
	                                   "</td>",
	                                   "<figure>",
	                                   "</figure>",
	                                   "<svg>",
	                                   "<svg xmlns=\"",
	                                   "<rect ",
	                                   "<line x1=\"",
	                                   "<circle cx=\"",
	                                   "<path d=\"M",
	                                   "<text x=\"",
	                                   "</text>",
	                                   "<tspan class=\"",
	                                   "</tspan>",
	                                   "</svg>"};
	static const char *const references[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

	check_text(text);
	for (const char *at = text; (at = strpbrk(at, "<&")); at++)
		FUZZ_CHECK(*at == '<' ? begins_with_one(at, tags, sizeof(tags) / sizeof(*tags))
		                      : begins_with_one(at, references,
		                                        sizeof(references) / sizeof(*references)));
}

// Behind a text 'a'."\047".'b'.
static const char *skip_string(const char *at)
{
	static const char joined[] = ".\"\\047\".";

	for (;;) {
		FUZZ_CHECK(*at == '\'');
		at = strchr(at + 1, '\'');
		FUZZ_CHECK(at);
		at++;
		if (strncmp(at, joined, strlen(joined)))
			return at;
		at += strlen(joined);
	}
}

static bool is_data(const char *line, size_t length)
{
	while (length && strchr("0123456789+-.e NaN", *line)) {
		line++;
		length--;
	}
	return !length;
}

void check_plot(const char *script)
{
	static const char lower[] = "abcdefghijklmnopqrstuvwxyz_[]0123456789";
	bool data = false;

	check_text(script);
	for (size_t length; *script; script += length + (script[length] == '\n')) {
		size_t name = strspn(script, lower);

		length = strcspn(script, "\n");
		if (data) {
			data = strncmp(script, "end\n", 4);
			FUZZ_CHECK(!data || is_data(script, length));
		} else if (*script == '$') {
			data = true;
			FUZZ_CHECK(length > 7 && !strncmp(script + length - 7, " << end", 7) &&
			           1 + strspn(script + 1, lower) == length - 7);
		} else if (!strncmp(script + name, " = '", 4)) {
			FUZZ_CHECK(skip_string(script + name + 3) == script + length);
		} else if (!strncmp(script + name, " = ", 3)) {
			FUZZ_CHECK(is_data(script + name + 3, length - name - 3));
		} else {
			FUZZ_CHECK(!strncmp(script, "array name[", 11) ||
			           !strncmp(script, "load scripts . '/", 17) || !length);
		}
	}
	FUZZ_CHECK(!data);
}

static void check_csv(const char *text)
{
	enum { FIELDS = 17 };
	size_t fields = 1;
	bool quoted = false;

	for (; *text; text++) {
		quoted ^= *text == '"';
		fields += !quoted && *text == ',';
		if (!quoted && *text == '\n') {
			FUZZ_CHECK(text[-1] == '\r' && fields == FIELDS);
			fields = 1;
		}
	}
	FUZZ_CHECK(!quoted && fields == 1);
}

static void check_lines(const char *text, const char *const *beginnings, size_t n)
{
	for (size_t length; *text; text += length + 1) {
		length = strcspn(text, "\n");
		FUZZ_CHECK(text[length] && begins_with_one(text, beginnings, n));
	}
}

void check_export(const char *format, const char *text)
{
	static const char *const benchstat[] = {
	    "Benchmark", "Unit ",     "goos: ", "goarch: ", "cpu: ",
	    "kernel: ",  "harness: ", "run: ",  "status: "};
	static const char *const openmetrics[] = {"# TYPE wgbench_", "# HELP wgbench_",
	                                          "# UNIT wgbench_", "wgbench_", "# EOF"};

	if (strcmp(format, "gbench"))
		check_text(text);
	if (!strcmp(format, "csv"))
		check_csv(text);
	if (!strcmp(format, "benchstat"))
		check_lines(text, benchstat, sizeof(benchstat) / sizeof(*benchstat));
	if (!strcmp(format, "openmetrics"))
		check_lines(text, openmetrics, sizeof(openmetrics) / sizeof(*openmetrics));
	if (!strcmp(format, "gbench")) {
		json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

		FUZZ_CHECK(json_is_array(json_object_get(json, "benchmarks")));
		json_decref(json);
	}
}
