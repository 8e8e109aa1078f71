// Times as text.
#include "base/stamp.h"
#include "tests/support/support.h"

static void both_forms(void **state)
{
	char stamp[STAMP_BYTES];

	(void)state;
	stamp_record(stamp, 1796076449);
	assert_string_equal(stamp, "2026-11-30T22:07:29Z");
	stamp_name(stamp, 1796076449);
	assert_string_equal(stamp, "20261130T220729Z");
	stamp_record(stamp, 0);
	assert_string_equal(stamp, "1970-01-01T00:00:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
