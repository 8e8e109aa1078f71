// Hash table variant `resizable`: as large as its load asks for, resized step by step, and hashed
// by the whole seed. Idea, complexity, memory, thread safety and source: body/chunks.c.
enum { USED_SEED_BYTES = 16 };

#include "variants/hashtable/body/chunks.c"

const char hashtable_variant[] = "resizable";
