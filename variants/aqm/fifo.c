// First in, first out, tail drop, over an unbounded lower queue: packets wait in the outer socket's
// buffer or, where the CPU is the bottleneck, in the TUN's queue, whose driver drops them.
#include "variants/aqm/body/tail.c"

const char aqm_variant[] = "fifo";
const struct aqm_wishes aqm_wishes = {0};

struct aqm_packet *aqm_dequeue(struct aqm *a, uint64_t now_ns)
{
	(void)now_ns;
	return aqm_list_pop(&a->list);
}
