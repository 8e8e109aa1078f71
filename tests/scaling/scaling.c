// How one submitter and N threads share work, by counts instead of time: pushes real jobs (a
// super-packet's 45 messages of 1440 bytes to encrypt) through a workers variant and prints one
// line of `key=value` totals. scripts/scaling runs it and makes the table.
//
//   scaling THREADS LANES JOBS      THREADS 0: as many as the variant finds right
//
// The submitter hands over bursts of 32 jobs and has two of them under way, so it is never refused
// and sleeps instead of spinning when it is ahead: until the older one is finished.
#include "tests/scaling/count.h"
#include "variants/aead/aead.h"
#include "variants/workers/workers.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { BURST = 32, UNDER_WAY = 2, MESSAGES = 45, LENGTH = 1440, WARM_UP = 24, LANES_MAX = 64 };

struct lane {
	struct workers_lane *lane;
	unsigned submitted, finished;
	uint64_t flushes;
};

struct burst {
	sem_t finished; // all of it
	atomic_uint left;
};

struct job {
	struct workers_job job;
	struct lane *lane;
	unsigned number;
	struct burst *burst;
	uint8_t source[MESSAGES * LENGTH];
	uint8_t target[MESSAGES * (LENGTH + AEAD_TAG_BYTES)];
};

__thread struct scaling_counts scaling_counts;

static __thread struct aead *aead;
static __thread uint64_t born_ns, work_ns; // CPU time: until ready, and of jobs' work
static atomic_uint threads_started;

// Over all threads of the variant's; `lock` guards it.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct scaling_counts counts;
	uint64_t cpu_ns, work_ns;
	long voluntary, involuntary;
} threads;

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "scaling: %s\n", what);
	exit(2);
}

// Its name is looked for in profiles; so are those of work_job and finish_job.
__attribute__((noinline)) static void start_aead(void)
{
	aead = aead_new();
	if (!aead)
		die("no cipher");
}

static void thread_start(void *context)
{
	(void)context;
	start_aead();
	atomic_fetch_add(&threads_started, 1);
	born_ns = cpu_ns();
}

static void thread_stop(void *context)
{
	struct rusage usage;

	(void)context;
	aead_free(aead);
	getrusage(RUSAGE_THREAD, &usage);
	pthread_mutex_lock(&lock);
#define X(name) threads.counts.name += scaling_counts.name;
	SCALING_COUNTS(X)
#undef X
	threads.cpu_ns += cpu_ns() - born_ns;
	threads.work_ns += work_ns;
	threads.voluntary += usage.ru_nvcsw;
	threads.involuntary += usage.ru_nivcsw;
	pthread_mutex_unlock(&lock);
}

static void nothing(void *context)
{
	(void)context;
}

__attribute__((noinline)) static void work_job(struct workers_job *job)
{
	static const uint8_t key[AEAD_KEY_BYTES] = {1};
	struct job *j = (struct job *)job;
	uint64_t before_ns = cpu_ns();

	for (unsigned i = 0; i < MESSAGES; i++) {
		struct aead_message m = {.source = j->source + i * LENGTH,
		                         .target = j->target + i * (LENGTH + AEAD_TAG_BYTES),
		                         .length = LENGTH,
		                         .counter = (uint64_t)j->number * MESSAGES + i};
		aead_seal(aead, key, &m, 1);
	}
	work_ns += cpu_ns() - before_ns;
}

__attribute__((noinline)) static void finish_job(struct workers_job *job)
{
	struct job *j = (struct job *)job;

	if (j->number != j->lane->finished++)
		die("a job left out of order");
	if (atomic_fetch_sub(&j->burst->left, 1) == 1)
		sem_post(&j->burst->finished);
}

static void flush(void *context)
{
	((struct lane *)context)->flushes++;
}

static unsigned number(const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || n < min || n > max)
		die("usage: scaling THREADS LANES JOBS");
	return n;
}

static unsigned next; // the job to be submitted next
static struct burst bursts[UNDER_WAY];

static void submit_burst(struct job *jobs, struct lane *lanes, unsigned n)
{
	struct burst *burst = &bursts[next / BURST % UNDER_WAY];

	while (sem_wait(&burst->finished))
		;
	atomic_store(&burst->left, BURST);
	for (unsigned i = 0; i < BURST; i++, next++) {
		struct job *j = &jobs[next % (BURST * UNDER_WAY)];

		j->burst = burst;
		j->lane = &lanes[next % n];
		j->number = j->lane->submitted++;
		if (!workers_submit(j->lane->lane, &j->job))
			die("a job was refused");
	}
	for (unsigned i = 0; i < n; i++)
		workers_flush(lanes[i].lane);
}

int main(int argc, char **argv)
{
	static const struct workers_hooks hooks = {thread_start, thread_stop, nothing, nothing,
	                                           NULL};
	static const struct workers_stage stage = {work_job, finish_job, flush};
	static struct lane lanes[LANES_MAX];

	if (argc != 4)
		die("usage: scaling THREADS LANES JOBS");
	unsigned n = number(argv[1], 0, 256), lane_count = number(argv[2], 1, LANES_MAX),
	         wanted = number(argv[3], 1, 1u << 30);
	struct workers *workers = workers_new(&hooks, n, 1);
	struct job *jobs = calloc(BURST * UNDER_WAY, sizeof(*jobs));
	if (!workers || !jobs)
		die("out of memory");
	for (unsigned i = 0; i < UNDER_WAY; i++)
		sem_init(&bursts[i].finished, 0, 1);
	start_aead();
	for (unsigned i = 0; i < lane_count; i++) {
		lanes[i].lane = workers_lane_new(workers, &stage, &lanes[i]);
		if (!lanes[i].lane)
			die("out of memory");
	}
	uint64_t before_ns = cpu_ns(), flushes = 0;
	for (unsigned i = 1; i <= WARM_UP && atomic_load(&threads_started) < n; i++) {
		submit_burst(jobs, lanes, lane_count);
		workers_turn(workers, true, i * 5000000ull);
	}
	while (next < wanted)
		submit_burst(jobs, lanes, lane_count);
	for (unsigned i = 0; i < lane_count; i++) {
		workers_lane_free(lanes[i].lane);
		flushes += lanes[i].flushes;
	}
	uint64_t submit_ns = cpu_ns() - before_ns - work_ns;
	struct scaling_counts mine = scaling_counts;
	struct rusage usage;
	getrusage(RUSAGE_THREAD, &usage);
	workers_free(workers);
	printf("threads=%u jobs=%u drains=%" PRIu64 " submit_ns=%" PRIu64 " help_ns=%" PRIu64
	       " thread_ns=%" PRIu64 " work_ns=%" PRIu64 " "
	       "submit_voluntary=%ld submit_involuntary=%ld voluntary=%ld involuntary=%ld",
	       atomic_load(&threads_started), next, flushes, submit_ns, work_ns,
	       threads.cpu_ns - threads.work_ns, threads.work_ns, usage.ru_nvcsw, usage.ru_nivcsw,
	       threads.voluntary, threads.involuntary);
#define X(name)                                                                                    \
	printf(" submit_" #name "=%" PRIu64 " " #name "=%" PRIu64, mine.name, threads.counts.name);
	SCALING_COUNTS(X)
#undef X
	printf("\n");
	aead_free(aead);
	free(jobs);
	return 0;
}
