#include "harness/judge/tunnel_ends.h"
#include "base/memory.h"
#include "harness/stats/basic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct tunnel_ends_count tunnel_ends_counts[] = {
    {"TUN reads", offsetof(struct trial_end, tun_reads)},
    {"UDP sends", offsetof(struct trial_end, udp_sends)},
    {"UDP receives", offsetof(struct trial_end, udp_receives)},
    {"TUN writes", offsetof(struct trial_end, tun_writes)},
    {"waits", offsetof(struct trial_end, epoll_waits)},
    {"packets a batch out", offsetof(struct trial_end, tx_batch)},
    {"packets a batch in", offsetof(struct trial_end, rx_batch)},
};

double tunnel_ends_median(const struct outcome *o, size_t tunnel, const char *workload, size_t end,
                          size_t at)
{
	double *value = memory_new(o->store->trials, sizeof(*value)), median;
	size_t n = 0;

	for (size_t i = 0; i < o->store->trials; i++) {
		const struct trial *t = &o->store->trial[i];
		double one = *(const double *)((const char *)&t->end[end] + at);

		if (t->tunnel == tunnel && t->status != TRIAL_FAILED &&
		    !strcmp(t->workload, workload) && !isnan(one))
			value[n++] = one;
	}
	median = stats_median(value, n);
	free(value);
	return median;
}
