// Names of files and folders.
#ifndef WGBENCH_BASE_PATH_H
#define WGBENCH_BASE_PATH_H

#include <stdbool.h>

struct text;

// A new string FOLDER/NAME, which the caller frees.
char *path_join(const char *folder, const char *name);

bool path_exists(const char *);

// Makes the folder, and those above it, where they aren't there. 0 or -errno.
int path_make_folders(const char *folder);

#endif
