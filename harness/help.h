// What a command says of itself, from its row and those of its options: for a terminal, as a man
// page, and for shells that complete words.
#ifndef WGBENCH_HELP_H
#define WGBENCH_HELP_H

#include "harness/options.h"

// Answers `--help`, `--help=man` (roff, man(7)) and `--help=words` (lines "--OPTION<tab>VALUE<tab>
// HELP", where VALUE may be the allowed words with '|' between) on stdout. false: there is no such
// form.
bool help_show(const struct options *, const char *form);

// Likewise of wgbench itself, whose commands end in NULL.
bool help_show_all(const struct command *const *commands, const char *form);

#endif
