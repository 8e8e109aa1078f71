// CoDel (RFC 8289): packets are dropped, or marked where they are ECN-capable, at the head of a
// queue whose sojourn time has been above TARGET for an INTERVAL, ever faster until it is below.
#ifndef WGBENCH_AQM_CODEL_H
#define WGBENCH_AQM_CODEL_H

#include <math.h>
#include "variants/aqm/list.h"

#define CODEL_TARGET_NS 5000000ull     // section 4.3
#define CODEL_INTERVAL_NS 100000000ull // section 4.2

enum { CODEL_RESUME_INTERVALS = 16 };

struct codel {
	uint64_t above_since_ns; // when it will have been above for an interval; 0: it is below
	uint64_t drop_next_ns;
	uint32_t count;      // drops since it began to drop
	uint32_t last_count; // the count when it last began
	bool dropping;
};

// Section 4.4: the next drop comes sooner with the square root of how many there were.
static inline uint64_t codel_next(uint64_t from_ns, uint32_t count)
{
	return from_ns + (uint64_t)(CODEL_INTERVAL_NS / sqrt(count));
}

// Whether the packet, just taken off the list, may be dropped: the list stood above target for an
// interval and isn't about to run empty.
static inline bool codel_above(struct codel *c, const struct aqm_list *rest,
                               const struct aqm_packet *p, uint64_t now_ns)
{
	if (now_ns - p->entered_ns < CODEL_TARGET_NS || !rest->packets) {
		c->above_since_ns = 0;
		return false;
	}
	if (!c->above_since_ns) {
		c->above_since_ns = now_ns + CODEL_INTERVAL_NS;
		return false;
	}
	return now_ns >= c->above_since_ns;
}

// Marks the packet, which then goes on, or drops it and takes the next. NULL: the list is empty.
// *above: of what is returned.
static inline struct aqm_packet *codel_signal(struct codel *c, struct aqm_list *l,
                                              struct aqm_packet *p, const struct aqm_hooks *hooks,
                                              uint64_t now_ns, bool *above)
{
	if (p->ect) {
		p->marked = true;
		return p;
	}
	hooks->drop(hooks->context, p);
	p = aqm_list_pop(l);
	*above = p && codel_above(c, l, p, now_ns);
	return p;
}

// The next packet of the list, after what had to be dropped. NULL: the list is empty.
static inline struct aqm_packet *codel_dequeue(struct codel *c, struct aqm_list *l,
                                               const struct aqm_hooks *hooks, uint64_t now_ns)
{
	struct aqm_packet *p = aqm_list_pop(l);

	if (!p) {
		// An empty queue isn't above target (section 5.5, the case of no packet).
		c->above_since_ns = 0;
		c->dropping = false;
		return NULL;
	}
	bool above = codel_above(c, l, p, now_ns);
	if (!c->dropping) {
		if (!above)
			return p;
		p = codel_signal(c, l, p, hooks, now_ns, &above);
		c->dropping = true;
		// Not long after the last time: begin with about the rate that was right then.
		uint32_t since = c->count - c->last_count;
		bool resume = since > 1 &&
		              now_ns < c->drop_next_ns + CODEL_RESUME_INTERVALS * CODEL_INTERVAL_NS;
		c->count = resume ? since : 1;
		c->last_count = c->count;
		c->drop_next_ns = codel_next(now_ns, c->count);
		return p;
	}
	while (above && now_ns >= c->drop_next_ns) {
		c->count++;
		c->drop_next_ns = codel_next(c->drop_next_ns, c->count);
		p = codel_signal(c, l, p, hooks, now_ns, &above);
		if (!p || p->marked)
			break;
	}
	c->dropping = p && above;
	return p;
}

#endif
