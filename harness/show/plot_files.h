// The plots of a report as files of their own, for who wants one in a review: DIR/plots/NAME.svg.
#ifndef WGBENCH_SHOW_PLOT_FILES_H
#define WGBENCH_SHOW_PLOT_FILES_H

#include <stddef.h>

struct plot_files {
	char *dir;
	size_t n, room;
	char **name;
};

// Makes the folder. 0; -errno after a printed line.
int plot_files_begin(struct plot_files *, const char *dir);

// Writes one: what can't be in a file's name becomes '-', and a name that was there already gets a
// number. The name it got is in `name` until the end. 0; -errno after a printed line.
int plot_files_write(struct plot_files *, const char *wanted, const char *svg, const char **name);

void plot_files_end(struct plot_files *);

#endif
