// Delays in logarithmic buckets with 1024 linear steps to the octave (after Gil Tene's
// HdrHistogram): every value up to 10 s is known to three significant digits, at a cost that
// doesn't depend on how many there are.
#ifndef WGBENCH_TRAFFIC_HISTOGRAM_H
#define WGBENCH_TRAFFIC_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_MAX_NS UINT64_C(10000000000)

enum {
	HISTOGRAM_STEP_BITS = 10,
	HISTOGRAM_BUCKETS = 25 << HISTOGRAM_STEP_BITS, // HISTOGRAM_MAX_NS < 2^34
};

// Zeroed: empty.
struct histogram {
	uint64_t count, min_ns, max_ns;
	uint64_t above; // of them, over HISTOGRAM_MAX_NS, counted as that
	uint32_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *, uint64_t ns);

// Nearest rank: the smallest value that at least the share q (0..1) doesn't exceed, rounded up to
// its bucket's end; q = 0 is the least one, q = 1 the greatest, both exact. 0 where empty.
uint64_t histogram_quantile(const struct histogram *, double q);

// The next bucket from `*at` on that holds something: how much, and in `end_ns` its end, no more
// than the greatest value; `*at` goes behind it. 0: there is none. `*at` begins at 0.
uint32_t histogram_next(const struct histogram *, unsigned *at, uint64_t *end_ns);

#endif
