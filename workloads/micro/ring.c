// Pointers through a ring from producers to consumers, up to more threads than cores: ns of passing
// time per pointer, by one and by 64. And producers that are preempted at any instruction, where
// the longest waits of another thread show how a variant stalls.
#include "workloads/micro/micro.h"
#include "variants/ring/backoff.h"
#include "variants/ring/ring.h"
#include "workloads/traffic/histogram.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

const char *const micro_slot = "ring", *const micro_variant = ring_variant;

enum {
	ENTRIES = 1024, // as in the tunnel
	BATCH_MAX = 64,
	SIDE_MAX = 8, // threads of a side
	LINE_BYTES = 64,
};

// ---- producers to consumers

struct consumer {
	_Alignas(LINE_BYTES) atomic_uint_fast64_t popped;
	uint64_t sum;
};

static struct {
	struct ring *ring;
	size_t producers, consumers, batch;
	struct consumer consumer[SIDE_MAX];
} transfer;

static void set_up(struct cbenchmark_state *state, void *context)
{
	(void)context;
	transfer.producers = cbenchmark_argument(state, 0);
	transfer.consumers = cbenchmark_argument(state, 1);
	transfer.batch = cbenchmark_argument(state, 2);
	memset(transfer.consumer, 0, sizeof(transfer.consumer));
	transfer.ring = ring_new(ENTRIES);
	if (!transfer.ring)
		cbenchmark_skip(state, "ring_new: out of memory");
}

// Every thread has the same number of iterations; all of them together are the pointers to pass.
static uint64_t pointers(const struct cbenchmark_state *state)
{
	return (uint64_t)cbenchmark_planned(state) * cbenchmark_threads(state);
}

static void produce(uint64_t from, uint64_t to)
{
	void *items[BATCH_MAX];
	unsigned waited = 0;

	while (from < to) {
		size_t n = to - from < transfer.batch ? to - from : transfer.batch, done = 0;

		for (size_t i = 0; i < n; i++)
			items[i] = (void *)(uintptr_t)(from + i + 1);
		while (done < n) {
			size_t pushed = ring_push(transfer.ring, items + done, n - done);
			if (!pushed)
				backoff(&waited);
			done += pushed;
		}
		from += n;
	}
}

static uint64_t popped_by_all(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < transfer.consumers; i++)
		sum += atomic_load_explicit(&transfer.consumer[i].popped, memory_order_acquire);
	return sum;
}

static void consume(struct consumer *self, uint64_t all)
{
	void *items[BATCH_MAX];
	uint64_t mine = 0, sum = 0;
	unsigned waited = 0;

	for (;;) {
		size_t n = ring_pop(transfer.ring, items, transfer.batch);

		for (size_t i = 0; i < n; i++)
			sum += (uintptr_t)items[i];
		mine += n;
		if (n)
			continue;
		atomic_store_explicit(&self->popped, mine, memory_order_release);
		if (popped_by_all() == all)
			break;
		backoff(&waited);
	}
	self->sum = sum;
}

static void run_transfer(struct cbenchmark_state *state, void *context)
{
	size_t thread = cbenchmark_thread(state);
	uint64_t all = pointers(state);

	(void)context;
	while (cbenchmark_keep_running_batch(state, cbenchmark_planned(state))) {
		if (thread < transfer.producers)
			produce(all * thread / transfer.producers,
			        all * (thread + 1) / transfer.producers);
		else
			consume(&transfer.consumer[thread - transfer.producers], all);
	}
}

static void tear_down(struct cbenchmark_state *state, void *context)
{
	uint64_t sum = 0, all = pointers(state);

	(void)context;
	for (size_t i = 0; i < transfer.consumers; i++)
		sum += transfer.consumer[i].sum;
	if (transfer.ring && sum != all * (all + 1) / 2)
		cbenchmark_skip(state, "what was popped isn't what was pushed");
	ring_free(transfer.ring);
}

// ---- preempted producers

// Each victim pushes for ever, and a signal that comes when it likes keeps it asleep where it is:
// what a scheduler does to a thread, but often enough to be measured.
enum { VICTIMS_MAX = 4, ASLEEP_NS = 500000, PERIOD_NS = 1500000 };

static struct {
	struct ring *ring;
	size_t victims, started;
	pthread_t thread[VICTIMS_MAX];
	atomic_bool stopping;
	struct histogram histogram;
} preempted;

static void fall_asleep(int signal)
{
	(void)signal;
	nanosleep(&(struct timespec){.tv_nsec = ASLEEP_NS}, NULL);
}

static void *be_victim(void *context)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	const struct itimerspec period = {{.tv_nsec = PERIOD_NS}, {.tv_nsec = PERIOD_NS}};
	bool *armed = context;
	unsigned waited = 0;
	timer_t timer;

	event._sigev_un._tid = syscall(SYS_gettid);
	*armed = !timer_create(CLOCK_MONOTONIC, &event, &timer);
	if (*armed)
		timer_settime(timer, 0, &period, NULL);
	while (!atomic_load_explicit(&preempted.stopping, memory_order_relaxed))
		if (!ring_push(preempted.ring, (void *[]){&preempted}, 1))
			backoff(&waited);
	if (*armed)
		timer_delete(timer);
	return NULL;
}

static bool armed[VICTIMS_MAX];

static void start_victims(struct cbenchmark_state *state, void *context)
{
	const struct sigaction action = {.sa_handler = fall_asleep, .sa_flags = SA_RESTART};

	(void)context;
	memset(&preempted, 0, sizeof(preempted));
	preempted.victims = cbenchmark_argument(state, 0);
	preempted.ring = ring_new(ENTRIES);
	if (!preempted.ring) {
		cbenchmark_skip(state, "ring_new: out of memory");
		return;
	}
	sigaction(SIGUSR1, &action, NULL);
	while (preempted.started < preempted.victims) {
		size_t i = preempted.started;

		if (pthread_create(&preempted.thread[i], NULL, be_victim, &armed[i])) {
			cbenchmark_skip(state, "pthread_create failed");
			return;
		}
		preempted.started++;
	}
}

static void run_preempted(struct cbenchmark_state *state, void *context)
{
	void *items[BATCH_MAX];

	(void)context;
	while (cbenchmark_keep_running(state)) {
		uint64_t began = micro_now_ns();

		while (!ring_push(preempted.ring, (void *[]){items}, 1))
			ring_pop(preempted.ring, items, BATCH_MAX); // nobody else makes room
		ring_pop(preempted.ring, items, BATCH_MAX);
		histogram_add(&preempted.histogram, micro_now_ns() - began);
	}
	cbenchmark_set_counter(state, "p50_ns", histogram_quantile(&preempted.histogram, 0.5),
	                       CBENCHMARK_TOTAL);
	cbenchmark_set_counter(state, "p99.9_ns", histogram_quantile(&preempted.histogram, 0.999),
	                       CBENCHMARK_TOTAL);
	cbenchmark_set_counter(state, "p99.99_ns", histogram_quantile(&preempted.histogram, 0.9999),
	                       CBENCHMARK_TOTAL);
	cbenchmark_set_counter(state, "max_ns", preempted.histogram.max_ns, CBENCHMARK_TOTAL);
}

static void stop_victims(struct cbenchmark_state *state, void *context)
{
	void *items[BATCH_MAX];

	(void)context;
	atomic_store(&preempted.stopping, true);
	for (size_t i = 0; i < preempted.started; i++) {
		pthread_join(preempted.thread[i], NULL);
		if (!armed[i])
			cbenchmark_skip(state, "timer_create failed");
	}
	while (preempted.ring && ring_pop(preempted.ring, items, BATCH_MAX))
		;
	ring_free(preempted.ring);
}

void micro_register(void)
{
	static const int64_t sides[] = {1, 2, 4, SIDE_MAX}, batches[] = {1, BATCH_MAX},
	                     victims[] = {0, 1, VICTIMS_MAX};

	for (size_t batch = 0; batch < 2; batch++)
		for (size_t consumers = 0; consumers < 4; consumers++)
			for (size_t producers = 0; producers < 4; producers++)
				micro_add(&(struct cbenchmark){
				    .name = batch ? "transfer_batches" : "transfer_singles",
				    .run = run_transfer,
				    .setup = set_up,
				    .teardown = tear_down,
				    .dimension =
				        {{.name = "producers", .values = &sides[producers], .n = 1},
				         {.name = "consumers", .values = &sides[consumers], .n = 1},
				         {.name = "batch", .values = &batches[batch], .n = 1}},
				    .threads = {sides[producers] + sides[consumers]},
				    .time = CBENCHMARK_REAL_TIME});
	micro_add(&(struct cbenchmark){.name = "preempted_producers",
	                               .run = run_preempted,
	                               .setup = start_victims,
	                               .teardown = stop_victims,
	                               .dimension = {CBENCHMARK_VALUES("preempted", victims)},
	                               .time = CBENCHMARK_REAL_TIME});
}
