// A growing string, so that no caller chooses a size. A zeroed one is empty and needs no set-up.
#ifndef WGBENCH_BASE_TEXT_H
#define WGBENCH_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct text {
	char *bytes; // zero-terminated; NULL while nothing was added: read it by text_string()
	size_t length, room;
};

// Valid until the text changes; never NULL.
const char *text_string(const struct text *);

void text_add(struct text *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *, const char *bytes, size_t n);

// Replaces what the text held. The arguments may refer to the text itself.
void text_set(struct text *, const char *format, ...) __attribute__((format(printf, 2, 3)));

void text_cut(struct text *, size_t length); // to at most so many bytes
void text_free(struct text *);               // empty again

// Gives up the string, which the caller frees; the text is empty then.
char *text_take(struct text *);

// A new string, which the caller frees.
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_format_list(const char *format, va_list) __attribute__((format(printf, 1, 0)));

// A stream that replaces what the text held; the text is to be used once the stream is closed.
FILE *text_open(struct text *);

// "1 block", "2 blocks": the number with its noun, whose plural is regular.
void text_add_count(struct text *, unsigned long n, const char *noun);

// The ending of a regular plural: "" or "s".
const char *text_plural(unsigned long n);

// Whether the word is among the words that these separators part.
bool text_has_word(const char *words, const char *separators, const char *word);

// A length of time: 90, 90s, 10m, 1.5h. 0 or -EINVAL.
int text_parse_seconds(const char *, double *seconds);

#endif
