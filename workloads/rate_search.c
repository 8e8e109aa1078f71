#include "workloads/rate_search.h"

#include <math.h>

// No stall loses that much: once is enough.
#define CLEAR_LOSS 0.2

void rate_search_init(struct rate_search *s, double start_pps, double loss_bound)
{
	*s = (struct rate_search){.rate_pps = start_pps, .loss_bound = loss_bound};
}

static void choose(struct rate_search *s)
{
	if (!s->high_pps)
		s->rate_pps = s->low_pps * 2;
	else if (!s->low_pps)
		s->rate_pps = s->high_pps / 2;
	else
		s->rate_pps = sqrt(s->low_pps * s->high_pps);
	s->done =
	    s->trials == RATE_SEARCH_TRIALS_MAX || s->rate_pps > RATE_SEARCH_MAX_PPS ||
	    s->rate_pps < RATE_SEARCH_MIN_PPS ||
	    (s->low_pps && s->high_pps && s->high_pps <= s->low_pps * (1 + RATE_SEARCH_WIDTH));
}

void rate_search_tell(struct rate_search *s, double loss, bool limited)
{
	bool lost = loss > s->loss_bound;

	s->trials++;
	if (!lost && !limited) {
		s->low_pps = s->rate_pps;
	} else if (!s->again && loss < CLEAR_LOSS && s->trials < RATE_SEARCH_TRIALS_MAX) {
		s->again = true;
		return;
	} else {
		s->high_pps = s->rate_pps;
		s->limited_at_high = !lost;
	}
	s->again = false;
	choose(s);
}
