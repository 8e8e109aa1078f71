// What trials keep beside their metrics: the rate in each tenth of a second, where rekeys and
// stalls show, and every delay.
#ifndef WGBENCH_JUDGE_SAMPLES_H
#define WGBENCH_JUDGE_SAMPLES_H

#include "harness/judge/outcome.h"

enum samples_kind { SAMPLES_NONE, SAMPLES_RATES, SAMPLES_DELAYS };

// Rates in Gbit/s by time, or delays in µs; by the workload's metrics, and whether any trial that
// didn't fail kept some.
enum samples_kind samples_kind(const struct outcome *, const char *workload);

// Over the trials of a tunnel that didn't fail. Trials that are shorter than others count as far as
// they go.
struct samples_course {
	size_t n;                    // steps of TRIAL_RATE_STEP_MS
	double *median, *low, *high; // of each: over the trials, low and high are the deciles
	size_t values, stalled;      // all steps of all trials; below half of their trial's mean
};
void samples_course(struct samples_course *, const struct outcome *, const char *workload,
                    unsigned tunnel);
void samples_course_free(struct samples_course *);

// Which delay so large a share of a tunnel's round trips exceeds: from all of them to a single one,
// by equal factors.
enum { SAMPLES_PLACES = 200 };
struct samples_delays {
	size_t n; // places; 0: no delay is known
	double delay_us[SAMPLES_PLACES], share[SAMPLES_PLACES];
};
void samples_delays(struct samples_delays *, const struct outcome *, const char *workload,
                    unsigned tunnel);

#endif
