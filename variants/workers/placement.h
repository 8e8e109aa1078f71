// On which CPUs the threads of the variant `numa` run, one after another: a pure function of a
// topology, so that tests drive it on machines that aren't there.
//
// A node's CPUs: one hardware thread of each core first, then the second of each, and so on. The
// nodes: first the tunnel's own, then the others from the nearest on, where the topology knows the
// distances, else in its order; CPUs of no node come last. So a CPU of another node is used only
// when there is none left on a nearer one.
//
// Submitters aren't ours to bind. The scheduler spreads them over all usable CPUs, so each node
// leaves them its share, rounded up: the first of its CPUs, whole cores as far as they go. These
// are used after all others; more threads than CPUs start over. (The rejected alternative, to leave
// them all on the own node, gives the node away on machines of which it has half the CPUs, since
// that is how many queues a tunnel has by itself.)
#ifndef WGBENCH_WORKERS_PLACEMENT_H
#define WGBENCH_WORKERS_PLACEMENT_H

#include <errno.h>
#include <hwloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct placement {
	unsigned *cpu; // the system's numbers, in the order of use
	unsigned cpus; // all that are usable
};

// NULL: no node has CPUs in `set`.
static inline hwloc_obj_t first_node(hwloc_topology_t topology, hwloc_const_cpuset_t set)
{
	hwloc_obj_t node = NULL;

	do
		node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node);
	while (node && !hwloc_bitmap_intersects(node->cpuset, set));
	return node;
}

// Of the nodes with CPUs in `set`; NULL: there are none. distances may be NULL.
static inline hwloc_obj_t nearest_node(hwloc_topology_t topology, hwloc_const_cpuset_t set,
                                       hwloc_obj_t own, struct hwloc_distances_s *distances)
{
	hwloc_obj_t node = first_node(topology, set), nearest = node;
	hwloc_uint64_t there, back, least = UINT64_MAX;

	if (own && hwloc_bitmap_intersects(own->cpuset, set))
		return own;
	for (; own && distances && node;
	     node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) {
		if (!hwloc_bitmap_intersects(node->cpuset, set) ||
		    hwloc_distances_obj_pair_values(distances, own, node, &there, &back) ||
		    there >= least)
			continue;
		nearest = node;
		least = there;
	}
	return nearest;
}

// How many of its core's hardware threads in `set` come before this one.
static inline unsigned rank_in_core(hwloc_obj_t pu, hwloc_const_cpuset_t set)
{
	unsigned rank = 0;

	if (!pu->parent || pu->parent->type != HWLOC_OBJ_CORE)
		return 0;
	for (pu = pu->prev_sibling; pu; pu = pu->prev_sibling)
		rank += hwloc_bitmap_isset(set, pu->os_index);
	return rank;
}

// All CPUs of `set` in the order of use within a node; how many.
static inline unsigned list_cpus(hwloc_topology_t topology, hwloc_const_cpuset_t set, unsigned *cpu)
{
	unsigned n = 0, wanted = hwloc_bitmap_weight(set);

	for (unsigned rank = 0; n < wanted; rank++) {
		hwloc_obj_t pu = NULL;
		while ((
		    pu = hwloc_get_next_obj_inside_cpuset_by_type(topology, set, HWLOC_OBJ_PU, pu)))
			if (rank_in_core(pu, set) == rank)
				cpu[n++] = pu->os_index;
	}
	return n;
}

// usable: the CPUs on which the process may run; others, and those that the topology doesn't allow,
// aren't used. here: a set whose first usable CPU tells the own node. 0 or -ENOMEM.
static inline int placement_init(struct placement *p, hwloc_topology_t topology,
                                 hwloc_const_cpuset_t usable, hwloc_const_cpuset_t here,
                                 unsigned submitters)
{
	hwloc_bitmap_t unlisted = hwloc_bitmap_dup(usable), set = hwloc_bitmap_alloc();
	struct hwloc_distances_s *distances = NULL;
	unsigned *scratch = NULL, found = 1, used = 0, left = 0;
	int ret = -ENOMEM;

	*p = (struct placement){0};
	if (!unlisted || !set)
		goto out;
	hwloc_bitmap_and(unlisted, unlisted, hwloc_topology_get_allowed_cpuset(topology));
	p->cpus = hwloc_bitmap_weight(unlisted);
	p->cpu = calloc(p->cpus + 1, sizeof(*p->cpu));
	scratch = calloc(2 * p->cpus + 1, sizeof(*scratch));
	if (!p->cpu || !scratch)
		goto out;
	if (hwloc_distances_get_by_type(topology, HWLOC_OBJ_NUMANODE, &found, &distances,
	                                HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) ||
	    !found)
		distances = NULL;
	hwloc_bitmap_and(set, unlisted, here);
	hwloc_obj_t own = first_node(topology, set);
	while (!hwloc_bitmap_iszero(unlisted)) {
		unsigned *listed = scratch + p->cpus;
		hwloc_obj_t node = nearest_node(topology, unlisted, own, distances);
		if (node)
			hwloc_bitmap_and(set, unlisted, node->cpuset);
		else
			hwloc_bitmap_copy(set, unlisted);
		unsigned n = list_cpus(topology, set, listed);
		unsigned share = ((uint64_t)submitters * n + p->cpus - 1) / p->cpus;
		if (share > n)
			share = n;
		memcpy(scratch + left, listed, share * sizeof(*listed));
		memcpy(p->cpu + used, listed + share, (n - share) * sizeof(*listed));
		left += share;
		used += n - share;
		hwloc_bitmap_andnot(unlisted, unlisted, set);
	}
	memcpy(p->cpu + used, scratch, left * sizeof(*scratch));
	ret = 0;
out:
	if (distances)
		hwloc_distances_release(topology, distances);
	free(scratch);
	hwloc_bitmap_free(set);
	hwloc_bitmap_free(unlisted);
	return ret;
}

static inline void placement_free(struct placement *p)
{
	free(p->cpu);
}

#endif
