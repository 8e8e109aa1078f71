// Costs are of a plausible order, and measuring them leaves nothing changed.
#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "harness/machine/primitive_costs.h"

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void costs_are_plausible(void **state)
{
	struct primitive_costs p;

	(void)state;
	primitive_costs_measure(&p);
	assert_true(p.syscall_ns > 10 && p.syscall_ns < 100e3);
	assert_true(p.copy_gbyte_per_s > 0.1 && p.copy_gbyte_per_s < 10e3);
	// A round trip is four system calls and two switches.
	assert_true(p.wakeup_same_us * 1000 > 4 * p.syscall_ns && p.wakeup_same_us < 100e3);
	if (p.wakeup_across_us)
		assert_true(p.wakeup_across_us * 1000 > 2 * p.syscall_ns &&
		            p.wakeup_across_us < 100e3);
}

static void measuring_leaves_nothing(void **state)
{
	struct primitive_costs p;
	cpu_set_t before, after;
	int open = descriptors();

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	primitive_costs_measure(&p);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
	assert_int_equal(descriptors(), open);
	assert_int_equal(!p.wakeup_across_us, CPU_COUNT(&before) < 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(costs_are_plausible),
	    cmocka_unit_test(measuring_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
