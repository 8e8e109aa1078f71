// Fields of packets at any alignment, in the memory's order: ntohs and htons are the caller's.
#ifndef WGBENCH_BYTES_H
#define WGBENCH_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint16_t bytes_load16(const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint32_t bytes_load32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint64_t bytes_load64(const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline void bytes_store16(uint8_t *to, uint16_t value)
{
	memcpy(to, &value, sizeof(value));
}

static inline void bytes_store32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

#endif
