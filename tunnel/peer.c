#include "tunnel/peer.h"

#include <sodium.h>
#include <stdlib.h>
#include "tunnel/counters.h"
#include "tunnel/feature.h"

struct peer *peer_hold(struct peer *p)
{
	atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
	return p;
}

void peer_release(struct peer *p)
{
	if (atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&p->endpoint_lock);
	pthread_mutex_destroy(&p->staged_lock);
	sodium_memzero(p, sizeof(*p));
	free(p);
}

void peer_segment_again(struct peer *p)
{
	if (feature_retry(&p->segment))
		counters_add(p->counters, offload_changes, 1);
}
