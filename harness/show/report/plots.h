// The plots of a report, in its page and as files of their own. `root`: the tree whose scripts draw
// them. Each: 0; -errno after a printed line.
#ifndef WGBENCH_SHOW_REPORT_PLOTS_H
#define WGBENCH_SHOW_REPORT_PLOTS_H

#include "harness/judge/outcome.h"
#include "harness/show/page.h"
#include "harness/show/plot_files.h"

// Each judged metric's values and paired effects, block by block.
int plots_write_blocks(struct page *, struct plot_files *, const struct outcome *,
                       const char *root);

// The rate inside a trial and the delays' distribution, where trials kept them.
int plots_write_inside(struct page *, struct plot_files *, const struct outcome *,
                       const char *root);

// All verdicts in one picture: a file only, as the page begins with them.
int plots_write_forest(struct plot_files *, const struct outcome *);

#endif
