#include "harness/stats/interim.h"

#include "base/memory.h"
#include "base/random.h"
#include "harness/stats/signed_rank.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

// Under the null hypothesis the signed-rank sums of all analyses have a joint distribution that
// doesn't depend on the blocks' one, so long as that is symmetric: signs are fair, and the rank of
// a new difference's size among those before it is uniform, all independent. Runs are drawn from
// it. What an analysis adds to the error is bounded by the smaller of two: its exact level (as if
// it rejected only where no analysis before did) and the upper end of the interval of 3 standard
// errors for the simulated share.
enum {
	RUNS = 200000,
	SEED = 1,
	FIRST_LOOK = 8, // blocks
	WORDS = (STATS_BLOCKS_MAX + 63) / 64,
};

// alpha * share of analyses ^ 0.8. The exponent is below 1, so that of 10 analyses at 5 % the first
// has the 1/128 that rejects at all with 8 blocks.
static const double exponent = 0.8;

// Signs of differences in the order of their sizes, a bit each. Adds one whose size has `below`
// smaller ones; returns by how much the sum of positive ranks grows.
static unsigned insert(uint64_t *word, size_t words, unsigned below, bool positive)
{
	size_t i = below / 64;
	uint64_t low = (UINT64_C(1) << below % 64) - 1, moved = word[i] & ~low;
	uint64_t carry = word[i] >> 63;
	unsigned above = __builtin_popcountll(moved);

	word[i] = (word[i] & low) | (uint64_t)positive << below % 64 | moved << 1;
	while (++i < words) {
		uint64_t next = word[i] >> 63;

		above += __builtin_popcountll(word[i]);
		word[i] = word[i] << 1 | carry;
		carry = next;
	}
	return above + (positive ? below + 1 : 0);
}

// A run's sum at each analysis, or that of the negative ranks where it is smaller.
static void simulate(const struct stats_interim *l, uint64_t *random, unsigned *smaller)
{
	uint64_t word[WORDS] = {0};
	unsigned sum = 0, all;
	size_t n = 0;

	for (size_t k = 0; k < l->n; k++) {
		for (; n < l->blocks[k]; n++) {
			unsigned below = random_below(random, n + 1);

			sum += insert(word, n / 64 + 1, below, random_next(random) & 1);
		}
		all = n * (n + 1) / 2;
		smaller[k] = sum < all - sum ? sum : all - sum;
	}
}

// What an analysis may do: spend up to `allowed` of alpha, by a test of at most this level;
// `before` was spent before the first one.
struct allowance {
	double allowed, level, before;
};

// Sets the analysis's level and what is spent with it; forgets the runs it rejects. `rejected`: how
// many were before.
static void spend(struct stats_interim *l, size_t k, struct allowance may,
                  unsigned (*run)[STATS_ANALYSES_MAX], size_t *left)
{
	size_t n = l->blocks[k], half = (n * (n + 1) / 2 + 1) / 2, outside = 0, kept = 0;
	double *p = stats_signed_rank_distribution(n), tail = 0;
	unsigned *count = memory_new(half + 1, sizeof(*count)), rejected = RUNS - *left;

	for (size_t i = 0; i < *left; i++)
		count[run[i][k]]++;
	l->spent[k] = k ? l->spent[k - 1] : may.before;
	for (double before = l->spent[k]; outside < half; outside++) {
		tail += 2 * p[outside];
		rejected += count[outside];
		double simulated = (rejected + 4.5 + 3 * sqrt(rejected + 2.25)) / RUNS;
		double bound = fmin(before + tail, may.before + simulated);
		if (bound > may.allowed || tail > may.level)
			break;
		l->spent[k] = bound;
		l->level[k] = tail;
	}
	l->level[k] *= 1 + 1e-9; // as 1 - (1 - level) is compared with the exact tail again
	for (size_t i = 0; i < *left; i++)
		if (run[i][k] >= outside) {
			for (size_t j = k; j < l->n; j++)
				run[kept][j] = run[i][j];
			kept++;
		}
	*left = kept;
	free(count);
	free(p);
}

size_t stats_interim_default(size_t blocks[STATS_ANALYSES_MAX], size_t most)
{
	size_t n = 0;

	for (size_t next = FIRST_LOOK; next < most; next += next / 2)
		blocks[n++] = next;
	blocks[n++] = most;
	return n;
}

static int set_blocks(struct stats_interim *l, const size_t *blocks, size_t n, double alpha)
{
	*l = (struct stats_interim){.n = n};
	if (!n || n > STATS_ANALYSES_MAX || !(alpha > 0 && alpha < 1))
		return -EINVAL;
	for (size_t k = 0; k < n; k++) {
		l->blocks[k] = blocks[k];
		if (blocks[k] <= (k ? blocks[k - 1] : 0) || blocks[k] > STATS_BLOCKS_MAX)
			return -EINVAL;
	}
	return 0;
}

// The simulated runs, which the caller frees.
static unsigned (*simulate_all(const struct stats_interim *l))[STATS_ANALYSES_MAX]
{
	unsigned(*run)[STATS_ANALYSES_MAX] = memory_new(RUNS, sizeof(*run));
	uint64_t random = SEED;

	for (size_t i = 0; i < RUNS; i++)
		simulate(l, &random, run[i]);
	return run;
}

int stats_interim_plan(struct stats_interim *l, const size_t *blocks, size_t n, double alpha)
{
	size_t left = RUNS;
	int ret = set_blocks(l, blocks, n, alpha);

	if (ret)
		return ret;
	unsigned(*run)[STATS_ANALYSES_MAX] = simulate_all(l);
	for (size_t k = 0; k < n; k++)
		spend(l, k, (struct allowance){alpha * pow((k + 1.0) / n, exponent), 1, 0}, run,
		      &left);
	free(run);
	return 0;
}

int stats_interim_extend(struct stats_interim *l, const size_t *blocks, size_t n, double before,
                         double first, double alpha)
{
	size_t left = RUNS;
	int ret = set_blocks(l, blocks, n, alpha);

	if (ret)
		return ret;
	unsigned(*run)[STATS_ANALYSES_MAX] = simulate_all(l);
	spend(l, 0, (struct allowance){INFINITY, first * (1 + 1e-9), before}, run, &left);
	for (size_t k = 1; k < n; k++)
		spend(l, k, (struct allowance){(l->spent[k - 1] + alpha) / 2, 1, before}, run,
		      &left);
	free(run);
	return 0;
}
