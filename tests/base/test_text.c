// Growing strings and what is built of them: argument vectors and paths.
#include "base/argv.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "tests/support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void an_empty_text_is_a_string(void **state)
{
	struct text t = {0};

	(void)state;
	assert_string_equal(text_string(&t), "");
	text_cut(&t, 0);
	text_free(&t);
	char *taken = text_take(&t);
	assert_string_equal(taken, "");
	free(taken);
}

static void it_grows_as_a_plain_string_would(void **state)
{
	struct support_random random;
	struct text t = {0};
	static char naive[1 << 16];
	size_t length = 0;

	(void)state;
	support_random_init(&random, support_seed());
	for (int i = 0; i < 500; i++) {
		char piece[100];
		size_t n = support_random_below(&random, sizeof(piece));

		memset(piece, 'a' + i % 26, n);
		if (length && !support_random_below(&random, 20)) {
			length = support_random_below(&random, length + 1);
			text_cut(&t, length);
			text_cut(&t, length + 10);
		} else if (i % 2) {
			text_add_bytes(&t, piece, n);
			memcpy(naive + length, piece, n);
			length += n;
		} else {
			text_add(&t, "%.*s|%d", (int)n, piece, i);
			length += sprintf(naive + length, "%.*s|%d", (int)n, piece, i);
		}
		naive[length] = 0;
		assert_int_equal(t.length, length);
		assert_string_equal(text_string(&t), naive);
	}
	text_free(&t);
	assert_int_equal(t.length, 0);
}

static void set_may_refer_to_itself(void **state)
{
	struct text t = {0};

	(void)state;
	text_set(&t, "one");
	text_set(&t, "%s and %s", text_string(&t), text_string(&t));
	assert_string_equal(text_string(&t), "one and one");
	text_free(&t);
}

static void counts_have_their_noun(void **state)
{
	struct text t = {0};

	(void)state;
	for (unsigned long n = 0; n < 3; n++) {
		text_add_count(&t, n, "block");
		text_add_bytes(&t, ";", 1);
	}
	assert_string_equal(text_string(&t), "0 blocks;1 block;2 blocks;");
	text_free(&t);
}

static void a_stream_writes_a_text_that_can_grow(void **state)
{
	struct text t = {0};

	(void)state;
	text_set(&t, "forgotten");
	FILE *to = text_open(&t);
	fprintf(to, "%0200d", 7);
	fclose(to);
	assert_int_equal(t.length, 200);
	for (int i = 0; i < 100; i++)
		text_add(&t, "%d", i % 10);
	assert_int_equal(strlen(text_string(&t)), 300);
	text_free(&t);
}

static void words_are_found_whole(void **state)
{
	static const struct {
		const char *words, *word;
		bool found;
	} rows[] = {
	    {"", "cpu", false},        {"cpu", "cpu", true},     {"cpuset,cpu", "cpu", true},
	    {"cpuset", "cpu", false},  {"cpu", "cpuset", false}, {",,io,,cpu,", "cpu", true},
	    {"io,acpu", "cpu", false}, {"io,", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(text_has_word(rows[i].words, ",", rows[i].word), rows[i].found);
}

static void an_argument_vector_ends_with_null(void **state)
{
	struct argv a = {0};

	(void)state;
	assert_null(argv_words(&a)[0]);
	argv_add_all(&a, "ip", "link", NULL);
	argv_add_option(&a, "--rate", "%.1f", 2.5);
	argv_add_format(&a, "-j%d", 2);
	argv_add_array(&a, (const char *const[]){"a", "b", NULL});
	for (int i = 0; i < 100; i++)
		argv_add(&a, "x");
	assert_int_equal(a.n, 107);
	assert_string_equal(argv_words(&a)[1], "link");
	assert_string_equal(argv_words(&a)[2], "--rate");
	assert_string_equal(argv_words(&a)[3], "2.5");
	assert_string_equal(argv_words(&a)[4], "-j2");
	assert_string_equal(argv_words(&a)[6], "b");
	assert_null(argv_words(&a)[107]);
	argv_free(&a);
	assert_int_equal(a.n, 0);
}

static void arrays_grow_and_keep_what_they_held(void **state)
{
	size_t *array = NULL, room = 0;

	(void)state;
	for (size_t n = 0; n < 1000; n++) {
		array = memory_more(array, n, &room, sizeof(*array));
		array[n] = n * n;
	}
	for (size_t n = 0; n < 1000; n++)
		assert_int_equal(array[n], n * n);
	assert_true(room >= 1000 && room < 2048);
	free(array);
}

static void paths_are_joined_by_one_slash(void **state)
{
	static const char *const rows[][3] = {
	    {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "/b"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *path = path_join(rows[i][0], rows[i][1]);

		assert_string_equal(path, rows[i][2]);
		free(path);
	}
}

static void folders_are_made_with_those_above(void **state)
{
	char root[] = "/tmp/test_text.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(root));
	char *deep = path_join(root, "a//b/c/"), *file = path_join(root, "file"),
	     *below = path_join(file, "d");
	assert_int_equal(path_make_folders(deep), 0);
	assert_int_equal(path_make_folders(deep), 0);
	assert_true(path_exists(deep));
	fclose(fopen(file, "w"));
	assert_int_equal(path_make_folders(file), -ENOTDIR);
	assert_int_equal(path_make_folders(below), -ENOTDIR);
	assert_int_equal(path_make_folders(""), -ENOENT);
	unlink(file);
	for (int i = 0; i < 3; i++) {
		rmdir(deep);
		deep[strlen(deep) - 2] = 0;
	}
	assert_int_equal(rmdir(root), 0);
	free(deep);
	free(file);
	free(below);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_text_is_a_string),
	    cmocka_unit_test(it_grows_as_a_plain_string_would),
	    cmocka_unit_test(set_may_refer_to_itself),
	    cmocka_unit_test(counts_have_their_noun),
	    cmocka_unit_test(a_stream_writes_a_text_that_can_grow),
	    cmocka_unit_test(words_are_found_whole),
	    cmocka_unit_test(an_argument_vector_ends_with_null),
	    cmocka_unit_test(arrays_grow_and_keep_what_they_held),
	    cmocka_unit_test(paths_are_joined_by_one_slash),
	    cmocka_unit_test(folders_are_made_with_those_above),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
