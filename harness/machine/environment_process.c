#include "harness/machine/environment_process.h"

#include "base/process_environment.h"
#include "harness/machine/cgroup.h"
#include "harness/machine/environment.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static void add_status(json_t *object, const char *key, const char *field)
{
	environment_take(object, key, environment_read_field("/proc/self/status", field));
}

static void add_cpus(json_t *object)
{
	cpu_set_t set;
	int cpus = sched_getaffinity(0, sizeof(set), &set) ? 0 : CPU_COUNT(&set);

	json_object_set_new(object, "cpus_allowed", json_integer(cpus));
	add_status(object, "cpus_allowed_list", "Cpus_allowed_list");
	add_status(object, "memory_nodes_allowed", "Mems_allowed_list");
}

static json_t *tell_limit(double value, const char *format)
{
	return isfinite(value) ? json_sprintf(format, value) : json_string("none");
}

static void add_groups(json_t *object)
{
	struct cgroup c;

	cgroup_read(&c, "");
	json_object_set_new(object, "cpu_quota", tell_limit(c.cpus, "%.4g CPUs"));
	json_object_set_new(object, "cpu_weight",
	                    tell_limit(c.cpu_weight ? c.cpu_weight : INFINITY, "%.0f"));
	json_object_set_new(object, "memory_limit", tell_limit(c.memory_bytes, "%.0f bytes"));
}

// "/autogroup-57 nice 0": the number is only the session's.
static void add_autogroup(json_t *object)
{
	char *line = environment_read_line("/proc/self/autogroup");
	const char *nice = strstr(line, "nice ");

	environment_set(object, "autogroup_nice", nice ? nice + strlen("nice ") : "");
	free(line);
}

static void add_priority(json_t *object)
{
	static const char *const classes[] = {
	    [SCHED_OTHER] = "other", [SCHED_FIFO] = "fifo", [SCHED_RR] = "rr",
	    [SCHED_BATCH] = "batch", [SCHED_IDLE] = "idle", [6] = "deadline",
	};
	struct sched_param parameter = {0};
	int class = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
	const char *name = class >= 0 && (size_t) class < LENGTH(classes) ? classes[class] : NULL;

	sched_getparam(0, &parameter);
	environment_set(object, "scheduling", name ? name : "");
	json_object_set_new(object, "scheduling_priority", json_integer(parameter.sched_priority));
	json_object_set_new(object, "nice", json_integer(getpriority(PRIO_PROCESS, 0)));
	json_object_set_new(object, "timer_slack_ns", json_integer(prctl(PR_GET_TIMERSLACK)));
	add_autogroup(object);
}

// numactl's doing; 0 is the default.
static void add_memory_policy(json_t *object)
{
	static const char *const names[] = {"default", "preferred", "bind", "interleave", "local"};
	unsigned long nodes[64] = {0};
	int mode = 0;

	if (syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof(nodes), NULL, 0))
		mode = -1;
	mode &= 0xff; // without the flags
	environment_set(object, "memory_policy", (size_t)mode < LENGTH(names) ? names[mode] : "");
}

static json_t *read_limits(void)
{
	static const struct {
		const char *key;
		int resource;
	} rows[] = {
	    {"address_space_bytes", RLIMIT_AS}, {"cpu_s", RLIMIT_CPU},
	    {"data_bytes", RLIMIT_DATA},        {"file_bytes", RLIMIT_FSIZE},
	    {"files", RLIMIT_NOFILE},           {"locked_bytes", RLIMIT_MEMLOCK},
	    {"processes", RLIMIT_NPROC},        {"stack_bytes", RLIMIT_STACK},
	};
	json_t *object = json_object();

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct rlimit r;

		if (!getrlimit(rows[i].resource, &r))
			json_object_set_new(
			    object, rows[i].key,
			    tell_limit(r.rlim_cur == RLIM_INFINITY ? INFINITY : r.rlim_cur,
			               "%.0f"));
	}
	return object;
}

static json_t *read_variables(void)
{
	json_t *object = json_object();

	for (char **v = environ; v && *v; v++) {
		size_t length = strcspn(*v, "=");

		if (process_environment_matters(*v) && (*v)[length])
			json_object_set_new(object, strndupa(*v, length),
			                    json_string((*v) + length + 1));
	}
	return object;
}

static void add_compiler(json_t *object)
{
	const char *const argv[] = {"sh", "-c", "${CC:-gcc} --version", NULL};

	environment_take(object, "compiler", environment_program_line(argv));
}

void environment_add_process(json_t *object)
{
	add_cpus(object);
	add_groups(object);
	add_priority(object);
	add_memory_policy(object);
	add_status(object, "seccomp", "Seccomp");
	environment_set(object, "address_randomization",
	                personality(0xffffffff) & ADDR_NO_RANDOMIZE ? "off" : "on");
	json_object_set_new(object, "limits", read_limits());
	json_object_set_new(object, "variables", read_variables());
	add_compiler(object);
}
