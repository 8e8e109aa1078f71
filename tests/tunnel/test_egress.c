// Frames on their way to be encrypted: what is said of their flows.
#include "tests/support/support.h"

#include "tests/support/packets.h"
#include "tunnel/pool.h"
#include "tunnel/device.h"
#include "tunnel/frame.h"
#include "tunnel/egress.h"
#include "tunnel/queue.h"

enum { FLOWS = 8, FRAMES = 2000, PAYLOAD = 40 };

static struct device *device;
static struct queue *queue;

static int set_up(void **state)
{
	struct switches switches;

	(void)state;
	assert_int_equal(switches_parse(&switches, "queues=1"), 0);
	assert_int_equal(device_create(&device, "wgbtest", &switches), 0);
	queue = &device->queue[0];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	device_free(device);
	return 0;
}

// Takes a packet in, and gives back what was taken for its flow.
static uint32_t take(const struct packet_spec *s)
{
	struct buffer *buffer = pool_get_buffer(&queue->pool);

	assert_non_null(buffer);
	struct frame *f = (struct frame *)buffer->item.bytes;
	f->queued = (struct aqm_packet){.bytes = packet_build(f->packet, s)};
	f->buffer = buffer;
	f->header = (struct virtio_net_hdr){0};
	egress_take(&queue->egress, f, 1);
	assert_ptr_equal(aqm_dequeue(queue->egress.aqm, 1), &f->queued);
	uint32_t flow = f->queued.flow;
	pool_put_buffer(buffer);
	return flow;
}

// In runs and by turns, whatever was before: one flow keeps its hash, and no other has it. Each
// differs from the first in one thing alone.
static void a_flow_keeps_its_hash(void **state)
{
	static const uint8_t payload[PAYLOAD];
	struct packet_spec flow[FLOWS];
	uint32_t hash[FLOWS];
	struct support_random r;
	size_t i = 0;

	(void)state;
	if (!aqm_wishes.flows) {
		print_message("# aqm=%s asks for no flows\n", aqm_variant);
		skip();
	}
	support_random_init(&r, support_seed());
	for (i = 0; i < FLOWS; i++)
		flow[i] = (struct packet_spec){.family = i < FLOWS / 2 ? AF_INET : AF_INET6,
		                               .protocol = IPPROTO_UDP,
		                               .source = 1,
		                               .destination = 2,
		                               .ports = {7, 9},
		                               .ttl = 64,
		                               .payload = payload,
		                               .payload_bytes = PAYLOAD};
	for (i = 0; i < FLOWS; i += FLOWS / 2) {
		flow[i + 1].source++;
		flow[i + 2].protocol = IPPROTO_TCP;
		flow[i + 3].ports[1]++;
	}
	for (i = 0; i < FLOWS; i++) {
		hash[i] = take(&flow[i]);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(hash[i], hash[j]);
	}
	for (unsigned n = 0; n < FRAMES; n++) {
		if (support_random_below(&r, 2))
			i = support_random_below(&r, FLOWS);
		i %= FLOWS;
		flow[i].id++;
		flow[i].sequence += PAYLOAD;
		flow[i].payload_bytes = support_random_below(&r, PAYLOAD);
		assert_int_equal(take(&flow[i]), hash[i]);
	}
}

// A packet shorter than it says, or none at all.
static void what_is_no_packet_is_dropped(void **state)
{
	const struct packet_spec s = {.family = AF_INET, .protocol = IPPROTO_TCP};

	(void)state;
	for (int cut = 1; cut <= 2; cut++) {
		struct buffer *buffer = pool_get_buffer(&queue->pool);

		assert_non_null(buffer);
		struct frame *f = (struct frame *)buffer->item.bytes;
		f->queued = (struct aqm_packet){.bytes = packet_build(f->packet, &s)};
		f->queued.bytes = cut == 1 ? f->queued.bytes - 1 : 0;
		f->buffer = buffer;
		egress_take(&queue->egress, f, 1);
		assert_false(egress_waits(&queue->egress));
		assert_int_equal(buffer->references, 0);
		assert_int_equal(counters_sum(&device->counters, drop_tx_invalid), cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_flow_keeps_its_hash, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_no_packet_is_dropped, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
