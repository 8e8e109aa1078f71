// Quantiles of the histogram against those of the sorted samples, and the counting of sequence
// numbers against a model that remembers every one.
#include "workloads/traffic/histogram.h"
#include "workloads/traffic/sequence.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

// Walking the buckets gives every sample once, in order, to three digits.
static void compare_buckets(const struct histogram *h, const uint64_t *sorted, size_t n)
{
	unsigned at = 0;
	uint64_t end_ns;
	size_t i = 0;

	for (uint32_t some; (some = histogram_next(h, &at, &end_ns));)
		for (; some--; i++) {
			assert_true(i < n);
			assert_in_range(end_ns, sorted[i], sorted[i] + sorted[i] / 1000);
		}
	assert_int_equal(i, n);
}

// q * n is whole, but most products of doubles are not: the rank is k for each k of n.
static void ranks_are_not_rounded_up(void **state)
{
	static const unsigned sizes[] = {10, 20, 100, 1000};
	struct histogram *h = malloc(sizeof(*h));

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		memset(h, 0, sizeof(*h));
		for (unsigned i = 1; i <= sizes[s]; i++)
			histogram_add(h, i);
		for (unsigned k = 1; k <= sizes[s]; k++)
			assert_int_equal(histogram_quantile(h, (double)k / sizes[s]), k);
		if (sizes[s] == 100)
			assert_int_equal(histogram_quantile(h, 0.07), 7);
	}
	free(h);
}

static void quantiles_have_three_digits(void **state)
{
	static const double q[] = {0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	static const size_t sizes[] = {1, 2, 3, 1000, 20000};
	static uint64_t sample[20000];
	struct histogram *h = malloc(sizeof(*h));
	struct support_random r;

	(void)state;
	support_random_init(&r, support_seed());
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		size_t n = sizes[s];

		memset(h, 0, sizeof(*h));
		for (size_t i = 0; i < n; i++) {
			// All orders of magnitude alike, and ties.
			sample[i] = exp(support_random_below(&r, 1000) * 1e-3 * log(1e10));
			histogram_add(h, sample[i]);
		}
		qsort(sample, n, sizeof(*sample), ascending);
		assert_int_equal(h->count, n);
		for (size_t i = 0; i < sizeof(q) / sizeof(*q); i++) {
			size_t rank = ceil(q[i] * n);
			uint64_t exact = sample[rank ? rank - 1 : 0];
			uint64_t got = histogram_quantile(h, q[i]);

			assert_in_range(got, exact, exact + exact / 1000);
		}
		compare_buckets(h, sample, n);
		assert_int_equal(histogram_quantile(h, 0), sample[0]);
		assert_int_equal(histogram_quantile(h, 1), sample[n - 1]);
	}
	free(h);
}

static void values_at_the_edges(void **state)
{
	struct histogram *h = calloc(1, sizeof(*h));

	(void)state;
	unsigned at = 0;
	uint64_t end_ns;
	assert_int_equal(histogram_next(h, &at, &end_ns), 0);
	assert_int_equal(histogram_quantile(h, 0.5), 0);
	assert_int_equal(histogram_quantile(h, 1), 0);
	// Each bucket's first and last value, so that none is out of the array or in two of them.
	for (uint64_t v = 1; v <= HISTOGRAM_MAX_NS; v *= 2) {
		histogram_add(h, v - 1);
		histogram_add(h, v);
	}
	histogram_add(h, HISTOGRAM_MAX_NS);
	assert_int_equal(h->above, 0);
	histogram_add(h, UINT64_MAX);
	assert_int_equal(h->above, 1);
	assert_int_equal(histogram_quantile(h, 1), HISTOGRAM_MAX_NS);
	assert_int_equal(histogram_quantile(h, 0), 0);
	free(h);
}

// What is told bucket by bucket and put together again is the whole.
static void told_again(void **state)
{
	struct histogram *h = calloc(2, sizeof(*h)), *told = h + 1;
	struct support_random r;
	unsigned at = 0;
	uint64_t end_ns;

	(void)state;
	support_random_init(&r, support_seed());
	for (int i = 0; i < 5000; i++)
		histogram_add(h, 100 + exp(support_random_below(&r, 1000) * 1.01e-3 * log(1e10)));
	assert_true(h->above);
	for (uint32_t n; (n = histogram_next(h, &at, &end_ns));)
		while (n--)
			histogram_add(told, end_ns);
	assert_memory_equal(told->bucket, h->bucket, sizeof(told->bucket));
	assert_int_equal(told->count, h->count);
	for (int q = 1; q <= 100; q++)
		assert_int_equal(histogram_quantile(told, q / 100.0),
		                 histogram_quantile(h, q / 100.0));
	free(h);
}

enum { NUMBERS = 400000 };

// Numbers in order but for jumps back and forth, some of them farther than the window.
static void sequence_agrees_with_a_model(void **state)
{
	struct sequence *s = calloc(1, sizeof(*s));
	bool *seen = calloc(NUMBERS, sizeof(*seen));
	uint64_t received = 0, reordered = 0, duplicates = 0, stale = 0, next = 0;
	struct support_random r;

	(void)state;
	support_random_init(&r, support_seed());
	for (int i = 0; i < NUMBERS; i++) {
		uint64_t what = support_random_below(&r, 1000), number = next;

		if (what < 300 && next)
			number = next - 1 - support_random_below(&r, next < 200 ? next : 200);
		else if (what < 305 && next > SEQUENCE_WINDOW)
			number = next - SEQUENCE_WINDOW - 1 + support_random_below(&r, 3);
		else if (what < 400)
			number = next + support_random_below(&r, 3);
		else if (what == 999 && !support_random_below(&r, 50))
			number = next + SEQUENCE_WINDOW - 1 + support_random_below(&r, 3);
		if (number >= NUMBERS)
			break;
		sequence_add(s, number);
		if (number >= next) {
			next = number + 1;
		} else if (next - number > SEQUENCE_WINDOW) {
			stale++;
			continue;
		} else if (seen[number]) {
			duplicates++;
			continue;
		} else {
			reordered++;
		}
		seen[number] = true;
		received++;
	}
	assert_true(stale && duplicates && reordered && next > 2 * SEQUENCE_WINDOW);
	assert_int_equal(s->next, next);
	assert_int_equal(s->received, received);
	assert_int_equal(s->reordered, reordered);
	assert_int_equal(s->duplicates, duplicates);
	assert_int_equal(s->stale, stale);
	free(seen);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quantiles_have_three_digits),
	    cmocka_unit_test(ranks_are_not_rounded_up),
	    cmocka_unit_test(values_at_the_edges),
	    cmocka_unit_test(told_again),
	    cmocka_unit_test(sequence_agrees_with_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
