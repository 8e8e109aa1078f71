// The Internet checksum. 2^32 is 1 modulo 2^16 - 1, so 32-bit words are summed in 64-bit lanes,
// whose carries are folded once at the end. One body in GCC's vector extension is compiled for
// several instruction sets and chosen at start; an ifunc (target_clones) would run its resolver
// before the sanitizers' runtimes are up, and valgrind's CPU has to be able to get AVX2.
#include "tunnel/checksum.h"
#include "tunnel/bytes.h"
#include "tunnel/offload.h"

#include <arpa/inet.h>
#include <sys/socket.h>

typedef uint64_t lanes __attribute__((vector_size(64)));

static inline __attribute__((always_inline)) uint64_t add(uint64_t sum, const void *data,
                                                          size_t length)
{
	const uint8_t *p = data;
	lanes even = {0}, odd = {0};
	uint64_t total = 0, tail = 0;

	for (; length >= sizeof(lanes); p += sizeof(lanes), length -= sizeof(lanes)) {
		lanes v;

		memcpy(&v, p, sizeof(v));
		even += v & UINT32_MAX;
		odd += v >> 32;
	}
	even += odd;
	for (size_t i = 0; i < sizeof(lanes) / sizeof(even[0]); i++)
		total += even[i];
	for (; length >= sizeof(tail); p += sizeof(tail), length -= sizeof(tail)) {
		uint64_t v = bytes_load64(p);

		total += (v & UINT32_MAX) + (v >> 32);
	}
	memcpy(&tail, p, length);
	total += (tail & UINT32_MAX) + (tail >> 32);
	return sum + (total & UINT32_MAX) + (total >> 32);
}

static uint64_t add_portable(uint64_t sum, const void *data, size_t length)
{
	return add(sum, data, length);
}

static bool always(void)
{
	return true;
}

#ifdef __x86_64__
static __attribute__((target("avx2"))) uint64_t add_avx2(uint64_t sum, const void *data,
                                                         size_t length)
{
	return add(sum, data, length);
}

static __attribute__((target("avx512f"))) uint64_t add_avx512(uint64_t sum, const void *data,
                                                              size_t length)
{
	return add(sum, data, length);
}

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f");
}
#endif

const struct checksum_way checksum_ways[] = {
#ifdef __x86_64__
    {"avx512", has_avx512, add_avx512},
    {"avx2", has_avx2, add_avx2},
#endif
    {"portable", always, add_portable},
};
const size_t checksum_ways_count = sizeof(checksum_ways) / sizeof(checksum_ways[0]);

static uint64_t (*chosen)(uint64_t, const void *, size_t) = add_portable;

static __attribute__((constructor)) void choose(void)
{
	const struct checksum_way *way = checksum_ways;

	while (!way->usable())
		way++;
	chosen = way->add;
}

uint64_t checksum_add(uint64_t sum, const void *data, size_t length)
{
	return chosen(sum, data, length);
}

uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16 & UINT16_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (sum & UINT16_MAX) + (sum >> 16);
}

uint64_t checksum_pseudo(const struct offload_ip *ip, uint8_t protocol, uint32_t length)
{
	uint64_t sum = htons(protocol) + (uint64_t)htonl(length);
	size_t bytes = ip->family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < bytes; i += 4)
		sum += (uint64_t)bytes_load32(ip->source + i) + bytes_load32(ip->destination + i);
	return sum;
}
