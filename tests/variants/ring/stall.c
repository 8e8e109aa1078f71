#include "tests/variants/ring/stall.h"
#include "variants/ring/ring.h"
#include "tests/support/support.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define UNDER_TSAN
#endif

#if !defined(__x86_64__) || defined(UNDER_TSAN)

void survives_a_producer_stopped_anywhere(void **state)
{
	(void)state;
	print_message("# stepping through instructions needs x86-64 without ThreadSanitizer\n");
	skip();
}

void survives_a_consumer_stopped_anywhere(void **state)
{
	survives_a_producer_stopped_anywhere(state);
}

#else

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <x86intrin.h>

#define CAPACITY 8
#define RUN 3      // pointers in the stopped operation, and in its witness's
#define BEFORE 2   // pointers that are inside before
#define BOUND 3000 // many times what an operation takes that needn't wait
#define TRAP_FLAG 0x100

// One thread that runs one operation step by step.
struct stepped {
	pthread_t thread;
	struct ring *ring;
	bool push;
	void *items[CAPACITY];
	size_t n, done;
	unsigned stop_at; // the instruction after which it pauses, once
	unsigned steps;
	sem_t paused; // posted when it has paused, or has ended
	sem_t resume;
	atomic_bool ended;
};

static _Thread_local struct stepped *volatile self;

// The operation uses no part of the C library but sched_yield, so that a semaphore may be used
// here.
static void trapped(int signal)
{
	struct stepped *me = self;

	(void)signal;
	if (!me || ++me->steps != me->stop_at)
		return;
	sem_post(&me->paused);
	while (sem_wait(&me->resume))
		;
}

static void *run(void *context)
{
	struct stepped *me = context;

	self = me;
	__writeeflags(__readeflags() | TRAP_FLAG);
	me->done =
	    me->push ? ring_push(me->ring, me->items, me->n) : ring_pop(me->ring, me->items, me->n);
	__writeeflags(__readeflags() & ~(unsigned long long)TRAP_FLAG);
	self = NULL;
	atomic_store(&me->ended, true);
	sem_post(&me->paused);
	return NULL;
}

// Starts the operation on `n` pointers; true when it paused after `stop_at` instructions, false
// when it has ended before.
static bool start(struct stepped *stepped, struct ring *ring, bool push, uintptr_t first, size_t n,
                  unsigned stop_at)
{
	*stepped = (struct stepped){.ring = ring, .push = push, .n = n, .stop_at = stop_at};
	for (size_t i = 0; i < n && push; i++)
		stepped->items[i] = (void *)(first + i);
	sem_init(&stepped->paused, 0, 0);
	sem_init(&stepped->resume, 0, 0);
	assert_int_equal(pthread_create(&stepped->thread, NULL, run, stepped), 0);
	while (sem_wait(&stepped->paused))
		;
	return !atomic_load(&stepped->ended);
}

// All go on before any is waited for: one that loops over single pushes may have come to wait for
// the other in turn.
static void finish(struct stepped *const *stepped, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sem_post(&stepped[i]->resume);
	for (size_t i = 0; i < n; i++) {
		pthread_join(stepped[i]->thread, NULL);
		sem_destroy(&stepped[i]->paused);
		sem_destroy(&stepped[i]->resume);
	}
}

// What has come out: each pointer once, those of one push in order.
struct record {
	size_t n;
	uintptr_t items[4 * CAPACITY];
};

static void note(struct record *record, void *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		record->items[record->n++] = (uintptr_t)items[i];
}

static void expect_all(const struct record *record, const uintptr_t *firsts, const size_t *counts,
                       size_t pushes)
{
	size_t sum = 0;

	for (size_t i = 0; i < pushes; i++) {
		uintptr_t next = firsts[i];
		for (size_t j = 0; j < record->n; j++)
			if (record->items[j] >= firsts[i] && record->items[j] < firsts[i] + 100)
				assert_int_equal(record->items[j], next++);
		assert_int_equal(next - firsts[i], counts[i]);
		sum += counts[i];
	}
	assert_int_equal(record->n, sum);
}

static struct ring *prepare(struct record *record)
{
	static const struct sigaction action = {.sa_handler = trapped};
	struct ring *ring = ring_new(CAPACITY);

	assert_non_null(ring);
	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
	// The run of the test goes over the end of the slots.
	for (uintptr_t i = 0; i < CAPACITY - RUN - BEFORE + 1; i++) {
		void *item;
		assert_int_equal(ring_push(ring, &(void *){&item}, 1), 1);
		assert_int_equal(ring_pop(ring, &item, 1), 1);
	}
	for (uintptr_t i = 0; i < BEFORE; i++)
		assert_int_equal(ring_push(ring, &(void *){(void *)(100 + i)}, 1), 1);
	record->n = 0;
	return ring;
}

static void drain(struct ring *ring, struct record *record)
{
	void *items[CAPACITY];
	size_t n;

	while ((n = ring_pop(ring, items, CAPACITY)))
		note(record, items, n);
}

// The pushes: 100, what is inside before; 200, the stopped one; 300, the witness's.
void survives_a_producer_stopped_anywhere(void **state)
{
	static const uintptr_t firsts[] = {100, 200, 300};
	unsigned at, waited = 0, hidden = 0;
	bool stopped = true;

	(void)state;
	for (at = 1; stopped; at++) {
		struct stepped producer, witness;
		struct record record;
		struct ring *ring = prepare(&record);
		void *items[CAPACITY];

		stopped = start(&producer, ring, true, firsts[1], RUN, at);
		// What was pushed before comes out, whatever the producer was doing.
		assert_int_equal(ring_pop(ring, items, 1), 1);
		assert_int_equal((uintptr_t)items[0], 100);
		note(&record, items, 1);
		bool waits = start(&witness, ring, true, firsts[2], RUN, BOUND);
		if (!waits)
			assert_int_equal(witness.done, RUN);
		drain(ring, &record);
		assert_true(record.n >= BEFORE);
		bool witnessed = record.n && record.items[record.n - 1] == firsts[2] + RUN - 1;
		waited += waits;
		hidden += !waits && !witnessed;

		finish((struct stepped *[]){&producer, &witness}, 2);
		drain(ring, &record);
		assert_int_equal(producer.done, RUN);
		assert_int_equal(witness.done, RUN);
		expect_all(&record, firsts, (size_t[]){BEFORE, RUN, RUN}, 3);
		ring_free(ring);
	}
	print_message(
	    "# a producer stopped after each of %u instructions: another's push waited at %u, "
	    "was hidden at %u\n",
	    at - 2, waited, hidden);
	assert_true(at > 10);
}

// The pushes: 100, what is inside before; 200, what a producer pushes while the consumer is
// stopped.
void survives_a_consumer_stopped_anywhere(void **state)
{
	static const uintptr_t firsts[] = {100, 200};
	unsigned at, waited = 0, refused = 0;
	bool stopped = true;

	(void)state;
	for (at = 1; stopped; at++) {
		struct stepped consumer, witness, producer;
		struct record record;
		struct ring *ring = prepare(&record);
		size_t fit = CAPACITY - BEFORE;

		stopped = start(&consumer, ring, false, 0, 1, at);
		bool waits = start(&witness, ring, false, 0, 1, BOUND);
		// There was room for `fit` before; the witness has made room for one more.
		bool push_waits = start(&producer, ring, true, firsts[1], fit + 1, BOUND);
		waited += waits || push_waits;
		refused += !waits && !push_waits && producer.done == fit;

		finish((struct stepped *[]){&consumer, &witness, &producer}, 3);
		assert_int_equal(consumer.done, 1);
		assert_int_equal(witness.done, 1);
		assert_true(producer.done >= fit);
		// Two consumers' pointers have no order between them.
		assert_int_equal((uintptr_t)consumer.items[0] + (uintptr_t)witness.items[0], 201);
		drain(ring, &record);
		expect_all(&record, firsts + 1, (size_t[]){producer.done}, 1);
		ring_free(ring);
	}
	print_message(
	    "# a consumer stopped after each of %u instructions: another's operation waited at "
	    "%u, a slot was withheld at %u\n",
	    at - 2, waited, refused);
	assert_true(at > 10);
}

#endif
