// Where wgbench finds what it works on.
#ifndef WGBENCH_SPEC_ROOT_H
#define WGBENCH_SPEC_ROOT_H

#include <stdbool.h>

// The source tree, absolute: WGBENCH_ROOT, else the nearest one above this program, else the
// nearest one above the current folder, else what `make install` put into share/wgbench: presets,
// plans and scripts, from which no tunnel can be built. The caller frees it; NULL after a printed
// line.
char *spec_find_root(void);

// Whether tunnels can be built there.
bool spec_is_source(const char *root);

// results/NAME of a source tree; of an installed wgbench, below the current folder. NULL: results/.
// A new string, which the caller frees.
char *spec_results(const char *root, const char *name);

#endif
