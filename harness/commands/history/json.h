// Series as JSON.
#ifndef WGBENCH_HISTORY_JSON_H
#define WGBENCH_HISTORY_JSON_H

#include "harness/commands/history/history.h"

// A new object; the changes are to be found before.
json_t *history_to_json(const struct history *);

#endif
