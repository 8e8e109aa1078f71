// Numbers that other programs print, and everything that isn't one.
#include "base/foreign.h"
#include "tests/support/support.h"

#include <math.h>

static void members_are_numbers_or_nothing(void **state)
{
	static const struct {
		const char *value;
		double number;
	} cases[] = {
	    {"0", 0},      {"0.0", 0},    {"12", 12},         {"1.5e3", 1500},
	    {"-1", NAN},   {"-0.5", NAN}, {"null", NAN},      {"\"3\"", NAN},
	    {"true", NAN}, {"[3]", NAN},  {"{\"a\":3}", NAN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *object = json_object();

		json_object_set_new(object, "a", json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		double got = foreign_number(object, "a");
		if (isnan(cases[i].number) ? !isnan(got) : got != cases[i].number)
			fail_msg("%s is read as %g", cases[i].value, got);
		json_decref(object);
	}
	assert_true(isnan(foreign_number(NULL, "a")));
}

static void the_first_missing_member_is_named(void **state)
{
	double a, b, c;
	const struct foreign_row rows[] = {{"a", &a}, {"b", &b}, {"c", &c}, {0}};
	json_t *object = json_pack("{si sf}", "a", 1, "c", 2.5);

	(void)state;
	assert_string_equal(foreign_numbers(object, rows), "b");
	assert_true(a == 1 && isnan(b) && c == 2.5);
	json_object_set_new(object, "b", json_integer(0));
	assert_null(foreign_numbers(object, rows));
	assert_true(b == 0);
	json_decref(object);
}

static void texts_are_whole_numbers_or_refused(void **state)
{
	static const char *const bad[] = {
	    "", "-1", "+1", " 1", "x", "1x", "1 ", "0x1", "18446744073709551616"};
	unsigned long long n;
	double d;
	const char *end;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (foreign_unsigned(bad[i], &n, NULL))
			fail_msg("taken: '%s'", bad[i]);
	assert_true(foreign_unsigned("42\n", &n, NULL) && n == 42);
	assert_true(foreign_unsigned("42 kB", &n, &end) && n == 42 && *end == ' ');
	assert_true(foreign_decimal("0.053 ms", &d, &end) && d == 0.053 && *end == ' ');
	assert_false(foreign_decimal("nan", &d, &end));
	assert_false(foreign_decimal("1e3", &d, NULL));
	assert_false(foreign_decimal("1.2.3", &d, &end));
}

static void counters_go_forward(void **state)
{
	(void)state;
	assert_true(foreign_difference(5, 9) == 4);
	assert_true(isnan(foreign_difference(9, 5)));
	assert_true(isnan(foreign_difference(FOREIGN_UNKNOWN, 5)));
	assert_true(isnan(foreign_difference(5, FOREIGN_UNKNOWN)));
	json_t *none = foreign_count(NAN), *four = foreign_count(4);
	assert_true(json_is_null(none) && json_integer_value(four) == 4);
	json_decref(none);
	json_decref(four);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_are_numbers_or_nothing),
	    cmocka_unit_test(the_first_missing_member_is_named),
	    cmocka_unit_test(texts_are_whole_numbers_or_refused),
	    cmocka_unit_test(counters_go_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
