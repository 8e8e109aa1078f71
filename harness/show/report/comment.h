// A run's answer as a pull request's comment: Markdown of GitHub's kind, at most 40 lines, without
// files beside it.
#ifndef WGBENCH_SHOW_REPORT_COMMENT_H
#define WGBENCH_SHOW_REPORT_COMMENT_H

#include "harness/judge/outcome.h"

// Writes the run's report.md. 0; -errno after a printed line.
int comment_write(const struct outcome *);

#endif
