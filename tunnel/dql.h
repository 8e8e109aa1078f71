// Dynamic queue limits: how many bytes a lower queue needs so that it never runs dry while more
// waits above it, and no more. The rule is that of Linux's lib/dynamic_queue_limits.c (T. Herbert,
// 2011): the limit grows when the queue below was found empty although it had been filled up to its
// limit, by what it had fallen short; it shrinks by the smallest slack seen over a hold time. Pure
// arithmetic; one thread.
#ifndef WGBENCH_DQL_H
#define WGBENCH_DQL_H

#include <stdbool.h>
#include <stdint.h>

#define DQL_HOLD_NS 1000000000ull
// Nobody tells when something has left, so it is looked for as often: what leaves within, a limit
// can't be below without running dry.
#define DQL_LOOK_NS 1000000ull

enum { DQL_MAX = 4 << 20 }; // bytes

struct dql {
	uint64_t limit;     // bytes that may be below; one object beyond it
	uint64_t queued;    // bytes ever put below
	uint64_t completed; // of them, those known to have left
	uint64_t object;    // the newest, bytes

	// As they were at the last completion.
	uint64_t then_queued, then_over, then_object;
	uint64_t least_slack, slack_since_ns, seen_ns;
};

void dql_init(struct dql *, uint64_t now_ns);
// Puts an object of `bytes` below; allowed whenever dql_room() is.
void dql_queue(struct dql *, uint64_t bytes);
// What is below, as far as is known, lies within the limit: another object may follow.
static inline bool dql_room(const struct dql *l)
{
	return l->queued - l->completed <= l->limit;
}
// Whether to look now what is below: before an object is put there.
static inline bool dql_due(const struct dql *l, uint64_t now_ns)
{
	return !dql_room(l) || (l->queued != l->completed && now_ns - l->seen_ns >= DQL_LOOK_NS);
}
// It was seen that `below` bytes are below. More than were known to be there count as these.
void dql_see(struct dql *, uint64_t below, uint64_t now_ns);

#endif
