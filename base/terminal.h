// What an output can show. NO_COLOR (no-color.org), CLICOLOR and CLICOLOR_FORCE
// (bixense.com/clicolors) are honoured; a terminal that is dumb, or that nobody names, gets neither
// colours nor lines that are written over.
#ifndef WGBENCH_BASE_TERMINAL_H
#define WGBENCH_BASE_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

bool terminal_has_colours(FILE *);

// Whether a line can be written over.
bool terminal_rewrites(FILE *);

// How many columns a line may have: those of the terminal, else what COLUMNS says, else 100.
unsigned terminal_columns(FILE *);

#endif
