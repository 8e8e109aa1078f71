// What exports call tunnels: in each format another name for each tunnel of a run.
#include "harness/commands/export/export.h"
#include "tests/support/synthetic.h"

static void begin(struct synthetic *s, const char *const *spec, size_t n)
{
	json_t *run = synthetic_run(n, 1);

	for (size_t i = 0; i < n; i++)
		json_object_set_new(json_array_get(json_object_get(run, "tunnels"), i), "spec",
		                    json_string(spec[i]));
	synthetic_begin_with(s, run);
}

// Which no two may have, and which are one word where the format needs that.
static const char *const alike[] = {
    "exec:/opt/wg/new",
    "exec:/opt/wg_new",
    "exec:/opt/wg new",
    "exec:/opt/wg\xc2\xa0new",
    "exec:/opt/wg%20new",
    "exec:/opt/wg\nnew",
    "exec:/opt/wg\\nnew",
    "default",
    "default",
    "default#2",
    "default",
    "default/status:contaminated",
    "\xe2\x80\xae"
    "default",
    "exec:/opt/wg\xe3\x80\x80new",
    "exec:%2Fopt%2Fwg%2Fnew",
    "default#3",
};
enum { ALIKE = sizeof(alike) / sizeof(*alike) };

static void names_are_unique(void **state)
{
	static const char *const also[] = {"", "/", "/ "};
	static char name[ALIKE][EXPORT_NAME_BYTES];
	struct synthetic s;

	(void)state;
	begin(&s, alike, ALIKE);
	for (size_t a = 0; a < 3; a++)
		for (size_t i = 0; i < ALIKE; i++) {
			export_tunnel_name(&s.store, i, also[a], name[i]);
			assert_null(strpbrk(name[i], "\n\xe2\xe3\xc2"));
			assert_true(!*also[a] || !strpbrk(name[i], also[a]));
			for (size_t j = 0; j < i; j++)
				assert_string_not_equal(name[i], name[j]);
		}
	assert_string_equal(name[7], "default");
	synthetic_end(&s);
}

static void longest_name_fits(void **state)
{
	char name[EXPORT_NAME_BYTES], spec[256];
	const char *const specs[] = {spec, spec};
	struct synthetic s;

	(void)state;
	memset(spec, '/', sizeof(spec) - 1);
	spec[sizeof(spec) - 1] = 0;
	begin(&s, specs, 2);
	assert_int_equal(strlen(export_tunnel_name(&s.store, 1, "/", name)), 3 * 255 + 2);
	assert_string_equal(name + 3 * 255, "#2");
	synthetic_end(&s);
}

static void a_peer_is_told_in_every_format(void **state)
{
	static const struct {
		void (*export)(FILE *, const struct store *);
		const char *says;
	} formats[] = {
	    {export_gbench, "\"peer\": \"exec:/a\\nb\""},
	    {export_benchstat, "\npeer: exec:/a\\nb\n"},
	    {export_openmetrics, ",peer=\"exec:/a\\nb\"} 1\n"},
	};

	(void)state;
	for (int with = 0; with < 2; with++) {
		json_t *run = synthetic_run(2, 1);
		struct synthetic s;

		if (with)
			json_object_set_new(run, "peer",
			                    json_pack("{ss ss ss ss}", "spec", "exec:/a\nb",
			                              "revision", "", "binary_sha256", "00",
			                              "version", ""));
		synthetic_begin_with(&s, run);
		synthetic_add(&s, 0, 0, &(struct synthetic_block){.noise = 0});
		for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
			struct text told = {0};
			FILE *to = text_open(&told);

			formats[i].export(to, &s.store);
			fclose(to);
			if (!strstr(text_string(&told), with ? formats[i].says : "\n") ||
			    (!with && strstr(text_string(&told), "peer")))
				fail_msg("%s", text_string(&told));
			text_free(&told);
		}
		synthetic_end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_unique),
	    cmocka_unit_test(longest_name_fits),
	    cmocka_unit_test(a_peer_is_told_in_every_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
