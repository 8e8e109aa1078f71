// What can be tested of the overload without a network.
#ifndef WGBENCH_WORKLOADS_OVERLOAD_H
#define WGBENCH_WORKLOADS_OVERLOAD_H

#include <stdbool.h>

struct generator_result;

// The flood for a factor of the capacity, and the part of it, packets of a million, that is beyond
// the capacity.
void overload_split(double capacity_pps, long factor_percent, double *offered_pps, long *aside_ppm);

// Whether the flood wasn't the one that was asked for.
bool overload_limited(const struct generator_result *);

#endif
