// The results of microbenchmarks as text, as JSON, and as a report with plots.
#ifndef WGBENCH_MICRO_PRINT_H
#define WGBENCH_MICRO_PRINT_H

#include <jansson.h>
#include <stdio.h>

// raw: what micro.json holds. Each returns 0, or -errno after a printed line; micro_show_text() and
// micro_show_json() return how many entries of a variant failed.
int micro_show_text(json_t *raw, FILE *to);
int micro_show_json(json_t *raw, FILE *to);

// report.md, report.html and plots/ in `dir`, drawn with the scripts of the tree `root`.
int micro_show_report(json_t *raw, const char *root, const char *dir);

#endif
