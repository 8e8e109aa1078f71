#include "harness/judge/side.h"
#include "harness/stats/signed_rank.h"

#include <math.h>

const char *const place_names[] = {
    [PLACE_OPEN] = "open",   [PLACE_GOOD] = "good", [PLACE_BAD] = "bad",
    [PLACE_ALONE] = "alone", [PLACE_NONE] = "none", NULL,
};

// Contrasts of the three logarithms, in the order of the tunnels.
enum contrast { FROM_MIDDLE, FROM_GOOD, FROM_BAD, OF_ENDS, CONTRASTS };
static const double weights[CONTRASTS][PLACE_TUNNELS] = {
    [FROM_MIDDLE] = {-0.5, 1, -0.5},
    [FROM_GOOD] = {-1, 1, 0},
    [FROM_BAD] = {0, 1, -1},
    [OF_ENDS] = {-1, 0, 1},
};

struct estimate {
	double value;
	struct stats_interval interval;
};

static double contrast(enum contrast c, const double log_value[PLACE_TUNNELS])
{
	double sum = 0;

	for (int t = 0; t < PLACE_TUNNELS; t++)
		sum += weights[c][t] * log_value[t];
	return sum;
}

// Which side of zero the whole interval lies on, or 0.
static int sign(const struct estimate *e)
{
	return stats_above(e->interval.low, 0) - stats_above(0, e->interval.high);
}

static bool beyond(const struct estimate *e, double gate_percent, double share)
{
	return stats_above(e->interval.low, fmax(log1p(gate_percent / 100), share)) ||
	       stats_above(fmin(log1p(-gate_percent / 100), -share), e->interval.high);
}

static enum place_word decide(const struct estimate e[CONTRASTS], double gate_percent,
                              int direction)
{
	double share = fabs(e[OF_ENDS].value) / 4;
	bool not_good = beyond(&e[FROM_GOOD], gate_percent, share);
	bool not_bad = beyond(&e[FROM_BAD], gate_percent, share);
	int side = sign(&e[FROM_MIDDLE]) * direction;

	if (sign(&e[OF_ENDS]) != direction)
		return PLACE_OPEN;
	if (side < 0 ? not_good : side > 0 ? not_bad : not_good && not_bad)
		return PLACE_ALONE;
	return side < 0 ? PLACE_GOOD : side > 0 ? PLACE_BAD : PLACE_OPEN;
}

static struct place_distance distance(const struct estimate *e)
{
	return (struct place_distance){.effect = 100 * expm1(e->value),
	                               .low = 100 * expm1(e->interval.low),
	                               .high = 100 * expm1(e->interval.high)};
}

static void conclude(struct place *p, const struct estimate e[CONTRASTS], size_t blocks,
                     double gate_percent, int direction)
{
	*p = (struct place){.word = decide(e, gate_percent, direction),
	                    .blocks = blocks,
	                    .good = distance(&e[FROM_GOOD]),
	                    .bad = distance(&e[FROM_BAD])};
}

// The clean blocks in which all three have a value.
static size_t gather(const struct series *s, double x[CONTRASTS][STATS_BLOCKS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < s->blocks; i++) {
		double log_value[PLACE_TUNNELS];

		for (int t = 0; t < PLACE_TUNNELS; t++)
			log_value[t] = s->block[i].tunnel[t].mean_log;
		if (s->block[i].contaminated || isnan(contrast(FROM_MIDDLE, log_value)))
			continue;
		for (int c = 0; c < CONTRASTS; c++)
			x[c][n] = contrast(c, log_value);
		n++;
	}
	return n;
}

void place_judge(struct place *p, const struct series *s, double gate_percent, int direction)
{
	double x[CONTRASTS][STATS_BLOCKS_MAX];
	struct estimate e[CONTRASTS];
	size_t n = gather(s, x);

	for (int c = 0; c < CONTRASTS; c++) {
		e[c].value = stats_hodges_lehmann(x[c], n);
		e[c].interval = stats_signed_rank_interval(x[c], n, 1 - s->error);
	}
	conclude(p, e, n, gate_percent, direction);
}

void place_judge_exact(struct place *p, const double value[PLACE_TUNNELS], double gate_percent)
{
	struct estimate e[CONTRASTS];
	double log_value[PLACE_TUNNELS];

	for (int t = 0; t < PLACE_TUNNELS; t++)
		log_value[t] = log(value[t]);
	for (int c = 0; c < CONTRASTS; c++) {
		e[c].value = contrast(c, log_value);
		e[c].interval = (struct stats_interval){e[c].value, e[c].value, 1};
	}
	conclude(p, e, 1, gate_percent, sign(&e[OF_ENDS]));
}
