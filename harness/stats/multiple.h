// Several p values at once: adjusted so that each is compared with the error allowed for all.
#ifndef WGBENCH_STATS_MULTIPLE_H
#define WGBENCH_STATS_MULTIPLE_H

#include <stddef.h>

// Holm (1979): bounds the chance of any false rejection. `adjusted` has room for n, and may be p.
void stats_adjust_holm(const double *p, size_t n, double *adjusted);

// Benjamini and Hochberg (1995): bounds the expected share of false ones among the rejections,
// where the tests are independent or positively dependent.
void stats_adjust_false_discovery(const double *p, size_t n, double *adjusted);

#endif
