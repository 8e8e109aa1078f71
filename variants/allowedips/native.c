// Allowed IPs variant `native`: the address is swapped to the machine's order once per lookup or
// insert, and nodes hold words of that order, so that no node costs a swap. Complexity, memory,
// thread safety and source: body/trie.c.
#include <endian.h>
#include <stdint.h>

static inline uint32_t held32(uint32_t network)
{
	return be32toh(network);
}

static inline uint64_t held64(uint64_t network)
{
	return be64toh(network);
}

static inline uint32_t value32(uint32_t held)
{
	return held;
}

static inline uint64_t value64(uint64_t held)
{
	return held;
}

static inline unsigned held_byte(unsigned byte, unsigned word_bytes)
{
	return BYTE_ORDER == LITTLE_ENDIAN ? word_bytes - 1 - byte : byte;
}

#include "variants/allowedips/body/trie.c"

const char allowedips_variant[] = "native";
