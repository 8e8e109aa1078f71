#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *memory_had(void *memory)
{
	if (memory)
		return memory;
	fputs("wgbench: out of memory\n", stderr);
	abort();
}

void *memory_new(size_t n, size_t bytes)
{
	return memory_had(calloc(n ? n : 1, bytes));
}

void *memory_resize(void *old, size_t n, size_t bytes)
{
	return memory_had(reallocarray(old, n ? n : 1, bytes));
}

void *memory_copy(const void *from, size_t bytes)
{
	return memcpy(memory_resize(NULL, bytes, 1), from, bytes);
}

void *memory_more(void *array, size_t n, size_t *room, size_t bytes)
{
	enum { ROOM_FIRST = 16 };

	if (n < *room)
		return array;
	*room = *room ? 2 * *room : ROOM_FIRST;
	return memory_resize(array, *room, bytes);
}
