// Verdicts as one picture: a row for each, with its effect and interval on a common axis on which
// right is better, whatever the metric. It reads in black and white too: each verdict has a sign
// and a word.
#ifndef WGBENCH_SHOW_FOREST_H
#define WGBENCH_SHOW_FOREST_H

#include "harness/judge/outcome.h"

// An SVG, which the caller frees. NULL: there is no effect to show, as of one tunnel or of no
// block.
char *forest_draw(const struct outcome *);

#endif
