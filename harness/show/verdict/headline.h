// A comparison in one sentence, for who reads nothing else.
#ifndef WGBENCH_SHOW_VERDICT_HEADLINE_H
#define WGBENCH_SHOW_VERDICT_HEADLINE_H

#include "base/text.h"
#include "harness/judge/summary.h"

// How a whole comparison came out, as a row's word and sign would say it.
enum verdict_word headline_word(const struct summary *);

// "default is better than gsoc-before"
void headline_claim(struct text *, const struct outcome *, const struct summary *);

// The largest effects, one each of throughput, CPU and latency: "2.5× the throughput, 65 % less
// CPU"; nothing where none is shown.
void headline_effects(struct text *, const struct outcome *, const struct summary *);

// "8 metrics: 5 better, 1 the same, 1 not worse, 1 undecided."
void headline_counts(struct text *, const struct summary *);

// "Null control: default against itself, 4 metrics: 3 the same, 1 undecided."
void headline_control(struct text *, const struct outcome *, const struct summary *);

// What the run as a whole says to who gates on it: one sentence.
void headline_answer(struct text *, const struct outcome *);

#endif
