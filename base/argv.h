// The argument vector of a program to start.
#ifndef WGBENCH_BASE_ARGV_H
#define WGBENCH_BASE_ARGV_H

#include <stddef.h>

struct argv { // a zeroed one is empty
	size_t n, room;
	char **word; // owned; NULL after the last
};

void argv_add(struct argv *, const char *word);

// Several words, up to a NULL.
void argv_add_all(struct argv *, ...) __attribute__((sentinel));

// Those of an array, up to a NULL.
void argv_add_array(struct argv *, const char *const words[]);

void argv_add_format(struct argv *, const char *format, ...) __attribute__((format(printf, 2, 3)));

// An option and its value: argv_add_option(&a, "--rate", "%.0f", rate).
void argv_add_option(struct argv *, const char *option, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// As execvp() takes them; valid until the vector changes.
const char *const *argv_words(const struct argv *);

void argv_free(struct argv *); // empty again

#endif
