// Samples for tests of statistics.
#ifndef WGBENCH_TESTS_SUPPORT_DRAW_H
#define WGBENCH_TESTS_SUPPORT_DRAW_H

#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>

static inline void assert_near(double a, double b, double by)
{
	if (!(fabs(a - b) <= by))
		fail_msg("%.12g is not %.12g within %g", a, b, by);
}

// Of `runs` no more than a share of p, but for chance: 5 standard errors.
static inline void assert_at_most(size_t count, size_t runs, double p)
{
	double share = (double)count / runs;

	if (!(share <= p + 5 * sqrt(p * (1 - p) / runs)))
		fail_msg("%zu of %zu, %.4f, is above %.4f", count, runs, share, p);
}

static inline double draw_uniform(struct support_random *r)
{
	return ((support_random_next(r) >> 11) + 0.5) / (double)(1ull << 53);
}

static inline double draw_normal(struct support_random *r)
{
	double size = sqrt(-2 * log(draw_uniform(r)));

	return size * cos(2 * M_PI * draw_uniform(r));
}

// Student's t with 3 degrees of freedom.
static inline double draw_t3(struct support_random *r)
{
	double squares = 0;

	for (int i = 0; i < 3; i++)
		squares += pow(draw_normal(r), 2);
	return draw_normal(r) / sqrt(squares / 3);
}

// One in ten has five times the spread.
static inline double draw_contaminated(struct support_random *r)
{
	return draw_normal(r) * (draw_uniform(r) < 0.1 ? 5 : 1);
}

#endif
