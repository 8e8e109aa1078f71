// Work trees of revisions, below build/revisions/ of the source tree.
#ifndef WGBENCH_SPEC_TREE_H
#define WGBENCH_SPEC_TREE_H

// Checks `commit` out as build/revisions/`name`. A tree that has its commit's name is kept while it
// is whole and unchanged, any other is made anew. 0; -errno after a printed line; in either case
// *dir is where that is, the caller's.
int spec_tree_make(const char *root, const char *name, const char *commit, char **dir);

// Checks another commit out in the same place. Likewise.
int spec_tree_switch(const char *dir, const char *commit);

// Removes it, also while wgbench is asked to stop.
void spec_tree_remove(const char *root, const char *dir);

#endif
