// Workers variant `numa`: as `auto`, but each thread is bound to one CPU, those of the tunnel's
// NUMA node first and of other nodes only when all of its are in use (placement.h). Since the last
// thread that came is the first to go, fewer threads are back on the own node.
//
// The own node is that on which the thread runs that calls workers_new. It makes the device, and
// the kernel places memory where it is first touched: the tables and the queues lie there. The
// sockets have no node of their own: a TUN or UDP socket's memory is where those run who fill it.
// Likewise a thread's stack, cipher and whatever else it allocates lie on its CPU's node, since it
// is bound before it does anything.
//
// The topology is hwloc's, hence without CPUs that a cgroup denies; those that the caller's own
// affinity leaves out aren't used either. One that isn't this system's (HWLOC_SYNTHETIC,
// HWLOC_XMLFILE) is taken as if all of it were usable, and hwloc then binds nothing. A thread that
// the system doesn't let bind runs where the scheduler puts it.
//
// Complexity and memory: besides body/adaptive.c, the topology, 0.3 MB on 256 CPUs. Thread safety:
// hwloc's topology is only read once it is loaded. Source: hwloc (Broquedis et al., 2010).
// link: -lhwloc
#include "variants/workers/body/adaptive.c"
#include "variants/workers/placement.h"

const char workers_variant[] = "numa";

struct numa {
	struct workers workers; // first: a pool is its numa
	hwloc_topology_t topology;
	struct placement placement;
};

static void bind_thread(struct pool *pool, unsigned thread)
{
	const struct numa *numa = (const struct numa *)pool;
	const struct placement *p = &numa->placement;
	hwloc_bitmap_t set = hwloc_bitmap_alloc();

	if (set && p->cpus) {
		hwloc_bitmap_only(set, p->cpu[thread % p->cpus]);
		hwloc_set_cpubind(numa->topology, set, HWLOC_CPUBIND_THREAD);
	}
	hwloc_bitmap_free(set);
}

static int place(struct numa *numa, unsigned submitters)
{
	hwloc_topology_t topology = numa->topology;
	hwloc_bitmap_t usable = hwloc_bitmap_alloc(), here = hwloc_bitmap_alloc();
	int ret = -ENOMEM;

	if (!usable || !here)
		goto out;
	if (hwloc_get_cpubind(topology, usable, HWLOC_CPUBIND_THREAD))
		hwloc_bitmap_fill(usable);
	if (hwloc_get_last_cpu_location(topology, here, HWLOC_CPUBIND_THREAD))
		hwloc_bitmap_fill(here);
	ret = placement_init(&numa->placement, topology, usable, here, submitters);
out:
	hwloc_bitmap_free(here);
	hwloc_bitmap_free(usable);
	return ret;
}

// What placement.h looks at, and nothing else. 0 or -ENOMEM.
static int load_topology(hwloc_topology_t *topology)
{
	if (hwloc_topology_init(topology))
		return -ENOMEM;
	hwloc_topology_set_all_types_filter(*topology, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_type_filter(*topology, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
	hwloc_topology_set_flags(*topology, HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING);
	if (!hwloc_topology_load(*topology))
		return 0;
	hwloc_topology_destroy(*topology);
	return -ENOMEM;
}

struct workers *workers_new(const struct workers_hooks *hooks, unsigned threads,
                            unsigned submitters)
{
	struct numa *numa = calloc(1, sizeof(*numa));

	if (!numa)
		return NULL;
	if (load_topology(&numa->topology))
		goto err_numa;
	if (place(numa, submitters))
		goto err_topology;
	if (!threads)
		threads = policy_threads(numa->placement.cpus, submitters);
	if (adaptive_init(&numa->workers, hooks, threads))
		goto err_topology;
	numa->workers.pool.begin = bind_thread;
	return &numa->workers;

err_topology:
	placement_free(&numa->placement);
	hwloc_topology_destroy(numa->topology);
err_numa:
	free(numa);
	return NULL;
}

void workers_free(struct workers *workers)
{
	struct numa *numa = (struct numa *)workers;

	if (!numa)
		return;
	pool_destroy(&workers->pool);
	placement_free(&numa->placement);
	hwloc_topology_destroy(numa->topology);
	free(numa);
}
