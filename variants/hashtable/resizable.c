// Hash table variant `resizable`: as large as its load asks for, resized step by step, and hashed
// by the whole seed. Idea, complexity, memory, thread safety and source: chunks.h.
enum { USED_SEED_BYTES = 16 };

#include "variants/hashtable/chunks.h"

const char hashtable_variant[] = "resizable";
