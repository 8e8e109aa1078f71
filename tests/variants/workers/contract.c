// Contract of the slot `workers`, for every variant: order and exclusion within a lane, flushes
// after finishes, work of a lane at once where a variant has threads, submissions from finish,
// refusals, waiting for a lane, wake-ups that must not be lost, and the hooks. A test that needs
// threads skips without them.
#include "variants/workers/workers.h"
#include "tests/support/support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LANES 4
#define PER_LANE 4000
#define DEADLINE_S 20
#define SPREAD_JOBS 200
#define MS 1000000ull

// What went wrong on any thread: cmocka's assertions are for the main thread only.
static atomic_int faults;
static atomic_int threads_started, threads_stopped, entered, left;
static __thread int path_depth;
static __thread bool is_worker, submitting;

static void expect(bool right)
{
	if (!right)
		atomic_fetch_add(&faults, 1);
}

static void thread_start(void *context)
{
	expect(context == &faults && !is_worker);
	is_worker = true;
	atomic_fetch_add(&threads_started, 1);
}

static void thread_stop(void *context)
{
	expect(context == &faults && is_worker && !path_depth);
	is_worker = false;
	atomic_fetch_add(&threads_stopped, 1);
}

static void path_enter(void *context)
{
	expect(context == &faults && is_worker && path_depth++ == 0);
	atomic_fetch_add(&entered, 1);
}

static void path_leave(void *context)
{
	expect(context == &faults && is_worker && --path_depth == 0);
	atomic_fetch_add(&left, 1);
}

static const struct workers_hooks hooks = {
    thread_start, thread_stop, path_enter, path_leave, &faults,
};

// ---- lanes and jobs of the tests

struct test_lane {
	struct workers_lane *lane;
	atomic_bool finishing;
	bool unflushed; // of finish and flush, which exclude each other
	unsigned flushes;
	atomic_uint finished; // also the number of the job that must come next
	struct test_lane *onward;
	unsigned submitted_onward, refused_onward;
};

struct test_job {
	struct workers_job job; // first, so that a pointer to it is one to this
	struct test_lane *lane;
	unsigned number, spins;
	atomic_uint worked, done;
};

static void work(struct workers_job *job)
{
	struct test_job *j = (struct test_job *)job;

	expect(!is_worker || !path_depth || submitting);
	for (volatile unsigned i = 0; i < j->spins; i++)
		;
	expect(atomic_fetch_add(&j->worked, 1) == 0);
}

static void finish(struct workers_job *job)
{
	struct test_job *j = (struct test_job *)job;
	struct test_lane *lane = j->lane;

	expect(!atomic_exchange(&lane->finishing, true));
	expect(path_depth == 1);
	expect(atomic_load(&j->worked) == 1);
	expect(j->number == atomic_load(&lane->finished));
	atomic_store(&j->done, true);
	lane->unflushed = true;
	atomic_store(&lane->finishing, false);
	atomic_fetch_add(&lane->finished, 1);
}

static void flush(void *context)
{
	struct test_lane *lane = context;

	expect(!atomic_exchange(&lane->finishing, true));
	expect(path_depth == 1);
	expect(lane->unflushed);
	lane->unflushed = false;
	lane->flushes++;
	atomic_store(&lane->finishing, false);
}

// Hands the job on to the next lane.
static void finish_onward(struct workers_job *job)
{
	struct test_job *j = (struct test_job *)job;
	struct test_lane *lane = j->lane, *next = lane->onward;

	expect(!atomic_exchange(&lane->finishing, true));
	expect(atomic_load(&j->worked) == 1);
	expect(j->number == atomic_load(&lane->finished));
	j->lane = next;
	j->number = lane->submitted_onward;
	atomic_store(&j->worked, 0);
	submitting = true;
	if (workers_submit(next->lane, job))
		lane->submitted_onward++;
	else
		lane->refused_onward++;
	submitting = false;
	lane->unflushed = true;
	atomic_store(&lane->finishing, false);
	atomic_fetch_add(&lane->finished, 1);
}

// The next lane's submitter is this one's finish, so its turn ends here.
static void flush_onward(void *context)
{
	struct test_lane *lane = context;

	flush(lane);
	workers_flush(lane->onward->lane);
}

static void lane_start(struct test_lane *lane, struct workers *workers,
                       void (*with)(struct workers_job *), void (*then)(struct workers_job *))
{
	const struct workers_stage stage = {with, then,
	                                    then == finish_onward ? flush_onward : flush};

	*lane = (struct test_lane){.lane = workers_lane_new(workers, &stage, lane)};
	assert_non_null(lane->lane);
}

// As the tunnel's readers do: inside the path bracket.
static bool submit(struct test_lane *lane, struct test_job *job)
{
	path_depth++;
	bool taken = workers_submit(lane->lane, &job->job);
	path_depth--;
	return taken;
}

static void end_turn(struct test_lane *lane)
{
	path_depth++;
	workers_flush(lane->lane);
	path_depth--;
}

// Of a lane whose jobs have all been submitted.
static void lane_end(struct test_lane *lane)
{
	end_turn(lane);
	workers_lane_free(lane->lane);
	expect(!lane->unflushed && lane->flushes <= atomic_load(&lane->finished));
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

// False when it takes too long.
static bool wait_until(const atomic_uint *value, unsigned reached)
{
	time_t deadline = now_s() + DEADLINE_S;

	for (unsigned spins = 0; atomic_load(value) < reached; spins++) {
		if (spins % 2048 != 2047)
			continue;
		if (now_s() > deadline)
			return false;
		sched_yield();
	}
	return true;
}

static struct workers *start(unsigned threads)
{
	atomic_store(&faults, 0);
	atomic_store(&threads_started, 0);
	atomic_store(&threads_stopped, 0);
	atomic_store(&entered, 0);
	atomic_store(&left, 0);
	struct workers *workers = workers_new(&hooks, threads, 2);
	assert_non_null(workers);
	return workers;
}

static void stop(struct workers *workers)
{
	workers_free(workers);
	assert_int_equal(atomic_load(&threads_started), atomic_load(&threads_stopped));
	assert_int_equal(atomic_load(&entered), atomic_load(&left));
	assert_int_equal(atomic_load(&faults), 0);
}

// A job's work waits at the gate where it is one of the variant's threads that does it; a submitter
// that does the work itself goes through.
static atomic_uint gate, arrived;

static void work_at_gate(struct workers_job *job)
{
	if (is_worker) {
		atomic_fetch_add(&arrived, 1);
		expect(wait_until(&gate, 1));
	}
	work(job);
}

static uint64_t turns_ns; // the clock of the turns

static void turn(struct workers *workers, bool backlog, uint64_t ns)
{
	turns_ns += ns;
	workers_turn(workers, backlog, turns_ns);
}

// Leaves work waiting at the end of turns, until `wanted` threads are at work at once or the
// variant has had plenty of time for it. How many there are then.
static unsigned spread(struct workers *workers, unsigned wanted)
{
	static struct test_job jobs[SPREAD_JOBS];
	struct test_lane lane;
	unsigned n = 0;

	atomic_store(&gate, 0);
	atomic_store(&arrived, 0);
	lane_start(&lane, workers, work_at_gate, finish);
	while (n < SPREAD_JOBS && atomic_load(&arrived) < wanted) {
		jobs[n] = (struct test_job){.lane = &lane, .number = n};
		assert_true(submit(&lane, &jobs[n]));
		n++;
		turn(workers, true, 5 * MS);
		for (int i = 0; i < 100 && atomic_load(&arrived) < wanted; i++)
			sched_yield();
	}
	atomic_store(&gate, 1);
	lane_end(&lane);
	return atomic_load(&arrived);
}

static void skip_without_threads(struct workers *workers, unsigned wanted, const char *why)
{
	if (spread(workers, wanted) >= wanted)
		return;
	stop(workers);
	print_message("# %s has no threads, %s\n", workers_variant, why);
	skip();
}

// ---- tests

struct submitter {
	pthread_t thread;
	struct workers *workers;
	struct test_lane *lanes; // two
	struct test_job *jobs;   // PER_LANE for each
	uint64_t seed;
	unsigned refused;
};

static void *submit_all(void *context)
{
	struct submitter *self = context;
	unsigned next[2] = {0}, turn = 0;
	struct support_random random;

	support_random_init(&random, self->seed);
	while (next[0] < PER_LANE || next[1] < PER_LANE) {
		unsigned l = support_random_below(&random, 2);
		if (next[l] == PER_LANE)
			continue;
		struct test_job *job = &self->jobs[l * PER_LANE + next[l]];
		job->lane = &self->lanes[l];
		job->number = next[l];
		job->spins = support_random_below(&random, next[l] % 64 ? 200 : 20000);
		if (submit(job->lane, job)) {
			next[l]++;
		} else {
			self->refused++;
			sched_yield();
		}
		if (support_random_below(&random, 8))
			continue;
		end_turn(&self->lanes[0]);
		end_turn(&self->lanes[1]);
		workers_turn(self->workers, support_random_below(&random, 4), turn++ * MS);
	}
	end_turn(&self->lanes[0]);
	end_turn(&self->lanes[1]);
	return NULL;
}

static void finishes_each_lane_in_order(void **state)
{
	(void)state;
	for (unsigned threads = 0; threads <= 5; threads++) {
		struct workers *workers = start(threads);
		struct test_job *jobs = calloc(LANES * PER_LANE, sizeof(*jobs));
		struct test_lane lanes[LANES];
		struct submitter submitters[LANES / 2];

		assert_non_null(jobs);
		for (int i = 0; i < LANES; i++)
			lane_start(&lanes[i], workers, work, finish);
		for (int i = 0; i < LANES / 2; i++) {
			submitters[i] = (struct submitter){.workers = workers,
			                                   .lanes = &lanes[2 * i],
			                                   .jobs = &jobs[2 * i * PER_LANE],
			                                   .seed = support_seed() + i};
			assert_int_equal(
			    pthread_create(&submitters[i].thread, NULL, submit_all, &submitters[i]),
			    0);
		}
		for (int i = 0; i < LANES / 2; i++)
			pthread_join(submitters[i].thread, NULL);
		for (int i = 0; i < LANES; i++) {
			lane_end(&lanes[i]);
			assert_int_equal(atomic_load(&lanes[i].finished), PER_LANE);
		}
		stop(workers);
		free(jobs);
	}
}

static void work_and_note(struct workers_job *job)
{
	atomic_fetch_add(is_worker ? &arrived : &gate, 1);
	work(job);
}

// Floods that leave work waiting for seconds (of the turns' clock), pauses that look like seconds,
// and trickles in between: threads come and go where the variant lets them.
static void keeps_order_while_threads_come_and_go(void **state)
{
	(void)state;
	enum { ROUNDS = 300, FLOOD = 160, TRICKLE = 10 };
	struct workers *workers = start(4);
	struct test_job *jobs = calloc(2 * FLOOD, sizeof(*jobs));
	struct support_random random;
	struct test_lane lanes[2];
	unsigned submitted[2] = {0};

	assert_non_null(jobs);
	support_random_init(&random, support_seed());
	atomic_store(&gate, 0);
	atomic_store(&arrived, 0);
	for (int l = 0; l < 2; l++)
		lane_start(&lanes[l], workers, work_and_note, finish);
	for (int round = 0; round < ROUNDS; round++) {
		bool flood = support_random_below(&random, 2);

		for (unsigned i = 0; i < (flood ? FLOOD : TRICKLE); i++) {
			unsigned l = support_random_below(&random, 4) == 0;
			struct test_job *job = &jobs[l * FLOOD + i];

			*job = (struct test_job){.lane = &lanes[l],
			                         .number = submitted[l]++,
			                         .spins = support_random_below(&random, 4000)};
			while (!submit(&lanes[l], job))
				sched_yield();
			if (i % 4 == 3) {
				end_turn(&lanes[0]);
				end_turn(&lanes[1]);
				turn(workers, flood, 5 * MS);
			}
		}
		end_turn(&lanes[0]);
		end_turn(&lanes[1]);
		if (support_random_below(&random, 2))
			turn(workers, false, 100 * MS); // while much is under way
		for (int l = 0; l < 2; l++)
			assert_true(wait_until(&lanes[l].finished, submitted[l]));
		turn(workers, false, 5 * MS);
		usleep(300);
		turn(workers, false, support_random_below(&random, 1000) * MS);
	}
	for (int l = 0; l < 2; l++) {
		lane_end(&lanes[l]);
		assert_int_equal(atomic_load(&lanes[l].finished), submitted[l]);
	}
	print_message("# %u jobs done by threads, %u by the submitter\n", atomic_load(&arrived),
	              atomic_load(&gate));
	assert_int_equal(atomic_load(&arrived) + atomic_load(&gate), submitted[0] + submitted[1]);
	stop(workers);
	assert_true(!atomic_load(&threads_started) == !atomic_load(&arrived));
	free(jobs);
}

static void takes_submissions_from_finish(void **state)
{
	(void)state;
	struct workers *workers = start(3);
	struct test_lane first, second;
	struct test_job *jobs = calloc(PER_LANE, sizeof(*jobs));

	assert_non_null(jobs);
	spread(workers, 3);
	lane_start(&first, workers, work, finish_onward);
	lane_start(&second, workers, work, finish);
	first.onward = &second;
	for (unsigned i = 0; i < PER_LANE; i++) {
		jobs[i].lane = &first;
		jobs[i].number = i;
		while (!submit(&first, &jobs[i]))
			sched_yield();
	}
	lane_end(&first);
	lane_end(&second);
	assert_int_equal(atomic_load(&first.finished), PER_LANE);
	assert_int_equal(first.submitted_onward + first.refused_onward, PER_LANE);
	assert_int_equal(atomic_load(&second.finished), first.submitted_onward);
	stop(workers);
	free(jobs);
}

static void work_slowly(struct workers_job *job)
{
	usleep(2000);
	work(job);
}

static void frees_a_lane_when_all_is_finished(void **state)
{
	(void)state;
	struct workers *workers = start(2);

	spread(workers, 2);
	for (int round = 0; round < 10; round++) {
		struct test_lane lane;
		struct test_job jobs[8] = {0};

		lane_start(&lane, workers, work_slowly, finish);
		for (unsigned i = 0; i < 8; i++) {
			jobs[i].lane = &lane;
			jobs[i].number = i;
			assert_true(submit(&lane, &jobs[i]));
		}
		lane_end(&lane);
		assert_int_equal(atomic_load(&lane.finished), 8);
	}
	stop(workers);
}

// Many short-lived lanes: whoever still touches one that is gone is seen by the sanitizers.
static void frees_busy_lanes(void **state)
{
	(void)state;
	struct workers *workers = start(3);

	spread(workers, 3);
	for (int round = 0; round < 6000; round++) {
		struct test_lane lane;
		struct test_job jobs[6] = {0};

		lane_start(&lane, workers, work, finish);
		for (unsigned i = 0; i < 6; i++) {
			jobs[i].lane = &lane;
			jobs[i].number = i;
			assert_true(submit(&lane, &jobs[i]));
		}
		if (round % 2)
			assert_true(wait_until(&lane.finished, 6));
		lane_end(&lane);
		assert_int_equal(atomic_load(&lane.finished), 6);
	}
	stop(workers);
}

// A lane whose head waits at the gate fills up, be it with jobs that are done; another one only
// where its jobs wait for the same threads.
static void refuses_when_full(void **state)
{
	(void)state;
	struct workers *workers = start(2);

	skip_without_threads(workers, 2, "so that nothing queues");
	struct test_job *jobs = calloc(LANES * PER_LANE, sizeof(*jobs));
	struct test_lane lanes[LANES];
	struct test_job *refused[LANES] = {NULL};

	assert_non_null(jobs);
	atomic_store(&gate, 0);
	for (unsigned i = 0; i < LANES; i++) {
		unsigned taken = 0;

		lane_start(&lanes[i], workers, work_at_gate, finish);
		while (!refused[i] && taken < PER_LANE) {
			struct test_job *job = &jobs[i * PER_LANE + taken];
			*job = (struct test_job){.lane = &lanes[i], .number = taken};
			if (submit(&lanes[i], job))
				taken++;
			else
				refused[i] = job;
		}
		assert_true(taken > 0 || i > 0);
	}
	assert_non_null(refused[0]);
	atomic_store(&gate, 1);
	for (unsigned i = 0; i < LANES; i++) {
		unsigned taken = refused[i] ? refused[i]->number : PER_LANE;

		assert_true(wait_until(&lanes[i].finished, taken));
		if (refused[i]) {
			// There is room again, and the job that was refused comes next.
			assert_int_equal(atomic_load(&refused[i]->worked), 0);
			assert_int_equal(atomic_load(&refused[i]->done), 0);
			while (!submit(&lanes[i], refused[i]))
				sched_yield();
			taken++;
		}
		lane_end(&lanes[i]);
		assert_int_equal(atomic_load(&lanes[i].finished), taken);
	}
	stop(workers);
	free(jobs);
}

// Both jobs of a lane are in their work at once, then end it at nearly the same time, so that one
// thread gives up draining while the other marks its job done. The main thread sleeps meanwhile.
static void work_together(struct workers_job *job)
{
	atomic_fetch_add(&arrived, 1);
	expect(wait_until(&arrived, 2));
	work(job);
}

static void works_on_one_lane_at_once(void **state)
{
	(void)state;
	struct workers *workers = start(2);
	skip_without_threads(workers, 2, "so that no two jobs are worked on at once");
	struct support_random random;

	support_random_init(&random, support_seed());
	for (int round = 0; round < 8000; round++) {
		struct test_lane lane;
		struct test_job jobs[2] = {0};

		atomic_store(&arrived, 0);
		lane_start(&lane, workers, work_together, finish);
		for (unsigned i = 0; i < 2; i++) {
			jobs[i].lane = &lane;
			jobs[i].number = i;
			jobs[i].spins = support_random_below(&random, 60);
			assert_true(submit(&lane, &jobs[i]));
		}
		lane_end(&lane);
		assert_int_equal(atomic_load(&lane.finished), 2);
	}
	stop(workers);
}

// What is finished in the submitter's thread stays unflushed until it ends its turn; what threads
// finish is flushed without that.
static void flushes_after_finishes(void **state)
{
	(void)state;
	const struct workers_stage bare = {work, finish, NULL};

	for (unsigned threads = 1; threads <= 3; threads++) {
		struct workers *workers = start(threads);
		struct test_lane lane, unflushed = {.lane = workers_lane_new(workers, &bare, NULL)};
		struct test_job jobs[64], more[64];

		assert_non_null(unflushed.lane);
		lane_start(&lane, workers, work, finish);
		for (unsigned i = 0; i < 64; i++) {
			jobs[i] =
			    (struct test_job){.lane = &lane, .number = i, .spins = i % 7 * 40};
			more[i] = (struct test_job){.lane = &unflushed, .number = i};
			assert_true(submit(&lane, &jobs[i]));
			assert_true(submit(&unflushed, &more[i]));
			if (i % 16 == 15) {
				end_turn(&lane);
				end_turn(&lane);
				end_turn(&unflushed);
			}
		}
		workers_lane_free(lane.lane);
		workers_lane_free(unflushed.lane);
		assert_false(lane.unflushed);
		assert_in_range(lane.flushes, 1, 64);
		assert_int_equal(unflushed.flushes, 0);
		assert_int_equal(atomic_load(&unflushed.finished), 64);
		if (!atomic_load(&threads_started))
			assert_int_equal(lane.flushes, 4);
		stop(workers);
	}
}

// A few jobs, all finished before the next come: each time the threads are about to sleep, asleep
// or still busy. A wake-up that is lost shows as a deadline that passes, unless another thread
// makes up for it, so one thread has to do as well.
static void loses_no_wake_up(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 2; threads++) {
		struct workers *workers = start(threads);
		struct support_random random;
		struct test_lane lane;
		unsigned submitted = 0;

		spread(workers, threads);
		support_random_init(&random, support_seed());
		lane_start(&lane, workers, work, finish);
		for (int round = 0; round < 30000; round++) {
			struct test_job jobs[3] = {0};
			unsigned n = 1 + support_random_below(&random, threads == 1 ? 1 : 3);

			for (unsigned i = 0; i < n; i++) {
				jobs[i].lane = &lane;
				jobs[i].number = submitted++;
				jobs[i].spins = support_random_below(&random, 300);
				assert_true(submit(&lane, &jobs[i]));
			}
			assert_true(wait_until(&lane.finished, submitted));
			if (round % 16 == 0)
				usleep(support_random_below(&random, 60));
			for (volatile unsigned i = support_random_below(&random, 1000); i > 0; i--)
				;
		}
		lane_end(&lane);
		stop(workers);
	}
}

static void starts_no_more_threads_than_asked(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 4; threads++) {
		struct workers *workers = start(threads);
		stop(workers);
		assert_true(atomic_load(&threads_started) <= (int)threads);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finishes_each_lane_in_order),
	    cmocka_unit_test(keeps_order_while_threads_come_and_go),
	    cmocka_unit_test(takes_submissions_from_finish),
	    cmocka_unit_test(flushes_after_finishes),
	    cmocka_unit_test(frees_a_lane_when_all_is_finished),
	    cmocka_unit_test(frees_busy_lanes),
	    cmocka_unit_test(refuses_when_full),
	    cmocka_unit_test(works_on_one_lane_at_once),
	    cmocka_unit_test(loses_no_wake_up),
	    cmocka_unit_test(starts_no_more_threads_than_asked),
	};

	support_seed();
	alarm(300); // a job that is lost would have a lane wait for ever
	return cmocka_run_group_tests_name(workers_variant, tests, NULL, NULL);
}
