#include "tunnel/dql.h"

static uint64_t subtract_to_0(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

void dql_init(struct dql *l, uint64_t now_ns)
{
	*l = (struct dql){.least_slack = UINT64_MAX, .slack_since_ns = now_ns};
}

void dql_queue(struct dql *l, uint64_t bytes)
{
	l->queued += bytes;
	l->object = bytes;
}

static void begin_hold(struct dql *l, uint64_t now_ns)
{
	l->least_slack = UINT64_MAX;
	l->slack_since_ns = now_ns;
}

// What of the limit the last interval did without: a queue that is twice what completes in one
// can't have run dry within it.
static uint64_t find_slack(const struct dql *l, uint64_t left)
{
	uint64_t slack = subtract_to_0(l->limit + l->then_over, 2 * left);
	// Of an object that stuck out over the limit, the part within it was needed to fill it.
	uint64_t object = l->then_over ? subtract_to_0(l->then_object, l->then_over) : 0;

	return slack > object ? slack : object;
}

void dql_see(struct dql *l, uint64_t below, uint64_t now_ns)
{
	uint64_t known = l->queued - l->completed, left = subtract_to_0(known, below);
	uint64_t completed = l->completed + left, limit = l->limit;
	uint64_t over = subtract_to_0(known, limit);
	bool all_of_then = completed >= l->then_queued;

	if ((over && completed == l->queued) || (l->then_over && all_of_then)) {
		limit += subtract_to_0(completed, l->then_queued) + l->then_over;
		begin_hold(l, now_ns);
	} else if (completed < l->queued && l->then_queued > l->completed && !all_of_then) {
		uint64_t slack = find_slack(l, left);

		if (slack < l->least_slack)
			l->least_slack = slack;
		if (now_ns - l->slack_since_ns > DQL_HOLD_NS) {
			limit = subtract_to_0(limit, l->least_slack);
			begin_hold(l, now_ns);
		}
	}
	if (limit > DQL_MAX)
		limit = DQL_MAX;
	l->then_over = limit == l->limit ? over : 0;
	l->limit = limit;
	l->then_object = l->object;
	l->seen_ns = now_ns;
	l->then_queued = l->queued;
	l->completed = completed;
}
