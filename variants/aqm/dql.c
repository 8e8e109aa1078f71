// First in, first out, tail drop, over a lower queue bounded by dynamic limits: the rule of Linux's
// byte queue limits. It moves the standing queue to here, but leaves it as long as its bound.
#include "variants/aqm/body/tail.c"

const char aqm_variant[] = "dql";
const struct aqm_wishes aqm_wishes = {.bounded = true, .all = true};

struct aqm_packet *aqm_dequeue(struct aqm *a, uint64_t now_ns)
{
	(void)now_ns;
	return aqm_list_pop(&a->list);
}
