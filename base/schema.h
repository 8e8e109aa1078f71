// A document: a JSON object whose first field, "schema", says by which rows it is read.
#ifndef WGBENCH_BASE_SCHEMA_H
#define WGBENCH_BASE_SCHEMA_H

#include "base/fields.h"

// The schema of a document, from 1 to `newest`; 0 with what is wrong in `fault`: it has none, or
// one that this program doesn't read.
unsigned schema_of(const json_t *document, unsigned newest, struct text *fault);

// Reads a file (as fields_load()) of any of these schemas into a zeroed struct (as fields_read()).
// 0; -errno with the reason in `fault`, to stand right behind the path and a colon.
int schema_load(void *to, const char *path, unsigned newest, const struct field *rows,
                struct text *fault);

// A new document of that schema, as fields_write(); NULL: a value that JSON can't hold.
json_t *schema_write(const void *from, unsigned schema, const struct field *rows);

#endif
