// A run as a document with plots.
#ifndef WGBENCH_SHOW_REPORT_H
#define WGBENCH_SHOW_REPORT_H

#include "harness/judge/outcome.h"

// Writes report.md, report.html, plots/ and verdict.json into the run's folder, and prints the
// report's path; gnuplot's scripts are below `root`. 0; -errno after a printed line.
int report_write(const struct outcome *, const char *root);

#endif
