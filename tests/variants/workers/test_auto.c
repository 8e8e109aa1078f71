// Variant `auto` beyond the contract: its policy, driven on a clock of its own and simulated under
// constant rates, and that the threads really follow it.
#include "variants/workers/policy.h"
#include "variants/workers/workers.h"
#include "tests/support/support.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define MS 1000000ull
#define WINDOW_MS (POLICY_WINDOW_NS / MS)

// ---- the policy

static void window(struct policy *p, unsigned backlog_ms, unsigned busy)
{
	policy_decide(p, POLICY_WINDOW_NS, backlog_ms * MS, busy);
}

static void lasting_backlog_adds_one_at_a_time(void **state)
{
	(void)state;
	struct policy p;

	policy_init(&p, 4);
	for (unsigned windows = 1; windows <= 20; windows++) {
		window(&p, WINDOW_MS, p.active * 1000);
		unsigned due = windows / POLICY_ADD_WINDOWS;
		assert_int_equal(p.active, due < 4 ? due : 4);
	}
}

// Of up to 7 ms, at least 5 ms apart, at any offset to the windows.
static void short_bursts_add_none(void **state)
{
	(void)state;
	struct support_random random;
	struct policy p;
	uint64_t now = 0, burst = 20, end = 20; // in 0.1 ms

	support_random_init(&random, support_seed());
	policy_init(&p, 4);
	for (int i = 0; i < 100000; i++) {
		uint64_t backlog = 0;
		for (unsigned step = 0; step < WINDOW_MS * 10; step++, now++) {
			if (now == end) {
				burst = now + 50 + support_random_below(&random, 300);
				end = burst + 1 + support_random_below(&random, 70);
			}
			backlog += now >= burst;
		}
		policy_decide(&p, POLICY_WINDOW_NS, backlog * MS / 10, 0);
		assert_int_equal(p.active, 0);
	}
}

static void no_thread_comes_while_there_are_idle_ones(void **state)
{
	(void)state;
	struct policy p;

	policy_init(&p, 4);
	for (int i = 0; i < 1000; i++)
		window(&p, WINDOW_MS, p.active ? 600 : 0);
	assert_int_equal(p.active, 1);
}

static void start_with(struct policy *p, unsigned active)
{
	policy_init(p, active);
	while (p->active < active)
		window(p, WINDOW_MS, p->active * 1000);
}

static void threads_go_when_idle(void **state)
{
	(void)state;
	struct policy p;

	start_with(&p, 3);
	for (unsigned left = 3; left-- > 0;) {
		for (int i = 1; i < POLICY_REMOVE_WINDOWS; i++)
			window(&p, 0, 0);
		assert_int_equal(p.active, left + 1);
		window(&p, 0, 0);
		assert_int_equal(p.active, left);
	}

	// Nobody had a turn for long: all that time counts.
	start_with(&p, 3);
	policy_decide(&p, POLICY_WINDOW_NS * 2ull * POLICY_REMOVE_WINDOWS, 0, 0);
	assert_int_equal(p.active, 1);
	policy_decide(&p, 3600 * 1000 * MS, 0, 0);
	assert_int_equal(p.active, 0);

	// One busy window starts the count again.
	start_with(&p, 2);
	for (int i = 0; i < 10 * POLICY_REMOVE_WINDOWS; i++) {
		bool rest = i % (POLICY_REMOVE_WINDOWS - 1);
		window(&p, 0, rest ? 100 : 1500);
	}
	assert_int_equal(p.active, 2);
}

static void a_regretted_removal_is_not_repeated(void **state)
{
	(void)state;
	struct policy p;

	start_with(&p, 1);
	for (int i = 0; i < POLICY_REMOVE_WINDOWS; i++)
		window(&p, 0, 200);
	assert_int_equal(p.active, 0);
	window(&p, WINDOW_MS, 0);
	window(&p, WINDOW_MS, 0);
	assert_int_equal(p.active, 1);
	for (int i = 0; i < 100 * POLICY_REMOVE_WINDOWS; i++)
		window(&p, 0, 180);
	assert_int_equal(p.active, 1);
	// Clearly less to do: tried again, and the regret is forgotten when all is well.
	for (int i = 0; i < POLICY_REMOVE_WINDOWS; i++)
		window(&p, 0, 100);
	assert_int_equal(p.active, 0);
	for (int i = 0; i < POLICY_REGRET_WINDOWS; i++)
		window(&p, 0, 0);
	assert_int_equal(p.regretted, UINT_MAX);
}

// A submitter whose reads and writes take `io` of a CPU's time and jobs that take `work` (both in
// thousandths) for ten minutes, each window up to 5 % off. Threads take what they can, the
// submitter the rest; backlog is what is too much for all.
static unsigned changes_at(unsigned io, unsigned work, unsigned max, struct support_random *random,
                           unsigned *active)
{
	enum { SETTLED = 3 * 200, WINDOWS = 600 * 200 };
	unsigned changes = 0, before = 0;
	struct policy p;

	policy_init(&p, max);
	for (unsigned i = 0; i < WINDOWS; i++) {
		unsigned load = work * (950 + support_random_below(random, 101)) / 1000;
		unsigned threads = p.active * 1000 < load ? p.active * 1000 : load;
		bool late = io + load - threads > 1000;

		window(&p, late ? WINDOW_MS : 0, threads);
		changes += i >= SETTLED && p.active != before;
		before = p.active;
	}
	*active = p.active;
	return changes;
}

static void settles_at_a_constant_rate(void **state)
{
	(void)state;
	enum { MAX = 6 };
	struct support_random random;
	unsigned worst = 0;

	support_random_init(&random, support_seed());
	for (unsigned io = 50; io < 1000; io += 100) {
		for (unsigned k = 0; k <= MAX; k++) {
			// What k threads and the submitter's rest can do, from half to double.
			static const unsigned percent[] = {50,  75,  90,  95,  99,
			                                   100, 101, 105, 120, 200};
			for (unsigned i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
				unsigned active, work = (k * 1000 + 1000 - io) * percent[i] / 100;
				unsigned changes = changes_at(io, work, MAX, &random, &active);

				worst = changes > worst ? changes : worst;
				if (changes > 4)
					fail_msg("io %u, work %u: %u changes in ten minutes", io,
					         work, changes);
				// Enough of them, and none where the submitter can do all.
				if (io + work * 94 / 100 > 1000 + active * 1000 && active < MAX)
					fail_msg("io %u, work %u: %u threads", io, work, active);
				if (io + work * 106 / 100 <= 1000)
					assert_int_equal(active, 0);
			}
		}
	}
	print_message("# at most %u changes in ten minutes\n", worst);
}

// As tunnel/path.c chooses the queues: half the CPUs, at most eight.
static void queues_and_threads_fit_the_cpus(void **state)
{
	static const struct {
		unsigned cpus, submitters, threads;
	} cases[] = {
	    {1, 1, 0}, {2, 1, 0}, {3, 1, 1},  {4, 1, 2},  {4, 2, 1},
	    {8, 4, 3}, {8, 8, 0}, {2, 64, 0}, {16, 8, 7}, {64, 8, 55},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(policy_threads(cases[i].cpus, cases[i].submitters),
		                 cases[i].threads);
}

// ---- the threads

static atomic_int threads_started;
static __thread bool is_worker;

static void thread_start(void *context)
{
	(void)context;
	is_worker = true;
	atomic_fetch_add(&threads_started, 1);
}

static void nothing(void *context)
{
	(void)context;
}

static const struct workers_hooks hooks = {thread_start, nothing, nothing, nothing, NULL};

static atomic_int worked_by; // 1: the submitter, 2: a thread

static void work(struct workers_job *job)
{
	(void)job;
	atomic_store(&worked_by, 1 + is_worker);
}

static void finish(struct workers_job *job)
{
	(void)job;
}

static const struct workers_stage stage = {work, finish, NULL};

// Who does the next job.
static int next_job(struct workers *workers)
{
	struct workers_lane *lane = workers_lane_new(workers, &stage, NULL);
	struct workers_job job;

	assert_non_null(lane);
	atomic_store(&worked_by, 0);
	assert_true(workers_submit(lane, &job));
	workers_flush(lane);
	workers_lane_free(lane);
	return atomic_load(&worked_by);
}

static void uses_a_thread_while_backlog_lasts(void **state)
{
	(void)state;
	struct workers *workers = workers_new(&hooks, 3, 1);
	uint64_t now_ns = 1;

	assert_non_null(workers);
	atomic_store(&threads_started, 0);
	for (int round = 0; round < 20; round++) {
		assert_int_equal(next_job(workers), 1);
		for (int i = 0; i < 100; i++)
			workers_turn(workers, i % 4 == 0, now_ns += MS); // no lasting one
		assert_int_equal(next_job(workers), 1);
		assert_int_equal(atomic_load(&threads_started), round > 0);
		// Enough for one thread, at any offset to the windows.
		for (int i = 0; i < 12; i++)
			workers_turn(workers, true, now_ns += MS);
		workers_turn(workers, false, now_ns += MS);
		assert_int_equal(next_job(workers), 2);
		// The thread has slept for nearly all of that second.
		workers_turn(workers, false, now_ns += 4 * MS);
		usleep(20000);
		workers_turn(workers, false, now_ns += 1000 * MS);
	}
	workers_free(workers);
	assert_int_equal(atomic_load(&threads_started), 1);
}

static void has_no_threads_on_two_cpus(void **state)
{
	(void)state;
	cpu_set_t before, two;
	int n = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&two);
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, &before)) {
			CPU_SET(cpu, &two);
			n++;
		}
	assert_int_equal(sched_setaffinity(0, sizeof(two), &two), 0);
	struct workers *workers = workers_new(&hooks, 0, 1);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_non_null(workers);
	atomic_store(&threads_started, 0);
	for (unsigned i = 1; i < 1000; i++)
		workers_turn(workers, true, i * MS);
	assert_int_equal(next_job(workers), 1);
	workers_free(workers);
	assert_int_equal(atomic_load(&threads_started), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lasting_backlog_adds_one_at_a_time),
	    cmocka_unit_test(short_bursts_add_none),
	    cmocka_unit_test(no_thread_comes_while_there_are_idle_ones),
	    cmocka_unit_test(threads_go_when_idle),
	    cmocka_unit_test(a_regretted_removal_is_not_repeated),
	    cmocka_unit_test(settles_at_a_constant_rate),
	    cmocka_unit_test(queues_and_threads_fit_the_cpus),
	    cmocka_unit_test(uses_a_thread_while_backlog_lasts),
	    cmocka_unit_test(has_no_threads_on_two_cpus),
	};

	support_seed();
	return cmocka_run_group_tests_name("auto", tests, NULL, NULL);
}
