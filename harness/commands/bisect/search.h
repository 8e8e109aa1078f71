// Which commit of a line is the first of those that are bad, asked of measurements that may err:
// mathematics only. Each commit is as likely beforehand; an answer of a known error weighs on all
// of them (Horstein, 1963), and the next question is the one that halves what is left, which is
// asked again where an answer is to be confirmed (Burnashev and Zigangirov, 1974).
#ifndef WGBENCH_BISECT_SEARCH_H
#define WGBENCH_BISECT_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

// Above a half no two answers can be right.
#define BISECT_CONFIDENCE_MIN 0.51
#define BISECT_CONFIDENCE_MAX 0.9999

struct bisect_point {
	double probability; // that this commit is the first bad one
	bool closed;        // it is not to be measured (any more)
	bool answered;      // it has been, and told a side
};

// The commits behind the good one; the last is the bad one.
struct bisect_search {
	size_t n;
	struct bisect_point *point;
};

void bisect_search_begin(struct bisect_search *, size_t n); // n >= 1
void bisect_search_free(struct bisect_search *);

// The commit is on that side; `error` (above 0): how often such an answer is wrong.
void bisect_search_answer(struct bisect_search *, size_t commit, bool bad, double error);

// The commit tells no side, or is known for good.
void bisect_search_close(struct bisect_search *, size_t commit);

// Neighbours that only a closed commit without an answer could part are in it together or not at
// all.
struct bisect_range {
	size_t from, to; // both in it
	double probability;
	bool final; // no commit that can be measured parts it, and those that bound it have been
};

// The shortest range that holds the culprit with that probability; of those the likeliest.
struct bisect_range bisect_search_range(const struct bisect_search *, double confidence);

// What to measure next, while that range isn't final.
size_t bisect_search_next(const struct bisect_search *);

// About how many answers of that error are still needed: the bits that aren't known, but for those
// that needn't be, by the capacity of an answer.
double bisect_search_expected(const struct bisect_search *, double confidence, double error);

#endif
