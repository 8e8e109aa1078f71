#include "base/argv.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void take(struct argv *a, char *word)
{
	a->word = memory_more(a->word, a->n + 1, &a->room, sizeof(*a->word));
	a->word[a->n++] = word;
	a->word[a->n] = NULL;
}

void argv_add(struct argv *a, const char *word)
{
	take(a, text_format("%s", word));
}

void argv_add_all(struct argv *a, ...)
{
	const char *word;
	va_list words;

	va_start(words, a);
	while ((word = va_arg(words, const char *)))
		argv_add(a, word);
	va_end(words);
}

void argv_add_option(struct argv *a, const char *option, const char *format, ...)
{
	va_list arguments;
	char *value;

	argv_add(a, option);
	va_start(arguments, format);
	if (vasprintf(&value, format, arguments) < 0)
		abort();
	va_end(arguments);
	take(a, value);
}

const char *const *argv_words(const struct argv *a)
{
	static const char *const none[] = {NULL};

	return a->n ? (const char *const *)a->word : none;
}

void argv_free(struct argv *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->word[i]);
	free(a->word);
	*a = (struct argv){0};
}
