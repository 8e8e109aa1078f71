// Asks git about a source tree. The answer depends on the tree alone: not on git variables that a
// hook left in the environment, nor on the user's options, nor on a repository further up.
#ifndef WGBENCH_SPEC_GIT_H
#define WGBENCH_SPEC_GIT_H

#include "base/process.h"

// Runs `git -C tree ARGUMENTS...`. The exit code or -errno, as process_run().
int git_run(const char *tree, const char *const arguments[], struct process_text *);

// Prints what went wrong with `about` there, in git's own words. Returns -errno.
int git_complain(const char *tree, const char *about, int ret, const struct process_text *);

// As git_run(); 0, or -errno after what git_complain() prints.
int git_ask(const char *tree, const char *const arguments[], const char *about,
            struct process_text *);

// Whether git answers for the tree at all. 0; -errno after git's words.
int git_check(const char *tree);

// Whether the clone is a shallow one.
bool git_is_shallow(const char *tree);

// The commit that `tree` is at, followed by "-dirty" where its sources differ from that, or
// "unknown" where the tree has no .git; scripts/revision of `root` says which. 0; -errno after a
// printed line, also where git refuses to say.
int git_read_revision(const char *root, const char *tree, char revision[64]);

// Whether `tree` is at that commit, unchanged.
bool git_is_at(const char *root, const char *tree, const char *commit);

#endif
