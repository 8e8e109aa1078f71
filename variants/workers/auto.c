// Workers variant `auto`: run to completion while that keeps up, threads where it doesn't, wherever
// the scheduler puts them. All but the number of CPUs: body/adaptive.c.
#include "variants/workers/body/adaptive.c"

#include <sched.h>
#include <unistd.h>

const char workers_variant[] = "auto";

static unsigned usable_cpus(void)
{
	cpu_set_t set;
	// Refused where there are more CPUs than the set has bits.
	long cpus = sched_getaffinity(0, sizeof(set), &set) ? sysconf(_SC_NPROCESSORS_ONLN)
	                                                    : CPU_COUNT(&set);

	return cpus > 0 ? cpus : 1;
}

struct workers *workers_new(const struct workers_hooks *hooks, unsigned threads,
                            unsigned submitters)
{
	unsigned max = threads ? threads : policy_threads(usable_cpus(), submitters);
	struct workers *workers = calloc(1, sizeof(*workers));

	if (workers && !adaptive_init(workers, hooks, max))
		return workers;
	free(workers);
	return NULL;
}

void workers_free(struct workers *workers)
{
	if (!workers)
		return;
	pool_destroy(&workers->pool);
	free(workers);
}
