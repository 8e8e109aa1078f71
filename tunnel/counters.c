#include "tunnel/counters.h"

_Thread_local unsigned counters_own;

void counters_take_shard(void)
{
	static atomic_uint next;

	// The first shard stays the control thread's, and of whoever takes none.
	counters_own = 1 + atomic_fetch_add(&next, 1) % (COUNTERS_SHARDS - 1);
}

uint64_t counters_sum_at(const struct counters *c, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < COUNTERS_SHARDS; i++)
		sum += atomic_load_explicit(
		    (const atomic_uint_fast64_t *)((const char *)&c->shard[i] + offset),
		    memory_order_relaxed);
	return sum;
}
