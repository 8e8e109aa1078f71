// A report's first screen: what a reader of five seconds needs.
#ifndef WGBENCH_SHOW_REPORT_FIRST_H
#define WGBENCH_SHOW_REPORT_FIRST_H

#include "harness/judge/outcome.h"
#include "harness/show/page.h"

// The sentence, what it rests on, the verdicts on one axis, and what may explain, decide and repeat
// them.
void first_write(struct page *, const struct outcome *);

#endif
