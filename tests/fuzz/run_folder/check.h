// What must hold of everything that is made of a run's folder, whatever is in it.
#ifndef WGBENCH_TESTS_FUZZ_RUN_FOLDER_CHECK_H
#define WGBENCH_TESTS_FUZZ_RUN_FOLDER_CHECK_H

#include <stddef.h>

// UTF-8 without controls but newlines, and without what hides or turns text.
void check_text(const char *text);

// report.md: also the rows of a table have as many cells as its head. report.html: also only tags
// and references that the report itself writes.
void check_markdown(const char *text);
void check_html(const char *text);

// The script for gnuplot: assignments of quoted texts and numbers, data, and the scripts it loads.
void check_plot(const char *script);

// An export in the format of that name.
void check_export(const char *format, const char *text);

#endif
