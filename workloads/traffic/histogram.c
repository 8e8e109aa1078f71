#include "workloads/traffic/histogram.h"

#include <math.h>

// Below two octaves of steps a bucket is one value; above, `shift` low bits are dropped.
static unsigned bucket_of(uint64_t ns)
{
	unsigned bits = 64 - __builtin_clzll(ns | 1);
	unsigned shift = bits > HISTOGRAM_STEP_BITS ? bits - HISTOGRAM_STEP_BITS - 1 : 0;

	return (shift << HISTOGRAM_STEP_BITS) + (ns >> shift);
}

static uint64_t end_of(unsigned bucket)
{
	unsigned octave = bucket >> HISTOGRAM_STEP_BITS, shift = octave ? octave - 1 : 0;
	uint64_t step = bucket - (shift << HISTOGRAM_STEP_BITS);

	return ((step + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	if (ns > HISTOGRAM_MAX_NS) {
		h->above++;
		ns = HISTOGRAM_MAX_NS;
	}
	if (!h->count || ns < h->min_ns)
		h->min_ns = ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
	h->count++;
	h->bucket[bucket_of(ns)]++;
}

static uint64_t value_of(const struct histogram *h, unsigned bucket)
{
	uint64_t end = end_of(bucket);

	return end < h->max_ns ? end : h->max_ns;
}

uint64_t histogram_quantile(const struct histogram *h, double q)
{
	// 0.07 * 100 is above 7 by rounding; its rank is 7.
	uint64_t rank = ceil(q * h->count * (1 - 1e-12)), passed = 0;
	unsigned i = 0;

	if (!rank)
		return h->min_ns;
	if (rank >= h->count)
		return h->max_ns;
	while ((passed += h->bucket[i]) < rank)
		i++;
	return value_of(h, i);
}

uint32_t histogram_next(const struct histogram *h, unsigned *at, uint64_t *end_ns)
{
	while (*at < HISTOGRAM_BUCKETS && !h->bucket[*at])
		++*at;
	if (*at == HISTOGRAM_BUCKETS)
		return 0;
	*end_ns = value_of(h, *at);
	return h->bucket[(*at)++];
}
