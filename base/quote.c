#include "base/quote.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { VISIBLE_BYTES = 16, INVALID = 0x110000 };

struct code_range {
	uint32_t first, last;
};

static bool is_in(uint32_t code, const struct code_range *range, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (code >= range[i].first && code <= range[i].last)
			return true;
	return false;
}

// Controls, what has no width, and what changes the direction of text.
static bool is_hidden(uint32_t code)
{
	static const struct code_range hidden[] = {
	    {0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},       {0x34f, 0x34f},
	    {0x61c, 0x61c},   {0x115f, 0x1160}, {0x17b4, 0x17b5},   {0x180b, 0x180f},
	    {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},   {0x3164, 0x3164},
	    {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
	    {0xfffe, 0xffff}, {0xe000, 0xf8ff}, {0xe0000, 0xe0fff}, {0xf0000, INVALID},
	};

	return is_in(code, hidden, sizeof(hidden) / sizeof(*hidden)) || (code & 0xfffe) == 0xfffe;
}

static bool is_blank(uint32_t code)
{
	static const struct code_range blank[] = {{0xa0, 0xa0},     {0x1680, 0x1680},
	                                          {0x2000, 0x200a}, {0x202f, 0x202f},
	                                          {0x205f, 0x205f}, {0x3000, 0x3000}};

	return is_in(code, blank, sizeof(blank) / sizeof(*blank));
}

// The character that the text begins with, and its bytes (RFC 3629); INVALID with 1 where it
// begins with none. The text isn't empty.
static size_t take_character(const char *text, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *byte = (const unsigned char *)text;
	size_t n = *byte < 0x80       ? 1
	           : *byte >> 5 == 6  ? 2
	           : *byte >> 4 == 14 ? 3
	           : *byte >> 3 == 30 ? 4
	                              : 0;

	*code = n == 1 ? *byte : n ? *byte & (0x7f >> n) : INVALID;
	for (size_t i = 1; i < n; i++) {
		if (byte[i] >> 6 != 2) {
			*code = INVALID;
			return 1;
		}
		*code = *code << 6 | (byte[i] & 0x3f);
	}
	if (n && *code >= least[n] && *code < INVALID && (*code < 0xd800 || *code > 0xdfff))
		return n;
	*code = INVALID;
	return 1;
}

// How a hidden character is written out.
static int show_hidden(char visible[VISIBLE_BYTES], uint32_t code, unsigned char first)
{
	static const char named[] = "\a\b\t\n\v\f\r", letters[] = "abtnvfr";
	const char *name = code && code < ' ' ? strchr(named, code) : NULL;

	if (name)
		return snprintf(visible, VISIBLE_BYTES, "\\%c", letters[name - named]);
	if (code < 0x80 || code == INVALID)
		return snprintf(visible, VISIBLE_BYTES, "\\x%02x", first);
	return snprintf(visible, VISIBLE_BYTES, "\\u{%x}", code);
}

// The part that the text begins with: a run of plain ASCII outside `special`, or one character.
// Sets *visible to what stands for it.
static size_t take_part(const char *text, const char *special, const char **visible, int *length,
                        char buffer[VISIBLE_BYTES])
{
	size_t bytes = 0;
	uint32_t code;

	while (text[bytes] >= ' ' && text[bytes] < 0x7f && !strchr(special, text[bytes]))
		bytes++;
	*visible = text;
	*length = bytes;
	if (bytes)
		return bytes;
	bytes = take_character(text, &code);
	*length = bytes;
	if (is_hidden(code)) {
		*visible = buffer;
		*length = show_hidden(buffer, code, *text);
	}
	return bytes;
}

// Writes the text with hidden characters written out, and instead of each special one what
// `replace` says.
static void put_escaped(FILE *to, const char *text, const char *special,
                        const char *(*replace)(const char *at))
{
	char buffer[VISIBLE_BYTES];
	const char *visible;
	int length;

	while (*text) {
		const char *instead = strchr(special, *text) ? replace(text) : NULL;

		if (instead) {
			fputs(instead, to);
			text++;
			continue;
		}
		text += take_part(text, special, &visible, &length, buffer);
		// What was written out has a backslash, which may be special itself.
		for (int i = 0; i < length; i++) {
			instead = visible == buffer && strchr(special, visible[i])
			              ? replace(visible + i)
			              : NULL;
			if (instead)
				fputs(instead, to);
			else
				fputc(visible[i], to);
		}
	}
}

static const char *keep_character(const char *at)
{
	(void)at;
	return NULL;
}

void quote_text(FILE *to, const char *text)
{
	put_escaped(to, text, "", keep_character);
}

size_t quote_width(const char *text)
{
	char buffer[VISIBLE_BYTES];
	const char *visible;
	size_t width = 0;
	int length;

	while (*text) {
		text += take_part(text, "", &visible, &length, buffer);
		for (int i = 0; i < length; i++)
			width += ((unsigned char)visible[i] & 0xc0) != 0x80;
	}
	return width;
}

void quote_printf(FILE *to, const char *format, ...)
{
	size_t before = strspn(format, "\n"), length = strlen(format), after = 0;
	struct text middle = {0};
	va_list arguments;

	while (after < length - before && format[length - 1 - after] == '\n')
		after++;
	text_add_bytes(&middle, format + before, length - before - after);
	va_start(arguments, format);
	char *text = text_format_list(text_string(&middle), arguments);
	va_end(arguments);
	fprintf(to, "%.*s", (int)before, format);
	quote_text(to, text);
	fputs(format + length - after, to);
	free(text);
	text_free(&middle);
}

static const char *keep_newline(const char *at)
{
	return *at == '\n' ? "\n" : NULL;
}

char *quote_lines(const char *text)
{
	struct text lines = {0};
	FILE *to = text_open(&lines);

	put_escaped(to, text, "\n", keep_newline);
	fclose(to);
	return text_take(&lines);
}

static const char *escape_markup(const char *at)
{
	switch (*at) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	default:
		return "&#39;";
	}
}

void quote_html(FILE *to, const char *text)
{
	put_escaped(to, text, "&<>\"'", escape_markup);
}

// A bracket is markup where a link's address or name follows.
static const char *escape_markdown(const char *at)
{
	switch (*at) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '|':
		return "\\|";
	case '`':
		return "\\`";
	case '*':
		return "\\*";
	case '\\':
		return "\\\\";
	default:
		return at[1] && strchr("([:", at[1]) ? "\\]" : NULL;
	}
}

void quote_markdown(FILE *to, const char *text)
{
	put_escaped(to, text, "&<|`*\\]", escape_markdown);
}

// A doubled quote is one, but not at a string's beginning.
static const char *join_quote(const char *at)
{
	(void)at;
	return "'.\"\\047\".'";
}

void quote_gnuplot(FILE *to, const char *text)
{
	fputc('\'', to);
	put_escaped(to, text, "'", join_quote);
	fputc('\'', to);
}

static const char *end_word(const char *at)
{
	(void)at;
	return "'\\''";
}

// Inside $'...' every byte that isn't plain is an escape.
static void put_bash(FILE *to, const char *word)
{
	fputs("$'", to);
	for (; *word; word++)
		if (*word >= ' ' && *word < 0x7f)
			fprintf(to, strchr("'\\", *word) ? "\\%c" : "%c", *word);
		else
			fprintf(to, "\\%03o", (unsigned char)*word);
	fputc('\'', to);
}

void quote_shell(FILE *to, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                            "-_=,.:/@+%";
	bool hidden = false;
	uint32_t code;

	for (const char *at = word; *at; hidden |= is_hidden(code))
		at += take_character(at, &code);
	if (hidden) {
		put_bash(to, word);
	} else if (*word && !word[strspn(word, plain)]) {
		fputs(word, to);
	} else {
		fputc('\'', to);
		put_escaped(to, word, "'", end_word);
		fputc('\'', to);
	}
}

static const char *escape_field(const char *at)
{
	return *at == '\n' ? "\n" : "\"\"";
}

void quote_csv(FILE *to, const char *text)
{
	const char *around = text[strcspn(text, ",\"\r\n")] ? "\"" : "";

	fputs(around, to);
	put_escaped(to, text, "\"\n", escape_field);
	fputs(around, to);
}

static const char *escape_label(const char *at)
{
	return *at == '\n' ? "\\n" : *at == '"' ? "\\\"" : "\\\\";
}

void quote_label(FILE *to, const char *text)
{
	fputc('"', to);
	put_escaped(to, text, "\"\\\n", escape_label);
	fputc('"', to);
}

void quote_word(FILE *to, const char *text, const char *also)
{
	while (*text) {
		uint32_t code;
		size_t bytes = take_character(text, &code);
		bool encoded = is_hidden(code) || is_blank(code) || *text == '%' ||
		               (bytes == 1 && strchr(also, *text));

		for (size_t i = 0; i < bytes; i++)
			fprintf(to, encoded ? "%%%02X" : "%c", (unsigned char)text[i]);
		text += bytes;
	}
}

void quote_file_name(char *name, size_t bytes, const char *text)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t n = 0;

	for (; text[n] && n + 1 < bytes; n++)
		name[n] = strchr(plain, text[n]) && (n || text[n] != '.') ? text[n] : '-';
	name[n] = 0;
}
