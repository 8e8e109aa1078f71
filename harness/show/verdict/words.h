// What a reader calls a verdict, a metric and a workload. A name without a row here is shown as it
// is, so a new workload needs none.
#ifndef WGBENCH_SHOW_VERDICT_WORDS_H
#define WGBENCH_SHOW_VERDICT_WORDS_H

#include "base/text.h"
#include "harness/judge/verdict.h"

// Told apart without colours too: a word and a sign of its own.
struct words_verdict {
	const char *word, *sign;
	const char *class; // of CSS
};
const struct words_verdict *words_verdict(enum verdict_word);

// "▲ better"; "≥ not worse" where it is undecided but a regression is excluded.
void words_answer(struct text *, const struct verdict *);

// "goodput_gbps" is "throughput".
const char *words_metric(const char *metric);

// "tcp:flows=8,reverse=1" becomes "TCP, 8 flows, reverse".
void words_workload(struct text *, const char *workload);

// An effect in words: "2.5× the throughput", "12 % less CPU".
void words_effect(struct text *, const char *metric, double percent);

// Four digits, or "none" for NAN.
void words_value(struct text *, double value);

// "+155 %", "-0.3 %": three digits, as beyond them nothing of a paired effect is known.
void words_percent(struct text *, double percent);

// "(+155 %)": of contaminated blocks, which don't count.
void words_marked(struct text *, double percent);

// "[-2.7, +4.6]"
void words_interval(struct text *, double low, double high);

#endif
