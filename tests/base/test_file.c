// Text for JSON: whole characters, and what isn't UTF-8 as '?'.
#include "base/file.h"
#include "tests/support/support.h"

#include <stdlib.h>

static const struct {
	const char *text, *clean;
} cases[] = {
    {"", ""},
    {"plain", "plain"},
    {"f\xc3\xbcr \xf0\x9f\x90\xb8", "f\xc3\xbcr \xf0\x9f\x90\xb8"},
    {"x\xff", "x?"},
    {"\xc3", "?"},                // cut short
    {"\xc3(", "?("},              // not continued
    {"\xed\xa0\x80", "???"},      // a surrogate
    {"\xf5\x80\x80\x80", "????"}, // beyond Unicode
};

static void what_is_no_text_is_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *clean = output_clean(cases[i].text);
		json_t *string = output_string(cases[i].text);

		assert_string_equal(clean, cases[i].clean);
		assert_string_equal(json_string_value(string), cases[i].clean);
		free(clean);
		json_decref(string);
	}
}

static void no_character_is_cut(void **state)
{
	char kept[4];

	(void)state;
	output_take_text(kept, sizeof(kept), "ab\xc3\xbc");
	assert_string_equal(kept, "ab");
	output_take_text(kept, sizeof(kept), "a\xc3\xbc!");
	assert_string_equal(kept, "a\xc3\xbc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_no_text_is_told_apart),
	    cmocka_unit_test(no_character_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
