// A bounded list that drops what comes when it is full: what the variants without flows share. Each
// adds aqm_dequeue().
#include <stdlib.h>
#include "variants/aqm/codel.h"

struct aqm {
	struct aqm_hooks hooks;
	struct aqm_list list;
	struct codel codel; // of the variant that uses it
};

struct aqm *aqm_new(const struct aqm_hooks *hooks)
{
	struct aqm *a = calloc(1, sizeof(*a));

	if (a)
		a->hooks = *hooks;
	return a;
}

void aqm_free(struct aqm *a)
{
	struct aqm_packet *p;

	while ((p = aqm_list_pop(&a->list)))
		a->hooks.drop(a->hooks.context, p);
	free(a);
}

void aqm_enqueue(struct aqm *a, struct aqm_packet *p, uint64_t now_ns)
{
	if (a->list.packets == AQM_PACKETS_MAX || a->list.bytes + p->bytes > AQM_BYTES_MAX) {
		a->hooks.drop(a->hooks.context, p);
		return;
	}
	p->entered_ns = now_ns;
	p->marked = false;
	aqm_list_push(&a->list, p);
}

size_t aqm_packets(const struct aqm *a)
{
	return a->list.packets;
}
