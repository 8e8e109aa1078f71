// Flame graphs, drawn by flamegraph.pl (Gregg), which Debian has in libdevel-nytprof-perl. Each is
// one SVG file that needs no other; in a browser it zooms and searches.
#ifndef WGBENCH_SHOW_FLAMEGRAPH_H
#define WGBENCH_SHOW_FLAMEGRAPH_H

#include <stdbool.h>

struct flamegraph {
	const char *title, *unit;
	const char *more, *less; // what red and blue mean; NULL: not a differential
	const char *note;        // shown below the title
	bool mirrored;           // less is more: the widths are the baseline's
};

// Whether it can be drawn; else a printed line says what to install: -ENOENT.
int flamegraph_check(void);

// Draws folded stacks into `path`. 0; -EINTR; -errno after a printed line.
int flamegraph_draw(const struct flamegraph *, const char *folded, const char *path);

#endif
