// Allowed IPs variant `bigendian`: nodes and keys stay in network order, and the difference of the
// two is swapped at every node that a lookup visits: 32 bits for IPv4, and for IPv6 the 64 bits of
// the first half that differs. Complexity, memory, thread safety and source: body/trie.c.
#include <endian.h>
#include <stdint.h>

static inline uint32_t held32(uint32_t network)
{
	return network;
}

static inline uint64_t held64(uint64_t network)
{
	return network;
}

static inline uint32_t value32(uint32_t held)
{
	return be32toh(held);
}

static inline uint64_t value64(uint64_t held)
{
	return be64toh(held);
}

static inline unsigned held_byte(unsigned byte, unsigned word_bytes)
{
	(void)word_bytes;
	return byte;
}

#include "variants/allowedips/body/trie.c"

const char allowedips_variant[] = "bigendian";
