#include "base/argv.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>

static void add_owned(struct argv *a, char *word)
{
	a->word = memory_more(a->word, a->n + 1, &a->room, sizeof(*a->word));
	a->word[a->n++] = word;
	a->word[a->n] = NULL;
}

void argv_add(struct argv *a, const char *word)
{
	add_owned(a, text_format("%s", word));
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

void argv_add_array(struct argv *a, const char *const words[])
{
	while (*words)
		argv_add(a, *words++);
}

void argv_add_format(struct argv *a, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_owned(a, text_format_list(format, arguments));
	va_end(arguments);
}

void argv_add_option(struct argv *a, const char *option, const char *format, ...)
{
	va_list arguments;

	argv_add(a, option);
	va_start(arguments, format);
	add_owned(a, text_format_list(format, arguments));
	va_end(arguments);
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
