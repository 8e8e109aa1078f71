// Quotas and limits of made-up trees of control groups, of both versions.
#include "harness/machine/cgroup.h"
#include "tests/support/synthetic.h"
#include "tests/support/support.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[64];

static void put(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(root, "/tmp/wgbench-test-XXXXXX");
	return !mkdtemp(root);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(root, synthetic_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void without_any_nothing_is_limited(void **state)
{
	struct cgroup c;

	(void)state;
	cgroup_read(&c, root);
	assert_true(isinf(c.cpus) && isinf(c.memory_bytes) && !c.cpu_weight);
}

// The tightest counts, wherever it stands.
static void version_2(void **state)
{
	struct cgroup c;

	(void)state;
	put("proc/self/mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n"
	                           "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	put("proc/self/cgroup", "0::/a.slice/b.scope\n");
	put("sys/fs/cgroup/a.slice/b.scope/cpu.max", "max 100000\n");
	put("sys/fs/cgroup/a.slice/b.scope/cpu.weight", "100\n");
	cgroup_read(&c, root);
	assert_true(isinf(c.cpus) && isinf(c.memory_bytes) && !c.cpu_weight);
	put("sys/fs/cgroup/a.slice/b.scope/memory.max", "max\n");
	put("sys/fs/cgroup/a.slice/cpu.max", "150000 100000\n");
	put("sys/fs/cgroup/a.slice/cpu.weight", "20\n");
	put("sys/fs/cgroup/a.slice/memory.high", "1048576\n");
	put("sys/fs/cgroup/a.slice/memory.max", "2097152\n");
	cgroup_read(&c, root);
	assert_float_equal(c.cpus, 1.5, 1e-9);
	assert_float_equal(c.memory_bytes, 1048576, 0.5);
	assert_int_equal(c.cpu_weight, 20);
	// A container sees its own group as the top.
	put("proc/self/cgroup", "0::/\n");
	put("sys/fs/cgroup/cpu.max", "25000 100000\n");
	cgroup_read(&c, root);
	assert_float_equal(c.cpus, 0.25, 1e-9);
}

static void version_1(void **state)
{
	struct cgroup c;

	(void)state;
	// As in a container that has no namespace for it: the mount's root is its own group.
	put("proc/self/mountinfo", "31 22 0:27 /docker/1 /sys/fs/cgroup/cpu rw,relatime shared:9 - "
	                           "cgroup cgroup rw,cpu,cpuacct\n"
	                           "32 22 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup "
	                           "rw,memory\n"
	                           "33 22 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup "
	                           "rw,cpuset\n");
	put("proc/self/cgroup", "5:memory:/x/y\n4:cpu,cpuacct:/docker/1/z\n3:cpuset:/docker/1/z\n");
	put("sys/fs/cgroup/cpu/z/cpu.cfs_quota_us", "-1\n");
	put("sys/fs/cgroup/cpu/z/cpu.cfs_period_us", "100000\n");
	put("sys/fs/cgroup/cpu/z/cpu.shares", "1024\n");
	put("sys/fs/cgroup/memory/x/y/memory.limit_in_bytes", "9223372036854771712\n");
	cgroup_read(&c, root);
	assert_true(isinf(c.cpus) && isinf(c.memory_bytes) && !c.cpu_weight);
	put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
	put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
	put("sys/fs/cgroup/cpu/z/cpu.shares", "512\n");
	put("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "4096\n");
	cgroup_read(&c, root);
	assert_float_equal(c.cpus, 0.5, 1e-9);
	assert_float_equal(c.memory_bytes, 4096, 0.5);
	assert_int_equal(c.cpu_weight, 512);
	// Outside of what is mounted here.
	put("proc/self/cgroup", "4:cpu,cpuacct:/../../other\n");
	cgroup_read(&c, root);
	assert_float_equal(c.cpus, 0.5, 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(without_any_nothing_is_limited, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(version_2, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(version_1, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
