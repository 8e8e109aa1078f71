// Contract of the slot `ring`, for every variant: one thread against a naive FIFO; then up to eight
// producers and eight consumers, with single and batch operations of random sizes, where each
// pointer carries its producer and its number, so that loss, duplicates and reordering all show.
// What a stopped thread leaves behind is stall.h's.
#include "variants/ring/ring.h"
#include "tests/support/support.h"
#include "tests/variants/ring/stall.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BATCH 40

// Any pointer that isn't NULL will do.
static void *item(uintptr_t number)
{
	return (void *)(number + 1);
}

static void refuses_bad_capacities(void **state)
{
	(void)state;
	static const size_t bad[] = {0, 1, 3, 1000, SIZE_MAX, (SIZE_MAX >> 1) + 1};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(ring_new(bad[i]));
}

static void holds_exactly_its_capacity(void **state)
{
	(void)state;
	for (size_t capacity = 2; capacity <= 4096; capacity *= 2) {
		struct ring *ring = ring_new(capacity);
		void *out;
		uintptr_t pushed = 0, popped = 0;

		assert_non_null(ring);
		assert_int_equal(ring_pop(ring, &out, 1), 0);
		while (ring_push(ring, &(void *){item(pushed)}, 1))
			pushed++;
		assert_int_equal(pushed, capacity);
		assert_int_equal(ring_count(ring), capacity);
		// A full ring takes one for each that leaves, at every position.
		for (size_t i = 0; i < 2 * capacity + 1; i++) {
			assert_int_equal(ring_pop(ring, &out, 1), 1);
			assert_ptr_equal(out, item(popped++));
			assert_int_equal(ring_push(ring, &(void *){item(pushed++)}, 1), 1);
			assert_int_equal(ring_push(ring, &(void *){item(0)}, 1), 0);
		}
		for (size_t i = 0; i < capacity; i++) {
			assert_int_equal(ring_pop(ring, &out, 1), 1);
			assert_ptr_equal(out, item(popped++));
		}
		assert_int_equal(ring_pop(ring, &out, 1), 0);
		assert_int_equal(ring_count(ring), 0);
		ring_free(ring);
	}
}

// The naive FIFO holds the numbers [oldest, next).
static void equals_a_naive_fifo(void **state)
{
	(void)state;
	struct support_random random;

	support_random_init(&random, support_seed());
	for (size_t capacity = 2; capacity <= 512; capacity *= 2) {
		struct ring *ring = ring_new(capacity);
		uintptr_t oldest = 0, next = 0;

		assert_non_null(ring);
		for (int step = 0; step < 20000; step++) {
			void *items[3 * 512];
			size_t n = support_random_below(&random, step % 2 ? 3 * capacity : 4);
			size_t inside = next - oldest, room = capacity - inside;

			if (support_random_next(&random) & 1) {
				for (size_t i = 0; i < n; i++)
					items[i] = item(next + i);
				size_t pushed = ring_push(ring, items, n);
				assert_int_equal(pushed, n < room ? n : room);
				next += pushed;
			} else {
				size_t popped = ring_pop(ring, items, n);
				assert_int_equal(popped, n < inside ? n : inside);
				for (size_t i = 0; i < popped; i++)
					assert_ptr_equal(items[i], item(oldest++));
			}
			assert_int_equal(ring_count(ring), next - oldest);
		}
		ring_free(ring);
	}
}

// ---- many threads

#define MEMBERS_MAX 8
#define ITEMS 96000 // of all producers together: divides by every number of them
// Then producers stop. A ring whose waiting producers don't yield pushes one pointer in a time
// slice once more of them wait than there are CPUs.
#define CROWD_LIMIT_S 2
#define NUMBER_BITS 24

struct crowd {
	struct ring *ring;
	unsigned producers;
	size_t each; // how many a producer pushes
	size_t batch;
	uint64_t seed;
	atomic_bool late;
	atomic_uint producing;
	atomic_size_t pushed, popped;
	// By producer and number, `each` in a row.
	atomic_uchar seen[ITEMS];
	uint32_t payload[ITEMS]; // plain: published by the push alone
	atomic_int faults;
};

struct member {
	struct crowd *crowd;
	unsigned index;
	pthread_t thread;
};

static void *produce(void *context)
{
	struct member *self = context;
	struct crowd *crowd = self->crowd;
	struct support_random random;
	size_t next = 0;

	support_random_init(&random, crowd->seed + self->index);
	while (next < crowd->each && !atomic_load(&crowd->late)) {
		void *items[BATCH];
		size_t n = 1 + support_random_below(&random, crowd->batch);

		if (n > crowd->each - next)
			n = crowd->each - next;
		for (size_t i = 0; i < n; i++) {
			crowd->payload[self->index * crowd->each + next + i] =
			    ~(uint32_t)(next + i);
			items[i] = item((uintptr_t)self->index << NUMBER_BITS | (next + i));
		}
		size_t pushed = ring_push(crowd->ring, items, n);
		if (!pushed)
			sched_yield();
		next += pushed;
		atomic_fetch_add(&crowd->pushed, pushed);
	}
	atomic_fetch_sub(&crowd->producing, 1);
	return NULL;
}

static void *consume(void *context)
{
	struct member *self = context;
	struct crowd *crowd = self->crowd;
	struct support_random random;
	uintptr_t next[MEMBERS_MAX] = {0}; // the smallest number that this consumer may see

	support_random_init(&random, crowd->seed + MEMBERS_MAX + self->index);
	while (atomic_load(&crowd->producing) ||
	       atomic_load(&crowd->popped) != atomic_load(&crowd->pushed)) {
		void *items[BATCH];
		size_t n =
		    ring_pop(crowd->ring, items, 1 + support_random_below(&random, crowd->batch));

		if (!n)
			sched_yield();
		for (size_t i = 0; i < n; i++) {
			uintptr_t value = (uintptr_t)items[i] - 1, producer = value >> NUMBER_BITS;
			uintptr_t number = value & ((1U << NUMBER_BITS) - 1);

			size_t at = producer * crowd->each + number;

			if (!items[i] || producer >= crowd->producers || number >= crowd->each ||
			    number < next[producer] || crowd->payload[at] != ~(uint32_t)number ||
			    atomic_fetch_add(&crowd->seen[at], 1)) {
				atomic_fetch_add(&crowd->faults, 1);
				continue;
			}
			next[producer] = number + 1;
		}
		atomic_fetch_add(&crowd->popped, n);
	}
	return NULL;
}

static void start(struct member *member, void *(*run)(void *))
{
	assert_int_equal(pthread_create(&member->thread, NULL, run, member), 0);
}

static void run_crowd(unsigned n_producers, unsigned n_consumers, size_t capacity, size_t batch)
{
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct member producers[MEMBERS_MAX], consumers[MEMBERS_MAX];

	assert_non_null(crowd);
	crowd->ring = ring_new(capacity);
	assert_non_null(crowd->ring);
	crowd->producers = n_producers;
	atomic_store(&crowd->producing, n_producers);
	crowd->each = ITEMS / n_producers;
	crowd->batch = batch;
	crowd->seed = support_seed();
	for (unsigned i = 0; i < n_consumers; i++) {
		consumers[i] = (struct member){.crowd = crowd, .index = i};
		start(&consumers[i], consume);
	}
	for (unsigned i = 0; i < n_producers; i++) {
		producers[i] = (struct member){.crowd = crowd, .index = i};
		start(&producers[i], produce);
	}
	struct timespec limit;
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += CROWD_LIMIT_S;
	for (unsigned i = 0; i < n_producers; i++) {
		if (!pthread_timedjoin_np(producers[i].thread, NULL, &limit))
			continue;
		atomic_store(&crowd->late, true);
		pthread_join(producers[i].thread, NULL);
	}
	for (unsigned i = 0; i < n_consumers; i++)
		pthread_join(consumers[i].thread, NULL);

	size_t pushed = atomic_load(&crowd->pushed), seen = 0;
	if (pushed < ITEMS)
		print_message(
		    "# %u to %u, capacity %zu: stopped after %d s and %zu of %d pointers\n",
		    n_producers, n_consumers, capacity, CROWD_LIMIT_S, pushed, ITEMS);
	assert_int_equal(atomic_load(&crowd->faults), 0);
	assert_true(pushed > 0);
	// Without faults each was seen at most once.
	for (size_t i = 0; i < ITEMS; i++)
		seen += atomic_load(&crowd->seen[i]);
	assert_int_equal(seen, pushed);
	assert_int_equal(ring_count(crowd->ring), 0);
	ring_free(crowd->ring);
	free(crowd);
}

static void keeps_order_among_threads_one_by_one(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 4; n *= 2) {
		run_crowd(n, n, 2, 1);
		run_crowd(n, n, 1024, 1);
	}
}

static void keeps_order_among_threads_in_batches(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= MEMBERS_MAX; n *= 2) {
		run_crowd(n, n, 8, BATCH);
		run_crowd(n, n, 1024, BATCH);
	}
}

static void keeps_order_from_many_to_one_and_back(void **state)
{
	(void)state;
	run_crowd(MEMBERS_MAX, 1, 2, BATCH);
	run_crowd(MEMBERS_MAX, 1, 32, BATCH);
	run_crowd(1, MEMBERS_MAX, 2, BATCH);
	run_crowd(1, MEMBERS_MAX, 32, BATCH);
	run_crowd(3, 2, 16, BATCH);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refuses_bad_capacities),
	    cmocka_unit_test(holds_exactly_its_capacity),
	    cmocka_unit_test(equals_a_naive_fifo),
	    cmocka_unit_test(keeps_order_among_threads_one_by_one),
	    cmocka_unit_test(keeps_order_among_threads_in_batches),
	    cmocka_unit_test(keeps_order_from_many_to_one_and_back),
	    cmocka_unit_test(survives_a_producer_stopped_anywhere),
	    cmocka_unit_test(survives_a_consumer_stopped_anywhere),
	};

	support_seed();
	alarm(300); // a lost pointer would have the consumers wait for ever
	return cmocka_run_group_tests_name(ring_variant, tests, NULL, NULL);
}
