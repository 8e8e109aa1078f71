// What the queue costs a packet: put in and taken out again, with so many waiting, of so many
// flows. Time passes as at 10 Gbit/s, so that a queue of 64 KB packets stands far below CoDel's
// target when few wait and above it when many do; what is dropped for that is counted and put in
// again later.
#include "workloads/micro/micro.h"
#include "variants/aqm/aqm.h"

const char *const micro_slot = "aqm", *const micro_variant = aqm_variant;

enum { PACKETS = 1024 };

#define NS_PER_BYTE 0.8

static struct {
	struct aqm *aqm;
	struct aqm_packet packet[PACKETS], *unused;
	uint64_t flows, taken, now_ns, dropped;
	uint32_t bytes;
} queue;

static void give_back(struct aqm_packet *p)
{
	p->next = queue.unused;
	queue.unused = p;
}

static void drop(void *context, struct aqm_packet *p)
{
	(void)context;
	queue.dropped++;
	give_back(p);
}

static void put(void)
{
	struct aqm_packet *p = queue.unused;

	queue.unused = p->next;
	p->bytes = queue.bytes;
	p->ect = false;
	// By turns, scattered as a hash would.
	p->flow = (uint32_t)(queue.taken++ % queue.flows) * 0x9e3779b1u;
	aqm_enqueue(queue.aqm, p, queue.now_ns);
}

static void set_up(struct cbenchmark_state *state, void *context)
{
	static const struct aqm_hooks hooks = {drop, NULL};
	const uint32_t *bytes = context;
	int64_t waiting = cbenchmark_argument(state, 0);

	queue.aqm = aqm_new(&hooks);
	if (!queue.aqm) {
		cbenchmark_skip(state, "aqm_new: out of memory");
		return;
	}
	queue.flows = cbenchmark_argument(state, 1);
	queue.taken = queue.dropped = 0;
	queue.now_ns = 1;
	queue.bytes = *bytes;
	queue.unused = NULL;
	for (size_t i = 0; i < PACKETS; i++)
		give_back(&queue.packet[i]);
	for (int64_t i = 0; i < waiting; i++)
		put();
}

static void tear_down(struct cbenchmark_state *state, void *context)
{
	(void)state;
	(void)context;
	if (queue.aqm)
		aqm_free(queue.aqm);
	queue.aqm = NULL;
}

static void put_and_take(struct cbenchmark_state *state, void *context)
{
	size_t waiting = cbenchmark_argument(state, 0);
	uint64_t step_ns = queue.bytes * NS_PER_BYTE;

	(void)context;
	while (cbenchmark_keep_running_batch(state, MICRO_BATCH))
		for (int i = 0; i < MICRO_BATCH; i++) {
			do
				put();
			while (aqm_packets(queue.aqm) <= waiting);
			queue.now_ns += step_ns;
			give_back(aqm_dequeue(queue.aqm, queue.now_ns));
		}
	cbenchmark_set_counter(state, "dropped", queue.dropped, CBENCHMARK_AVERAGE_ITERATIONS);
}

void micro_register(void)
{
	static uint32_t super = 65000, small = 92;
	static const int64_t waiting[] = {0, 16, 512}, flows[] = {1, 16, 256};
	struct cbenchmark entry = {.run = put_and_take,
	                           .setup = set_up,
	                           .teardown = tear_down,
	                           .dimension = {CBENCHMARK_VALUES("waiting", waiting),
	                                         CBENCHMARK_VALUES("flows", flows)}};

	entry.name = "super_packet";
	entry.context = &super;
	micro_add(&entry);
	entry.name = "small_packet";
	entry.context = &small;
	micro_add(&entry);
}
