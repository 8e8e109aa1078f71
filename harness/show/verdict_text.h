// A run's verdicts as text on stdout.
#ifndef WGBENCH_SHOW_VERDICT_TEXT_H
#define WGBENCH_SHOW_VERDICT_TEXT_H

#include "harness/judge/outcome.h"

// `selfcheck` is the path of what the last self-check found.
void verdict_text_print(const struct outcome *, const char *selfcheck);

#endif
