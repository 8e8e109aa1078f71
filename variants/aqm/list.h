// A list of packets, first in, first out.
#ifndef WGBENCH_AQM_LIST_H
#define WGBENCH_AQM_LIST_H

#include "variants/aqm/aqm.h"

struct aqm_list {
	struct aqm_packet *first, *last;
	uint32_t packets;
	uint32_t bytes; // below AQM_BYTES_MAX and a packet
};

static inline void aqm_list_push(struct aqm_list *l, struct aqm_packet *p)
{
	p->next = NULL;
	if (l->first)
		l->last->next = p;
	else
		l->first = p;
	l->last = p;
	l->packets++;
	l->bytes += p->bytes;
}

// NULL: empty.
static inline struct aqm_packet *aqm_list_pop(struct aqm_list *l)
{
	struct aqm_packet *p = l->first;

	if (p) {
		l->first = p->next;
		l->packets--;
		l->bytes -= p->bytes;
	}
	return p;
}

#endif
