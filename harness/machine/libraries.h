// The shared libraries that a program is linked to, as the dynamic linker finds them now.
#ifndef WGBENCH_MACHINE_LIBRARIES_H
#define WGBENCH_MACHINE_LIBRARIES_H

#include <jansson.h>

// A new object: by soname, each library's file and the beginning of that file's SHA-256. Empty for
// a static program.
json_t *libraries_of(const char *program);

#endif
