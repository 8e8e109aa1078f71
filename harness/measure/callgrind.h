// What callgrind counted, by function: its file format, of which only the costs of functions
// themselves are wanted. (callgrind_annotate 3.19 can't be asked: in a dump that was made while
// functions are running, it takes what these have called for their own.)
// Source: "Callgrind Format Specification" in Valgrind's manual.
#ifndef WGBENCH_MEASURE_CALLGRIND_H
#define WGBENCH_MEASURE_CALLGRIND_H

#include <stddef.h>
#include <stdint.h>

struct text;

struct callgrind_function {
	// "FILE:FUNCTION", FILE relative to the source tree; for a variant's the slot's folder, so
	// that the same function of two variants has the same name. Outside the tree
	// "LIBRARY:FUNCTION", or where there are no symbols "LIBRARY".
	char *name;
	uint64_t instructions; // its own, without those of what it calls
};

// Sorted by name, each once.
struct callgrind {
	size_t n;
	struct callgrind_function *function;
	uint64_t instructions;
};

// Reads a dump of instructions by line; root: of the source tree that the program was made in. 0;
// -EINVAL with the line and what is wrong with it in `fault`, also where the costs don't come to
// the total that the dump itself states.
int callgrind_parse(struct callgrind *, const char *text, const char *root, struct text *fault);

// Of the function; 0 where it isn't there.
uint64_t callgrind_find(const struct callgrind *, const char *name);

void callgrind_free(struct callgrind *);

#endif
