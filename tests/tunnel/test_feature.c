// What the kernel refuses: which errno says that it lacks something, which leaves a doubt and which
// says nothing, row by row; and what becomes of a feature, on an injected clock.
#include "tests/support/loopback.h"

#include <errno.h>
#include "tunnel/feature.h"

// ---- the table

static void each_errno_has_its_meaning(void **state)
{
	static const struct {
		enum feature_call call;
		int error;
		enum feature_meaning meaning;
	} rows[] = {
	    {FEATURE_TUN_MERGED, EIO, FEATURE_NOT_NOW},
	    {FEATURE_TUN_MERGED, EAGAIN, FEATURE_NOT_NOW},
	    {FEATURE_TUN_MERGED, ENOBUFS, FEATURE_NOT_NOW},
	    {FEATURE_TUN_MERGED, ENOMEM, FEATURE_NOT_NOW},
	    {FEATURE_TUN_MERGED, EINTR, FEATURE_NOT_NOW},
	    {FEATURE_TUN_MERGED, ENETDOWN, FEATURE_NOT_NOW},
	    {FEATURE_TUN_MERGED, EBADFD, FEATURE_NOT_NOW},
	    {FEATURE_TUN_MERGED, ENODEV, FEATURE_NOT_NOW},
	    {FEATURE_TUN_MERGED, EINVAL, FEATURE_NEVER},
	    {FEATURE_TUN_MERGED, EOPNOTSUPP, FEATURE_NEVER},
	    {FEATURE_TUN_MERGED, EMSGSIZE, FEATURE_DOUBTFUL},
	    {FEATURE_TUN_MERGED, EFAULT, FEATURE_DOUBTFUL},
	    {FEATURE_TUN_MERGED, EPERM, FEATURE_DOUBTFUL},
	    {FEATURE_UDP_SEGMENT, EINVAL, FEATURE_DOUBTFUL},
	    {FEATURE_UDP_SEGMENT, EMSGSIZE, FEATURE_DOUBTFUL},
	    {FEATURE_UDP_SEGMENT, EIO, FEATURE_DOUBTFUL},
	    {FEATURE_UDP_SEGMENT, EPERM, FEATURE_NOT_NOW},
	    {FEATURE_UDP_SEGMENT, EACCES, FEATURE_NOT_NOW},
	    {FEATURE_UDP_SEGMENT, ENETUNREACH, FEATURE_NOT_NOW},
	    {FEATURE_UDP_SEGMENT, EHOSTUNREACH, FEATURE_NOT_NOW},
	    {FEATURE_UDP_SEGMENT, ENETDOWN, FEATURE_NOT_NOW},
	    {FEATURE_UDP_SEGMENT, ECONNREFUSED, FEATURE_NOT_NOW},
	    {FEATURE_UDP_SEGMENT, EADDRNOTAVAIL, FEATURE_NOT_NOW},
	    {FEATURE_UDP_SEGMENT, ENOBUFS, FEATURE_NOT_NOW},
	    {FEATURE_UDP_SEGMENT, ENOMEM, FEATURE_NOT_NOW},
	    {FEATURE_UDP_SEGMENT, EAGAIN, FEATURE_NOT_NOW},
	    {FEATURE_UDP_SEGMENT, EOPNOTSUPP, FEATURE_NEVER},
	    {FEATURE_SOCKET_OPTION, ENOPROTOOPT, FEATURE_NEVER},
	    {FEATURE_SOCKET_OPTION, EOPNOTSUPP, FEATURE_NEVER},
	    {FEATURE_SOCKET_OPTION, EINVAL, FEATURE_NEVER},
	    {FEATURE_SOCKET_OPTION, EAFNOSUPPORT, FEATURE_NEVER},
	    {FEATURE_SOCKET_OPTION, ENOMEM, FEATURE_NOT_NOW},
	    {FEATURE_SOCKET_OPTION, ENOBUFS, FEATURE_NOT_NOW},
	    {FEATURE_SOCKET_OPTION, EMFILE, FEATURE_NOT_NOW},
	    {FEATURE_SOCKET_OPTION, ENFILE, FEATURE_NOT_NOW},
	    {FEATURE_SOCKET_OPTION, EADDRINUSE, FEATURE_NOT_NOW},
	    {FEATURE_SOCKET_OPTION, EPERM, FEATURE_DOUBTFUL},
	    {FEATURE_SOCKET_BUFFER, EPERM, FEATURE_NEVER},
	    {FEATURE_SOCKET_BUFFER, ENOMEM, FEATURE_NOT_NOW},
	    {FEATURE_TUN_OFFLOAD, EINVAL, FEATURE_NEVER},
	    {FEATURE_TUN_OFFLOAD, ENOTTY, FEATURE_NEVER},
	    {FEATURE_TUN_OFFLOAD, ENOMEM, FEATURE_NOT_NOW},
	    {FEATURE_TUN_OFFLOAD, EINTR, FEATURE_NOT_NOW},
	    {FEATURE_TUN_OFFLOAD, EPERM, FEATURE_DOUBTFUL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (feature_meaning(rows[i].call, rows[i].error) != rows[i].meaning)
			fail_msg("call %d, %s: %d", rows[i].call, strerror(rows[i].error),
			         feature_meaning(rows[i].call, rows[i].error));
}

// ---- a feature by itself

static void doubt_is_tried_again_ever_later(void **state)
{
	static const unsigned waits_s[] = {1, 2, 4, 8, 16, 32, 64, 64, 64};
	struct feature f = FEATURE(true);

	(void)state;
	loopback_take_clock();
	for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		assert_true(feature_wanted(&f));
		assert_int_equal(feature_refused(&f, FEATURE_DOUBTFUL), i == 0);
		loopback_pass(waits_s[i] * NS_PER_S - 1);
		assert_false(feature_wanted(&f));
		loopback_pass(1);
	}
	assert_false(feature_on(&f));
	assert_true(feature_took(&f));
	assert_true(feature_on(&f));
	assert_false(feature_took(&f));
}

static void what_is_missing_is_missing_for_good(void **state)
{
	struct feature f = FEATURE(true), off = FEATURE(false);

	(void)state;
	loopback_take_clock();
	assert_true(feature_refused(&f, FEATURE_NEVER));
	assert_false(feature_refused(&f, FEATURE_NEVER));
	loopback_pass(100000 * NS_PER_S);
	assert_false(feature_wanted(&f));
	assert_false(feature_retry(&f));
	assert_false(feature_retry(&off));
	assert_false(feature_wanted(&off));
}

static void what_worked_once_is_not_missing(void **state)
{
	struct feature f = FEATURE(true);

	(void)state;
	assert_false(feature_took(&f));
	assert_false(feature_refused(&f, FEATURE_NEVER));
	assert_false(feature_refused(&f, FEATURE_NOT_NOW));
	assert_true(feature_on(&f));
	assert_true(feature_refused(&f, FEATURE_DOUBTFUL));
	assert_true(feature_retry(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_errno_has_its_meaning),
	    cmocka_unit_test(doubt_is_tried_again_ever_later),
	    cmocka_unit_test(what_is_missing_is_missing_for_good),
	    cmocka_unit_test(what_worked_once_is_not_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
