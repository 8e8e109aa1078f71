// Hash table variant `seed32`: `resizable` with as much seed as the Linux kernel's rhashtable gives
// its hash function. Weak: whoever has learnt which keys collide tries all 2^32 seeds, and then
// makes keys for one chunk (workloads/micro/hashtable_attack.h). Here to be attacked, not used.
enum { USED_SEED_BYTES = 4 };

#include "variants/hashtable/body/chunks.c"

const char hashtable_variant[] = "seed32";
