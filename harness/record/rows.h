// What run.json and the lines of trials.jsonl must hold.
#ifndef WGBENCH_RECORD_ROWS_H
#define WGBENCH_RECORD_ROWS_H

#include "base/fields.h"

extern const struct field store_run_rows[], store_trial_rows[];

#endif
