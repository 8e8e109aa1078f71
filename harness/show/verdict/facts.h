// What a run's answer rests on, what would decide it, and how to repeat it.
#ifndef WGBENCH_SHOW_VERDICT_FACTS_H
#define WGBENCH_SHOW_VERDICT_FACTS_H

#include "base/text.h"
#include "harness/judge/outcome.h"

// A few words each: blocks, trials, threshold, machine, kernel, revision, date. How many there are;
// the caller frees the texts, which begin empty.
enum { FACTS_MAX = 10 };
size_t facts_of(struct text facts[FACTS_MAX], const struct outcome *);

// "default: the fastest choice that is safe. gsoc-before: ..."; nothing where no tunnel has a
// meaning.
void facts_meanings(struct text *, const struct outcome *);

// The most blocks of a workload.
size_t facts_blocks(const struct outcome *);

// What a verdict's line has no room for: why it has no effect, or one of fewer blocks than there
// are (unless `before`, the line above, has said so), and where a tunnel has two modes. Whether
// there is something.
bool facts_note(struct text *, const struct outcome *, const struct verdict *,
                const struct verdict *before);

// "TCP, 1 flow, throughput: 4.521 Gbit/s [4.4, 4.6]": a tunnel by itself.
void facts_figure(struct text *, const struct series *, unsigned tunnel);

// The command that would probably answer whether something is worse; false: no length of run is
// likely to, which is said instead.
bool facts_remedy(struct text *, const struct outcome *);

// "TCP, 1 flow, throughput, default / veth: 0.512 [0.498, 0.526], >= 0.45: reached"
void facts_goal(struct text *, const struct outcome_goal *);

// The command of the run, in a shell's words.
void facts_command(struct text *, const struct outcome *);

#endif
