// Variant `numa` beyond the contract: on which CPUs its threads run, under topologies that this
// machine doesn't have (placement.h), and that the threads really do so under the one it has.
#include "variants/workers/placement.h"
#include "variants/workers/policy.h"
#include "variants/workers/workers.h"
#include "tests/support/support.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define MS 1000000ull

// ---- the placement

static hwloc_topology_t load(const char *synthetic, unsigned long flags)
{
	hwloc_topology_t topology;

	assert_int_equal(hwloc_topology_init(&topology), 0);
	assert_int_equal(hwloc_topology_set_flags(topology, flags), 0);
	if (synthetic)
		assert_int_equal(hwloc_topology_set_synthetic(topology, synthetic), 0);
	assert_int_equal(hwloc_topology_load(topology), 0);
	return topology;
}

// As hwloc writes lists, "0-3,8"; NULL: all CPUs.
static hwloc_bitmap_t set_of(const char *list)
{
	hwloc_bitmap_t set = hwloc_bitmap_alloc();

	assert_non_null(set);
	if (list)
		assert_int_equal(hwloc_bitmap_list_sscanf(set, list), 0);
	else
		hwloc_bitmap_fill(set);
	return set;
}

static void assert_order(hwloc_topology_t topology, const char *usable, const char *here,
                         unsigned submitters, const char *order)
{
	hwloc_bitmap_t can = set_of(usable), at = set_of(here);
	struct placement p;
	char text[1000] = "";

	assert_int_equal(placement_init(&p, topology, can, at, submitters), 0);
	for (unsigned i = 0, n = 0; i < p.cpus; i++)
		n += snprintf(text + n, sizeof(text) - n, i ? " %u" : "%u", p.cpu[i]);
	assert_string_equal(text, order);
	placement_free(&p);
	hwloc_bitmap_free(can);
	hwloc_bitmap_free(at);
}

static void follows_the_topology(void **state)
{
	// Numbered in the order of nodes, cores and hardware threads unless told.
	static const struct {
		const char *synthetic, *usable, *here;
		unsigned submitters;
		const char *order; // the submitters' own CPUs last
	} cases[] = {
	    // One node.
	    {"node:1 core:1 pu:1", NULL, NULL, 1, "0"},
	    {"node:1 core:4 pu:1", NULL, "2", 1, "1 2 3 0"},
	    {"node:1 core:4 pu:1", NULL, "2", 3, "3 0 1 2"},
	    {"node:1 core:4 pu:1", NULL, "2", 9, "0 1 2 3"},
	    // Hardware threads, also as Linux numbers them.
	    {"node:1 core:3 pu:2", NULL, "0", 1, "2 4 1 3 5 0"},
	    {"node:1 core:2 pu:4", NULL, "0", 1, "4 1 5 2 6 3 7 0"},
	    {"node:1 core:3 pu:2(indexes=0,3,1,4,2,5)", NULL, "0", 1, "1 2 3 4 5 0"},
	    // Two nodes.
	    {"node:2 core:3 pu:1", NULL, "1", 1, "1 2 4 5 0 3"},
	    {"node:2 core:3 pu:1", NULL, "4", 1, "4 5 1 2 3 0"},
	    {"node:2 core:3 pu:1", NULL, NULL, 1, "1 2 4 5 0 3"},
	    {"node:2 core:2 pu:2", NULL, "5", 1, "6 5 7 2 1 3 4 0"},
	    {"node:2 core:2 pu:2", NULL, "5", 4, "5 7 1 3 4 6 0 2"},
	    {"node:2 core:8 pu:2", NULL, "31", 1,
	     "18 20 22 24 26 28 30 17 19 21 23 25 27 29 31 2 4 6 8 10 12 14 1 3 5 7 9 11 13 15 16 "
	     "0"},
	    // Allowed is less, so that nodes and cores differ.
	    {"node:2 core:3 pu:1", "0-2", "4", 1, "1 2 0"},
	    {"node:2 core:4 pu:2", "0,8-15", "9", 1, "10 12 14 9 11 13 15 8 0"},
	    {"node:2 core:4 pu:2", "0,8-15", "0", 1, "10 12 14 9 11 13 15 0 8"},
	    {"node:2 core:4 pu:2", "1-3,5,7,9", "4", 1, "2 5 7 3 1 9"},
	    {"node:1 core:4 pu:1", "1,3", "0", 1, "3 1"},
	    {"node:1 core:4 pu:1", "7", "0", 1, ""},
	    // Two nodes with the same CPUs, as with memory of two kinds.
	    {"package:2 [numa] [numa] core:3 pu:1", NULL, "3", 1, "4 5 1 2 3 0"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hwloc_topology_t topology = load(cases[i].synthetic, 0);

		assert_order(topology, cases[i].usable, cases[i].here, cases[i].submitters,
		             cases[i].order);
		hwloc_topology_destroy(topology);
	}
}

static void uses_only_what_the_topology_allows(void **state)
{
	hwloc_topology_t topology =
	    load("node:2 core:3 pu:1", HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
	hwloc_bitmap_t allowed = set_of("1-2,4-5");

	(void)state;
	assert_int_equal(hwloc_topology_allow(topology, allowed, NULL, HWLOC_ALLOW_FLAG_CUSTOM), 0);
	assert_order(topology, NULL, "5", 1, "5 2 4 1");
	assert_order(topology, "0-4", "5", 1, "2 1 4");
	hwloc_bitmap_free(allowed);
	hwloc_topology_destroy(topology);
}

static void restrict_to(hwloc_topology_t topology, const char *list, unsigned long flags)
{
	hwloc_bitmap_t set = set_of(list);

	assert_int_equal(hwloc_topology_restrict(topology, set, flags), 0);
	hwloc_bitmap_free(set);
}

static void copes_with_nodes_without_cpus_and_cpus_without_node(void **state)
{
	hwloc_topology_t topology = load("node:3 core:2 pu:1", 0);

	(void)state;
	restrict_to(topology, "2-5", 0);
	assert_int_equal(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE), 3);
	assert_order(topology, NULL, "0", 1, "3 5 2 4");
	assert_order(topology, NULL, "4", 1, "5 3 4 2");
	hwloc_topology_destroy(topology);

	topology = load("node:3 core:2 pu:1", 0);
	restrict_to(topology, "1-2", HWLOC_RESTRICT_FLAG_BYNODESET);
	assert_int_equal(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE), 2);
	assert_int_equal(hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU), 6);
	assert_order(topology, NULL, "4", 1, "5 3 1 4 2 0");
	hwloc_topology_destroy(topology);
}

static void spills_to_the_nearest_node_first(void **state)
{
	hwloc_uint64_t latency[4][4] = {
	    {10, 21, 16, 32}, {21, 10, 32, 16}, {12, 32, 10, 21}, {32, 16, 21, 10}};
	hwloc_topology_t topology = load("node:4 core:2 pu:1", 0);
	hwloc_obj_t nodes[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		nodes[i] = hwloc_get_obj_by_type(topology, HWLOC_OBJ_NUMANODE, i);
	assert_order(topology, NULL, "4", 1, "5 1 3 7 4 0 2 6");
	hwloc_distances_add_handle_t add = hwloc_distances_add_create(
	    topology, "NUMALatency",
	    HWLOC_DISTANCES_KIND_FROM_USER | HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0);
	assert_non_null(add);
	assert_int_equal(hwloc_distances_add_values(topology, add, 4, nodes, &latency[0][0], 0), 0);
	assert_int_equal(hwloc_distances_add_commit(topology, add, 0), 0);
	assert_order(topology, NULL, "0", 1, "1 5 3 7 0 4 2 6");
	assert_order(topology, NULL, "3", 1, "3 7 1 5 2 6 0 4");
	assert_order(topology, NULL, "4", 1, "5 1 7 3 4 0 6 2");
	hwloc_topology_destroy(topology);
}

// Of a regular topology: what the rules mean for each CPU in the order, without how it is made.
static void check_rules(const struct placement *p, const unsigned *node, const unsigned *core,
                        const bool *usable, unsigned total, unsigned own, unsigned submitters)
{
	bool seen[total];
	unsigned in_node[8] = {0}, used_of[8] = {0}, on_core[total], most = 0;

	memset(seen, 0, sizeof(seen));
	memset(on_core, 0, sizeof(on_core));
	for (unsigned cpu = 0; cpu < total; cpu++)
		in_node[node[cpu]] += usable[cpu];
	// All that are usable, once.
	for (unsigned i = 0; i < p->cpus; i++) {
		assert_true(p->cpu[i] < total && usable[p->cpu[i]] && !seen[p->cpu[i]]);
		seen[p->cpu[i]] = true;
	}
	unsigned left = 0, share[8];
	for (unsigned n = 0; n < 8; n++) {
		share[n] = (submitters * in_node[n] + p->cpus - 1) / p->cpus;
		share[n] = share[n] < in_node[n] ? share[n] : in_node[n];
		left += share[n];
	}
	// Those that are left to the submitters come last.
	for (unsigned i = p->cpus - left; i < p->cpus; i++)
		on_core[core[p->cpu[i]]]++;
	for (unsigned i = 0; i < p->cpus - left; i++) {
		unsigned cpu = p->cpu[i], n = node[cpu];

		// Another node only when this one is full, none in between, the own one first.
		if (i && n != node[p->cpu[i - 1]])
			assert_int_equal(used_of[node[p->cpu[i - 1]]],
			                 in_node[node[p->cpu[i - 1]]] - share[node[p->cpu[i - 1]]]);
		if (n != own)
			assert_int_equal(used_of[own], in_node[own] - share[own]);
		assert_true(!used_of[n] || node[p->cpu[i - 1]] == n);
		most = used_of[n] ? most : 0;
		used_of[n]++;
		// No core of the node gets one more while another that has room has two fewer.
		most = on_core[core[cpu]] > most ? on_core[core[cpu]] : most;
		assert_int_equal(on_core[core[cpu]]++, most);
	}
}

static void keeps_the_rules_on_any_topology(void **state)
{
	struct support_random random;

	(void)state;
	support_random_init(&random, support_seed());
	for (int round = 0; round < 1000; round++) {
		unsigned nodes = 1 + support_random_below(&random, 4),
		         cores = 1 + support_random_below(&random, 6),
		         threads = 1 + support_random_below(&random, 3),
		         total = nodes * cores * threads, some = 0, own, first,
		         submitters = 1 + support_random_below(&random, total);
		unsigned node[total], core[total];
		bool usable[total];
		hwloc_bitmap_t set = set_of(""), here = set_of("");
		struct placement p;
		char synthetic[64];

		snprintf(synthetic, sizeof(synthetic), "node:%u core:%u pu:%u", nodes, cores,
		         threads);
		hwloc_topology_t topology = load(synthetic, 0);
		for (unsigned cpu = 0; cpu < total; cpu++) {
			node[cpu] = cpu / (cores * threads);
			core[cpu] = cpu / threads;
			usable[cpu] = round % 2 || support_random_below(&random, 3);
			some += usable[cpu];
			if (usable[cpu])
				hwloc_bitmap_set(set, cpu);
		}
		if (some) {
			do
				first = support_random_below(&random, total);
			while (!usable[first]);
			own = node[first];
			hwloc_bitmap_only(here, first);
			assert_int_equal(placement_init(&p, topology, set, here, submitters), 0);
			assert_int_equal(p.cpus, some);
			check_rules(&p, node, core, usable, total, own, submitters);
			placement_free(&p);
		}
		hwloc_topology_destroy(topology);
		hwloc_bitmap_free(set);
		hwloc_bitmap_free(here);
	}
}

// ---- the threads

#define THREADS_MAX 64

static atomic_uint threads_started, arrived, gate;
// Of each thread, in the order of their start.
static cpu_set_t affinity[THREADS_MAX];
static long thread_id[THREADS_MAX];
static atomic_uint worked_by[THREADS_MAX], worked;
static __thread unsigned number;
static __thread bool is_worker;

static void thread_start(void *context)
{
	(void)context;
	number = atomic_load(&threads_started);
	is_worker = true;
	thread_id[number] = gettid();
	sched_getaffinity(0, sizeof(affinity[number]), &affinity[number]);
	atomic_fetch_add(&threads_started, 1);
}

static void nothing(void *context)
{
	(void)context;
}

static const struct workers_hooks hooks = {thread_start, nothing, nothing, nothing, NULL};

static struct {
	long id[2 * THREADS_MAX];
	unsigned n;
} others; // threads that there were before the variant's; some may have ended

static bool is_known(long id)
{
	for (unsigned i = 0; i < others.n; i++)
		if (others.id[i] == id)
			return true;
	for (unsigned i = 0; i < atomic_load(&threads_started); i++)
		if (thread_id[i] == id)
			return true;
	return false;
}

// The next of this process that isn't known; 0: there is none.
static long unknown_thread(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	long id = 0;

	assert_non_null(dir);
	while (!id && (entry = readdir(dir))) {
		id = strtol(entry->d_name, NULL, 10); // of "." and "..": 0
		id = is_known(id) ? 0 : id;
	}
	closedir(dir);
	return id;
}

// Waits at the gate where a thread does it.
static void work_at_gate(struct workers_job *job)
{
	(void)job;
	if (!is_worker)
		return;
	atomic_fetch_add(&arrived, 1);
	while (!atomic_load(&gate))
		sched_yield();
}

static void work(struct workers_job *job)
{
	(void)job;
	if (is_worker)
		atomic_fetch_add(&worked_by[number], 1);
	atomic_fetch_add(&worked, 1);
	sched_yield();
}

static void finish(struct workers_job *job)
{
	(void)job;
}

static uint64_t turns_ns;

static void turn(struct workers *workers, bool backlog, unsigned ms)
{
	workers_turn(workers, backlog, turns_ns += ms * MS);
}

// Leaves work waiting until `wanted` threads are at work at once, one after another, or there was
// plenty of time for it. How many there are then.
static unsigned grow(struct workers *workers, unsigned wanted)
{
	enum { JOBS = 40 * THREADS_MAX };
	static const struct workers_stage stage = {work_at_gate, finish, NULL};
	static struct workers_job jobs[JOBS];
	struct workers_lane *lane = workers_lane_new(workers, &stage, NULL);
	unsigned n = 0;

	assert_non_null(lane);
	atomic_store(&arrived, 0);
	atomic_store(&gate, 0);
	while (n < JOBS && n < 40 * wanted && atomic_load(&arrived) < wanted) {
		if (!workers_submit(lane, &jobs[n++]))
			break;
		turn(workers, true, 2 * POLICY_WINDOW_NS / MS);
		// A thread that was made starts before there is another.
		while (unknown_thread())
			sched_yield();
		for (int i = 0; i < 100 && atomic_load(&arrived) < wanted; i++)
			sched_yield();
	}
	unsigned reached = atomic_load(&arrived);
	atomic_store(&gate, 1);
	workers_flush(lane);
	workers_lane_free(lane);
	return reached;
}

// Idle for so long on the turns' clock that one thread goes, then so many windows more.
static void rest(struct workers *workers, unsigned threads)
{
	turn(workers, false, 2 * POLICY_WINDOW_NS / MS);
	usleep(20000); // asleep for nearly all of the time since
	turn(workers, false, threads * POLICY_REMOVE_WINDOWS * (POLICY_WINDOW_NS / MS));
}

// By whom jobs are done when there are never more than two for each of `threads` threads. The very
// first is alone: it waits for ever if its wake-up is lost on a thread that doesn't take part.
static void work_with(struct workers *workers, unsigned threads)
{
	static const struct workers_stage stage = {work, finish, NULL};
	struct workers_lane *lane = workers_lane_new(workers, &stage, NULL);
	struct workers_job jobs[2 * THREADS_MAX];
	unsigned submitted = 0;

	assert_non_null(lane);
	for (unsigned i = 0; i < THREADS_MAX; i++)
		atomic_store(&worked_by[i], 0);
	atomic_store(&worked, 0);
	for (int round = 0; round < 2000; round++) {
		unsigned n = 1 + round % (2 * threads);
		for (unsigned i = 0; i < n; i++)
			assert_true(workers_submit(lane, &jobs[i]));
		submitted += n;
		workers_flush(lane);
		workers_lane_free(lane);
		lane = workers_lane_new(workers, &stage, NULL);
		assert_non_null(lane);
		assert_int_equal(atomic_load(&worked), submitted);
	}
	workers_lane_free(lane);
}

static struct workers *start(const char *synthetic, unsigned threads, unsigned submitters)
{
	long id;

	atomic_store(&threads_started, 0);
	for (others.n = 0; (id = unknown_thread()); others.id[others.n++] = id)
		assert_true(others.n < sizeof(others.id) / sizeof(others.id[0]));
	if (synthetic)
		setenv("HWLOC_SYNTHETIC", synthetic, 1);
	struct workers *workers = workers_new(&hooks, threads, submitters);
	unsetenv("HWLOC_SYNTHETIC");
	assert_non_null(workers);
	return workers;
}

static void counts_the_cpus_of_the_topology(void **state)
{
	static const struct {
		const char *synthetic;
		unsigned submitters, threads;
	} cases[] = {
	    {"node:1 core:2 pu:1", 1, 0}, {"node:1 core:4 pu:1", 2, 1},
	    {"node:1 core:4 pu:1", 4, 0}, {"node:2 core:2 pu:2", 2, 5},
	    {"node:2 core:8 pu:1", 8, 7},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct workers *workers = start(cases[i].synthetic, 0, cases[i].submitters);

		assert_int_equal(grow(workers, cases[i].threads + 2), cases[i].threads);
		workers_free(workers);
		assert_int_equal(atomic_load(&threads_started), cases[i].threads);
	}
}

static void the_last_that_came_go_first(void **state)
{
	enum { THREADS = 6 };
	struct workers *workers = start("node:2 core:4 pu:1", THREADS, 1);

	(void)state;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(grow(workers, THREADS), THREADS);
		for (unsigned left = THREADS; left-- > 1;) {
			rest(workers, 1);
			work_with(workers, left);
			assert_int_equal(atomic_load(&threads_started), THREADS);
			for (unsigned i = left; i < THREADS; i++)
				assert_int_equal(atomic_load(&worked_by[i]), 0);
			assert_true(atomic_load(&worked_by[0]) > 0);
		}
	}
	workers_free(workers);
	assert_int_equal(atomic_load(&threads_started), THREADS);
}

// Whether the first `n` threads are bound to the CPUs of the placement whose own node has `here`.
static bool bound_as_placed(hwloc_topology_t topology, const cpu_set_t *usable, unsigned here,
                            unsigned n)
{
	hwloc_bitmap_t can = set_of(""), at = set_of("");
	struct placement p;
	bool same = true;

	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, usable))
			hwloc_bitmap_set(can, cpu);
	hwloc_bitmap_only(at, here);
	assert_int_equal(placement_init(&p, topology, can, at, 1), 0);
	for (unsigned i = 0; i < n; i++)
		same = same && CPU_COUNT(&affinity[i]) == 1 &&
		       CPU_ISSET(p.cpu[i % p.cpus], &affinity[i]);
	placement_free(&p);
	hwloc_bitmap_free(can);
	hwloc_bitmap_free(at);
	return same;
}

static void threads_are_bound_on_this_system(void **state)
{
	hwloc_topology_t topology = load(NULL, 0);
	cpu_set_t all, set;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	set = all;
	// With all CPUs, then with fewer and fewer, down to one.
	for (unsigned cpu = 0, cpus; (cpus = CPU_COUNT(&set)); cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		unsigned n = cpus + 1 < THREADS_MAX ? cpus + 1 : THREADS_MAX;
		assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
		struct workers *workers = start(NULL, n, 1);
		bool same = false;

		assert_int_equal(grow(workers, n), n);
		workers_free(workers);
		// On several nodes, whichever this thread was on.
		for (unsigned here = 0; here < CPU_SETSIZE && !same; here++)
			if (CPU_ISSET(here, &set))
				same = bound_as_placed(topology, &set, here, n);
		assert_true(same);
		CPU_CLR(cpu, &set);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	hwloc_topology_destroy(topology);
}

static void nothing_is_bound_under_another_topology(void **state)
{
	struct workers *workers = start("node:2 core:2 pu:2", 4, 1);
	cpu_set_t all;

	(void)state;
	assert_int_equal(grow(workers, 4), 4);
	workers_free(workers);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(CPU_EQUAL(&affinity[i], &all));
}

static void *do_nothing(void *context)
{
	return context;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(follows_the_topology),
	    cmocka_unit_test(uses_only_what_the_topology_allows),
	    cmocka_unit_test(copes_with_nodes_without_cpus_and_cpus_without_node),
	    cmocka_unit_test(spills_to_the_nearest_node_first),
	    cmocka_unit_test(keeps_the_rules_on_any_topology),
	    cmocka_unit_test(counts_the_cpus_of_the_topology),
	    cmocka_unit_test(the_last_that_came_go_first),
	    cmocka_unit_test(threads_are_bound_on_this_system),
	    cmocka_unit_test(nothing_is_bound_under_another_topology),
	};

	// ThreadSanitizer has a thread of its own from the first one on.
	pthread_t first;
	if (pthread_create(&first, NULL, do_nothing, NULL) || pthread_join(first, NULL))
		return 1;
	support_seed();
	alarm(120); // a wake-up that is lost would have a lane wait for ever
	return cmocka_run_group_tests_name("numa", tests, NULL, NULL);
}
