// A trial as a line of trials.jsonl, and back.
#ifndef WGBENCH_RECORD_TRIAL_LINE_H
#define WGBENCH_RECORD_TRIAL_LINE_H

#include "harness/record/store.h"

// Sets *line to a text that ends in a newline, owned by the caller. -EINVAL: not a line that
// record_decode() would take.
int record_encode(const struct trial *, const struct store *, char **line);

// Fills a zeroed trial, whose parameters, samples and environment are then the caller's (on failure
// too). 0; -EINVAL with what is wrong in `fault`.
int record_decode(struct trial *, const struct store *, const char *line, size_t length,
                  char *fault, size_t bytes);

// Fails a trial with a metric of 0 that is judged: a verdict is a ratio, so such a one says that
// the tunnel has stalled, or that nothing was measured. It is never a best value.
void record_fail_stalled(struct trial *);

#endif
