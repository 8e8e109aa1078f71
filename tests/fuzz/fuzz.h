// What the fuzz targets share: a check that ends the program where an invariant is broken, and a
// reader that takes an input apart. Each target is a file, one of them with parts in a folder
// of its name, linked with libFuzzer (`make fuzz`).
#ifndef WGBENCH_TESTS_FUZZ_H
#define WGBENCH_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static inline _Noreturn void fuzz_fail(const char *what, const char *file, int line)
{
	dprintf(STDERR_FILENO, "%s:%d: broken: %s\n", file, line, what);
	abort();
}

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fuzz_fail(#condition, __FILE__, __LINE__);                                 \
	} while (0)

// An input; past its end every byte is 0.
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

// Big-endian.
static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
	uint16_t high = fuzz_byte(in);

	return high << 8 | fuzz_byte(in);
}

// At most `bytes`; how many there were. `to` NULL: skipped.
static inline size_t fuzz_take(struct fuzz_input *in, void *to, size_t bytes)
{
	if (bytes > in->left)
		bytes = in->left;
	if (to && bytes)
		memcpy(to, in->at, bytes);
	in->at += bytes;
	in->left -= bytes;
	return bytes;
}

// Memory of exactly this size, so that the address sanitizer sees a byte too far.
static inline void *fuzz_exactly(const void *from, size_t bytes)
{
	void *copy = malloc(bytes ? bytes : 1);

	FUZZ_CHECK(copy);
	if (bytes)
		memcpy(copy, from, bytes);
	return copy;
}

#endif
