// In what two environments differ, as a table.
#ifndef WGBENCH_SHOW_ENVIRONMENT_TABLE_H
#define WGBENCH_SHOW_ENVIRONMENT_TABLE_H

#include "harness/show/table.h"

#include <jansson.h>

// Of environment_differences(); the headings are borrowed.
void environment_table(const json_t *differences, const char *first, const char *second,
                       struct table *);

#endif
