// What commands leave: files that come into their place whole, so that a reader never meets half of
// one and what stood there stays until then; and JSON.
#ifndef WGBENCH_BASE_FILE_H
#define WGBENCH_BASE_FILE_H

#include <jansson.h>
#include <stdio.h>

struct output {
	FILE *file; // written beside its place until output_end()
	char *path, *next;
};

// 0; -errno after a printed line.
int output_begin(struct output *, const char *path);

// Puts the file into its place, synced with its folder. 0; -errno after a printed line: then what
// stood there is as it was.
int output_end(struct output *);

// Both with what is between. `flags` are jansson's.
int output_text(const char *path, const char *text, size_t bytes);
int output_json(const char *path, const json_t *, size_t flags);

// How JSON is printed: to a terminal, which may take a character beyond ASCII for a command, in
// ASCII.
size_t output_json_flags(FILE *);

// Prints it, and gives up the reference.
void output_print_json(json_t *);

// Copies as many whole characters as fit; what isn't UTF-8, which JSON is, becomes '?'.
void output_take_text(char *to, size_t bytes, const char *from);

// All of it, likewise; the caller frees it.
char *output_clean(const char *);

// A text for JSON, likewise.
json_t *output_string(const char *);

// JSON has no infinity: a number that isn't there is null.
json_t *output_number(double);

#endif
