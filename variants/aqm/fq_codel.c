// FQ-CoDel (RFC 8290): a list with CoDel of its own for each flow, served in deficit round robin of
// bytes, flows that have just begun to queue first. A sparse flow never stands behind a bulk one.
//
// Complexity: constant, and a step for each QUANTUM of the packet; a full queue is searched for its
// fattest flow. Memory: 72 bytes a flow, 74 KB in all.
// link: -lm
#include <assert.h>
#include <stdlib.h>
#include "variants/aqm/codel.h"

const char aqm_variant[] = "fq_codel";
const struct aqm_wishes aqm_wishes = {.flows = true, .bounded = true, .all = true};

enum {
	FLOWS = 1024,        // section 5.2.3; flows that share a list share its fate
	QUANTUM = 1514,      // bytes, section 5.2.4: what one turn is worth
	DROPPED_AT_ONCE = 64 // of the fattest flow, section 4.1
};

struct flow {
	struct aqm_list list;
	struct codel codel;
	struct flow *next; // in the list of flows that it is in
	int32_t deficit;   // bytes that it may still send in this turn; below 0 for large packets
	bool listed;
};

static_assert(sizeof(struct flow) == 72, "memory is as stated above");

struct flow_list {
	struct flow *first, *last;
};

struct aqm {
	struct aqm_hooks hooks;
	struct flow_list fresh, old; // "new" and "old" flows
	uint32_t packets;
	uint32_t bytes;
	struct flow flow[FLOWS];
};

static void append(struct flow_list *l, struct flow *f)
{
	f->next = NULL;
	if (l->first)
		l->last->next = f;
	else
		l->first = f;
	l->last = f;
}

static struct flow *behead(struct flow_list *l)
{
	struct flow *f = l->first;

	l->first = f->next;
	return f;
}

struct aqm *aqm_new(const struct aqm_hooks *hooks)
{
	struct aqm *a = calloc(1, sizeof(*a));

	if (a)
		a->hooks = *hooks;
	return a;
}

static void drop_first(struct aqm *a, struct flow *f)
{
	struct aqm_packet *p = aqm_list_pop(&f->list);

	a->packets--;
	a->bytes -= p->bytes;
	a->hooks.drop(a->hooks.context, p);
}

void aqm_free(struct aqm *a)
{
	for (size_t i = 0; i < FLOWS; i++)
		while (a->flow[i].list.first)
			drop_first(a, &a->flow[i]);
	free(a);
}

// From the head of the flow with the most bytes, half of them or DROPPED_AT_ONCE packets: so the
// search is worth its while under a flood.
static void drop_of_fattest(struct aqm *a)
{
	struct flow *fattest = &a->flow[0];

	for (size_t i = 1; i < FLOWS; i++)
		if (a->flow[i].list.bytes > fattest->list.bytes)
			fattest = &a->flow[i];
	uint32_t half = fattest->list.bytes / 2;
	for (int i = 0; i < DROPPED_AT_ONCE && fattest->list.bytes > half; i++)
		drop_first(a, fattest);
}

void aqm_enqueue(struct aqm *a, struct aqm_packet *p, uint64_t now_ns)
{
	struct flow *f = &a->flow[p->flow % FLOWS];

	p->entered_ns = now_ns;
	p->marked = false;
	aqm_list_push(&f->list, p);
	a->packets++;
	a->bytes += p->bytes;
	if (!f->listed) {
		f->listed = true;
		f->deficit = QUANTUM;
		append(&a->fresh, f);
	}
	while (a->packets > AQM_FLOWS_PACKETS_MAX || a->bytes > AQM_BYTES_MAX)
		drop_of_fattest(a);
}

struct aqm_packet *aqm_dequeue(struct aqm *a, uint64_t now_ns)
{
	for (;;) {
		struct flow_list *from = a->fresh.first ? &a->fresh : &a->old;
		struct flow *f = from->first;

		if (!f)
			return NULL;
		if (f->deficit <= 0) {
			f->deficit += QUANTUM;
			append(&a->old, behead(from));
			continue;
		}
		uint32_t packets = f->list.packets, bytes = f->list.bytes;
		struct aqm_packet *p = codel_dequeue(&f->codel, &f->list, &a->hooks, now_ns);
		a->packets -= packets - f->list.packets;
		a->bytes -= bytes - f->list.bytes;
		if (p) {
			f->deficit -= p->bytes;
			return p;
		}
		// A flow that has run empty goes through the old ones once before it may count as
		// new again, or one with a packet now and then would always go first (section
		// 4.2).
		behead(from);
		if (from == &a->fresh && a->old.first)
			append(&a->old, f);
		else
			f->listed = false;
	}
}

size_t aqm_packets(const struct aqm *a)
{
	return a->packets;
}
