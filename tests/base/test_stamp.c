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
	assert_true(stamp_valid(stamp));
}

static void only_times_that_exist_are_valid(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} rows[] = {
	    {"2026-11-30T22:07:29Z", true},
	    {"2024-02-29T00:00:00Z", true},
	    {"9999-12-31T23:59:59Z", true},
	    {"2023-02-29T00:00:00Z", false},
	    {"2026-11-31T00:00:00Z", false},
	    {"2026-13-01T00:00:00Z", false},
	    {"2026-11-30T24:00:00Z", false},
	    {"2016-12-31T23:59:60Z", false},
	    {"1969-12-31T23:59:59Z", false},
	    {"2026-11-30T22:07:29", false},
	    {"2026-11-30T22:07:29Z ", false},
	    {" 2026-11-30T22:07:29Z", false},
	    {"2026-1-3T2:7:9Z", false},
	    {"2026-11-30 22:07:29Z", false},
	    {"2026-11-30T22:07:29Z\n!touch x", false},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (stamp_valid(rows[i].text) != rows[i].valid)
			fail_msg("'%s'", rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_forms),
	    cmocka_unit_test(only_times_that_exist_are_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
