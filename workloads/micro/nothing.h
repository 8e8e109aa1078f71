// What costs as much as a call does: in an object of its own, so that no compiler sees into it.
#ifndef WGBENCH_MICRO_NOTHING_H
#define WGBENCH_MICRO_NOTHING_H

void micro_nothing(void *);

#endif
