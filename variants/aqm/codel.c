// CoDel (RFC 8289) over one list of all packets.
// link: -lm
#include "variants/aqm/body/tail.c"

const char aqm_variant[] = "codel";
const struct aqm_wishes aqm_wishes = {.bounded = true, .all = true};

struct aqm_packet *aqm_dequeue(struct aqm *a, uint64_t now_ns)
{
	return codel_dequeue(&a->codel, &a->list, &a->hooks, now_ns);
}
