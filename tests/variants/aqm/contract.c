// Contract of the slot `aqm`, for every variant, against a naive model: every packet comes out once
// or is dropped once, those of a flow in their order; bounds of packets and bytes; nothing is
// dropped or marked while the queue is short; what is inside when the queue is freed is dropped.
#include "variants/aqm/aqm.h"
#include "tests/support/support.h"

#include <string.h>

enum { FLOWS = 300, PACKETS = 40000, SUPER_BYTES = 65000 };

#define MS 1000000ull

struct test_packet {
	struct aqm_packet queued;
	uint32_t number; // of its flow, from 0
	bool inside;
};

static struct test_packet packets[PACKETS];
static size_t dropped;
// The next that may come out or be dropped, of each flow: a drop takes the oldest of a flow, or the
// one that has just come.
static uint32_t next_out[FLOWS], next_in[FLOWS];
static size_t inside, inside_bytes;
static struct test_packet *coming; // is being taken

static void leave(struct test_packet *p)
{
	assert_true(p->inside);
	p->inside = false;
	inside--;
	inside_bytes -= p->queued.bytes;
}

static void drop(void *context, struct aqm_packet *queued)
{
	struct test_packet *p = (struct test_packet *)queued;

	assert_ptr_equal(context, packets);
	leave(p);
	dropped++;
	if (p == coming && p->number != next_out[p->queued.flow])
		next_in[p->queued.flow]--; // refused: its number is given again
	else
		assert_int_equal(p->number, next_out[p->queued.flow]++);
}

static const struct aqm_hooks hooks = {drop, packets};

static struct aqm *begin(void)
{
	struct aqm *a = aqm_new(&hooks);

	assert_non_null(a);
	dropped = inside = inside_bytes = 0;
	memset(packets, 0, sizeof(packets));
	memset(next_in, 0, sizeof(next_in));
	memset(next_out, 0, sizeof(next_out));
	return a;
}

static void put(struct aqm *a, size_t i, uint32_t flow, uint32_t bytes, uint64_t now_ns)
{
	struct test_packet *p = coming = &packets[i];

	assert_false(p->inside);
	// What was left in a packet that comes again must not matter.
	memset(&p->queued, 0xa5, sizeof(p->queued));
	p->queued.ect = i & 1;
	p->queued.bytes = bytes;
	p->queued.flow = flow;
	p->number = next_in[flow]++;
	p->inside = true;
	inside++;
	inside_bytes += bytes;
	aqm_enqueue(a, &p->queued, now_ns);
	coming = NULL;
	assert_int_equal(aqm_packets(a), inside);
}

static struct test_packet *take(struct aqm *a, uint64_t now_ns)
{
	struct test_packet *p = (struct test_packet *)aqm_dequeue(a, now_ns);

	if (p) {
		leave(p);
		assert_int_equal(p->number, next_out[p->queued.flow]++);
	}
	assert_int_equal(aqm_packets(a), inside);
	return p;
}

static void end(struct aqm *a)
{
	size_t before = dropped, left = inside;

	aqm_free(a);
	assert_int_equal(dropped, before + left);
	assert_int_equal(inside, 0);
}

static size_t free_packet(void)
{
	static size_t at;

	do
		at = (at + 1) % PACKETS;
	while (packets[at].inside);
	return at;
}

static size_t bound(void)
{
	return aqm_wishes.flows ? AQM_FLOWS_PACKETS_MAX : AQM_PACKETS_MAX;
}

static void every_packet_comes_out_or_is_dropped_once(void **state)
{
	struct support_random r;

	(void)state;
	support_random_init(&r, support_seed());
	for (int round = 0; round < 20; round++) {
		struct aqm *a = begin();
		uint64_t now_ns = 1000 * MS;
		uint32_t flows = 1 + support_random_below(&r, FLOWS);
		// Filling, emptying, or about even.
		uint32_t in_of_16 = 6 + support_random_below(&r, 6);
		uint64_t step_ns = 1 + support_random_below(&r, round % 2 ? 100000 : 1000);

		for (int i = 0; i < 30000; i++) {
			now_ns += support_random_below(&r, step_ns);
			if (support_random_below(&r, 16) < in_of_16)
				put(a, free_packet(), support_random_below(&r, flows),
				    20 + support_random_below(
				             &r, support_random_below(&r, 4) ? 1400 : SUPER_BYTES),
				    now_ns);
			else if (!take(a, now_ns))
				assert_int_equal(inside, 0);
			assert_true(inside <= bound() && inside_bytes <= AQM_BYTES_MAX);
		}
		end(a);
	}
}

static void nothing_is_lost_below_the_bounds_and_the_target(void **state)
{
	struct aqm *a = begin();
	uint64_t now_ns = 1000 * MS;

	(void)state;
	for (size_t i = 0; i < 5 * bound(); i++) {
		// Half of the bound at once, gone within 4 ms: below any target.
		now_ns += 8 * MS / bound();
		put(a, i % PACKETS, i % 7, 1000, now_ns);
		if (inside > bound() / 2) {
			struct test_packet *p = take(a, now_ns);
			assert_non_null(p);
			assert_false(p->queued.marked);
		}
	}
	assert_int_equal(dropped, 0);
	end(a);
}

static void bounds_are_used_and_kept(void **state)
{
	(void)state;
	for (int large = 0; large < 2; large++) {
		struct aqm *a = begin();
		size_t room = large ? AQM_BYTES_MAX / SUPER_BYTES : bound();

		for (size_t i = 0; i < room; i++)
			put(a, i, i % FLOWS, large ? SUPER_BYTES : 100, 1000 * MS);
		assert_int_equal(dropped, 0);
		for (size_t i = 0; i < 1000; i++)
			put(a, room + i, i % FLOWS, large ? SUPER_BYTES : 100, 1000 * MS);
		assert_true(dropped > 0);
		assert_true(inside <= room && inside > room - FLOWS);
		end(a);
	}
}

static void an_empty_queue_gives_nothing(void **state)
{
	struct aqm *a = begin();

	(void)state;
	assert_null(take(a, 1000 * MS));
	put(a, 0, 0, 100, 1000 * MS);
	assert_ptr_equal(take(a, 9000 * MS), &packets[0]);
	// However late it comes, the only packet is never dropped or marked.
	assert_false(packets[0].queued.marked);
	assert_null(take(a, 9000 * MS));
	assert_int_equal(dropped, 0);
	end(a);
}

static void needs_flows(void)
{
	if (aqm_wishes.flows)
		return;
	print_message("# %s tells no flows apart\n", aqm_variant);
	skip();
}

// Flows that the queue tells apart are served by turns, whatever waits.
static void a_sparse_flow_does_not_wait_behind_a_bulk_one(void **state)
{
	struct aqm *a;
	size_t before = 0;

	(void)state;
	needs_flows();
	a = begin();
	for (size_t i = 0; i < 1000; i++)
		put(a, i, 1, SUPER_BYTES / 3, 1000 * MS);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(take(a, 1000 * MS)->queued.flow, 1);
	put(a, 1000, 2, 84, 1000 * MS);
	while (take(a, 1000 * MS)->queued.flow != 2)
		before++;
	assert_int_equal(before, 0);
	end(a);
}

// Bytes, not packets, are shared evenly.
static void flows_share_by_bytes(void **state)
{
	static const uint32_t bytes[] = {100, 1500, 20000, 60000};
	size_t sent[4] = {0}, i = 0, all = 0;
	struct aqm *a;

	(void)state;
	needs_flows();
	a = begin();
	for (; i < 8000; i++)
		put(a, i, 1, bytes[0], 1000 * MS);
	for (unsigned flow = 2; flow <= 4; flow++)
		for (size_t n = 0; n < 8000000 / bytes[flow - 1]; n++)
			put(a, i++, flow, bytes[flow - 1], 1000 * MS);
	while (sent[0] < 700000) {
		struct test_packet *p = take(a, 1000 * MS);

		sent[p->queued.flow - 1] += p->queued.bytes;
		all += p->queued.bytes;
	}
	for (int flow = 0; flow < 4; flow++) {
		assert_true(sent[flow] > all / 4 - bytes[flow] - 61514);
		assert_true(sent[flow] < all / 4 + bytes[flow] + 61514);
	}
	end(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_packet_comes_out_or_is_dropped_once),
	    cmocka_unit_test(nothing_is_lost_below_the_bounds_and_the_target),
	    cmocka_unit_test(bounds_are_used_and_kept),
	    cmocka_unit_test(an_empty_queue_gives_nothing),
	    cmocka_unit_test(a_sparse_flow_does_not_wait_behind_a_bulk_one),
	    cmocka_unit_test(flows_share_by_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
