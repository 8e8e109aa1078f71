#include "base/text.h"

#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *text_string(const struct text *t)
{
	return t->bytes ? t->bytes : "";
}

// Makes room for n more bytes and a final zero.
static void reserve_room(struct text *t, size_t n)
{
	enum { ROOM_FIRST = 64 };
	size_t needed = t->length + n + 1, room = t->room ? t->room : ROOM_FIRST;

	while (room < needed)
		room *= 2;
	if (room == t->room)
		return;
	t->bytes = memory_resize(t->bytes, room, 1);
	t->room = room;
}

void text_add_bytes(struct text *t, const char *bytes, size_t n)
{
	reserve_room(t, n);
	memcpy(t->bytes + t->length, bytes, n);
	t->length += n;
	t->bytes[t->length] = 0;
}

static void add_formatted(struct text *t, const char *format, va_list arguments)
{
	va_list again;

	va_copy(again, arguments);
	int n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		return; // an argument that the locale can't encode: only %ls has such
	reserve_room(t, n);
	vsnprintf(t->bytes + t->length, n + 1, format, arguments);
	t->length += n;
}

void text_add(struct text *t, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_formatted(t, format, arguments);
	va_end(arguments);
}

void text_set(struct text *t, const char *format, ...)
{
	struct text next = {0};
	va_list arguments;

	va_start(arguments, format);
	add_formatted(&next, format, arguments);
	va_end(arguments);
	text_free(t);
	*t = next;
}

void text_cut(struct text *t, size_t length)
{
	if (length >= t->length)
		return;
	t->length = length;
	t->bytes[length] = 0;
}

void text_free(struct text *t)
{
	free(t->bytes);
	*t = (struct text){0};
}

char *text_take(struct text *t)
{
	reserve_room(t, 0);
	t->bytes[t->length] = 0;
	char *bytes = t->bytes;
	*t = (struct text){0};
	return bytes;
}

char *text_format_list(const char *format, va_list arguments)
{
	struct text t = {0};

	add_formatted(&t, format, arguments);
	return text_take(&t);
}

char *text_format(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = text_format_list(format, arguments);
	va_end(arguments);
	return text;
}

FILE *text_open(struct text *t)
{
	text_free(t);
	return memory_had(open_memstream(&t->bytes, &t->length));
}

const char *text_plural(unsigned long n)
{
	return n == 1 ? "" : "s";
}

void text_add_count(struct text *t, unsigned long n, const char *noun)
{
	text_add(t, "%lu %s%s", n, noun, text_plural(n));
}

bool text_has_word(const char *words, const char *separators, const char *word)
{
	size_t wanted = strlen(word), length;

	for (; *words; words += length) {
		words += strspn(words, separators);
		length = strcspn(words, separators);
		if (length && length == wanted && !memcmp(words, word, length))
			return true;
	}
	return false;
}

int text_parse_seconds(const char *text, double *seconds)
{
	static const struct {
		char letter;
		double seconds;
	} units[] = {{0, 1}, {'s', 1}, {'m', 60}, {'h', 3600}};
	char *end;
	double value = strtod(text, &end);

	// strtod() takes leading space, "inf" and "nan".
	if (end == text || isspace((unsigned char)*text) || !isfinite(value) || (*end && end[1]))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (*end == units[i].letter) {
			*seconds = value * units[i].seconds;
			return 0;
		}
	return -EINVAL;
}
