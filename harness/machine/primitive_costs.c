#include "harness/machine/primitive_costs.h"

#include "base/clock.h"
#include "base/memory.h"
#include "harness/stats/basic.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ROUNDS = 21, CALLS = 2000, TRIPS = 50, COPIES = 20, COPY_BYTES = 65536 };

// Median time of what one of `n` costs, over the rounds.
static double find_median_ns(void (*round)(void *), void *context, unsigned n)
{
	double each[ROUNDS];

	round(context); // caches, page tables
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t from = clock_ns(CLOCK_MONOTONIC);

		round(context);
		each[i] = (double)(clock_ns(CLOCK_MONOTONIC) - from) / n;
	}
	return stats_quantile(each, ROUNDS, 0.5);
}

static void make_calls(void *context)
{
	(void)context;
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
}

static void make_copies(void *buffers)
{
	char *from = buffers, *to = from + COPY_BYTES;

	for (int i = 0; i < COPIES; i++) {
		memcpy(to, from, COPY_BYTES);
		__asm__ volatile("" : : "r"(to) : "memory");
	}
}

struct echo {
	int there[2], back[2];
};

static void *answer_trips(void *context)
{
	struct echo *e = context;
	char byte;

	while (read(e->there[0], &byte, 1) == 1 && write(e->back[1], &byte, 1) == 1)
		;
	return NULL;
}

static void make_trips(void *context)
{
	struct echo *e = context;
	char byte = 0;

	for (int i = 0; i < TRIPS; i++)
		if (write(e->there[1], &byte, 1) != 1 || read(e->back[0], &byte, 1) != 1)
			return;
}

static void close_both(int fd[2])
{
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

// The other thread runs on `cpu`, this one where it is pinned to.
static double measure_wakeup_us(int cpu)
{
	struct echo e = {{-1, -1}, {-1, -1}};
	pthread_attr_t attributes;
	pthread_t thread;
	cpu_set_t set;
	double ns = 0;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attributes);
	if (!pipe(e.there) && !pipe(e.back) &&
	    !pthread_attr_setaffinity_np(&attributes, sizeof(set), &set) &&
	    !pthread_create(&thread, &attributes, answer_trips, &e)) {
		ns = find_median_ns(make_trips, &e, TRIPS);
		close(e.there[1]);
		e.there[1] = -1;
		pthread_join(thread, NULL);
	}
	pthread_attr_destroy(&attributes);
	close_both(e.there);
	close_both(e.back);
	return ns / 1000;
}

static int find_next_cpu(const cpu_set_t *set, int after)
{
	int cpu = after + 1;

	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, set))
		cpu++;
	return cpu < CPU_SETSIZE ? cpu : -1;
}

void primitive_costs_measure(struct primitive_costs *c)
{
	char *buffers = memory_new(2, COPY_BYTES);
	cpu_set_t before, one;

	*c = (struct primitive_costs){.syscall_ns = find_median_ns(make_calls, NULL, CALLS)};
	c->copy_gbyte_per_s = COPY_BYTES / find_median_ns(make_copies, buffers, COPIES);
	free(buffers);
	if (sched_getaffinity(0, sizeof(before), &before))
		return;
	int first = find_next_cpu(&before, -1), second = find_next_cpu(&before, first);
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return;
	c->wakeup_same_us = measure_wakeup_us(first);
	if (second >= 0)
		c->wakeup_across_us = measure_wakeup_us(second);
	sched_setaffinity(0, sizeof(before), &before);
}
