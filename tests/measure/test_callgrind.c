// callgrind's format, as callgrind 3.19 writes it, and what isn't that.
#include "base/text.h"
#include "harness/measure/callgrind.h"
#include "tests/support/support.h"

#include <errno.h>
#include <string.h>

static const char sample[] = "# callgrind format\n"
                             "version: 1\n"
                             "creator: callgrind-3.19.0\n"
                             "desc: Trigger: Client Request: encrypt\n"
                             "\n"
                             "positions: line\n"
                             "events: Ir\n"
                             "summary: 99999\n" // with what went before it was set to zero
                             "\n"
                             "ob=(1) /src/build/release/wgbench-replay\n"
                             "fl=(1) /src/tunnel/output.c\n"
                             "fn=(1) encrypt\n"
                             "10 100\n"
                             "+2 20\n"
                             "* 3\n"
                             "-1 4\n"
                             "fi=(2) /src/./tunnel/bytes.h\n"
                             "5 1000\n"
                             "fe=(1)\n"
                             "12 7\n"
                             "cob=(2) /usr/lib/libcipher.so.1\n"
                             "cfi=(3) ???\n"
                             "cfn=(2) 0x0000000000026330\n"
                             "calls=3 0 \n"
                             "12 5000\n" // the callee's
                             "\n"
                             "ob=(2)\n"
                             "fl=(3)\n"
                             "fn=(2)\n"
                             "0 4000\n"
                             "fn=(3) 0x0000000000026340\n"
                             "0 1000\n"
                             "\n"
                             "ob=(3) /lib/libc.so.6\n"
                             "fl=(4) ./nptl/./nptl/pthread_mutex_lock.c\n"
                             "fn=(4) pthread_mutex_lock@@GLIBC_2.2.5\n"
                             "1 11\n"
                             "fn=(5) clone\n"
                             "cfn=(6) start_thread\n"
                             "calls=0 336 \n" // it still runs
                             "100 28472480\n"
                             "\n"
                             "ob=(1)\n"
                             "fl=(5) /src/./variants/ring/body/shared.c\n"
                             "fn=(7) ring_push'2\n"
                             "1 30\n"
                             "fn=(8) ring_push\n"
                             "1 3\n"
                             "fl=(6) /srcs/elsewhere.c\n"
                             "fn=(9) main\n"
                             "1 2\n"
                             "\n"
                             "totals: 6180\n"
                             "\n";

static void functions_have_their_own_costs(void **state)
{
	static const struct callgrind_function expected[] = {
	    {"libc.so.6:pthread_mutex_lock", 11}, {"libcipher.so.1", 5000},
	    {"tunnel/output.c:encrypt", 1134},    {"variants/ring:ring_push", 33},
	    {"wgbench-replay:main", 2},
	};
	struct callgrind c;
	struct text fault = {0};

	(void)state;
	assert_int_equal(callgrind_parse(&c, sample, "/src", &fault), 0);
	assert_int_equal(c.instructions, 6180);
	assert_int_equal(c.n, sizeof(expected) / sizeof(*expected));
	for (size_t i = 0; i < c.n; i++) {
		assert_string_equal(c.function[i].name, expected[i].name);
		assert_int_equal(c.function[i].instructions, expected[i].instructions);
		assert_int_equal(callgrind_find(&c, expected[i].name), expected[i].instructions);
	}
	assert_int_equal(callgrind_find(&c, "libc.so.6:clone"), 0);
	callgrind_free(&c);
	assert_int_equal(callgrind_find(&c, "tunnel/output.c:encrypt"), 0);
}

static void faults_are_named_with_their_line(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
	    {"", "line 1: it ends without a total"},
	    {"events: Ir\ntotals: 1\n", "come to the total"},
	    {"events: Ir\nfn=(1) f\n1 2\ntotals: 3\n", "come to the total"},
	    {"events: Ir Dr\n", "line 1: events other than"},
	    {"positions: instr line\n", "line 1: positions other than"},
	    {"events: Ir\n1 2\n", "line 2: a cost of no function"},
	    {"fn=(1) f\n1 2\n", "line 2: a cost of no function"},
	    {"events: Ir\nfn=(1)\n", "line 2: a name that isn't known"},
	    {"events: Ir\nfn=\n", "line 2: a name that isn't known"},
	    {"events: Ir\nfn=(1\n", "line 2: a name that isn't known"},
	    {"events: Ir\nfn=(1)f\n", "line 2: a name that isn't known"},
	    {"events: Ir\nfn=(1048576) f\n", "line 2: a name that isn't known"},
	    {"events: Ir\nfn=(99999999999999999999) f\n", "line 2: a name that isn't known"},
	    {"events: Ir\nfn=(1) f\n1\n", "line 3: no cost"},
	    {"events: Ir\nfn=(1) f\n1 2 3\n", "line 3: no cost"},
	    {"events: Ir\nfn=(1) f\n1 -2\n", "line 3: no cost"},
	    {"events: Ir\nfn=(1) f\n1 99999999999999999999\n", "line 3: no cost"},
	    {"events: Ir\nfn=(1) f\n+x 2\n", "line 3: no position"},
	    {"events: Ir\nfn=(1) f\n*2\n", "line 3: no position"},
	    {"events: Ir\nfn=(1) f\ncalls=1 0\ntotals: 0\n", "line 4: no cost of a call"},
	    {"jump=1 2\n", "line 1: an unknown word"},
	    {"nonsense\n", "line 1: an unknown word"},
	    {"totals: x\n", "line 1: no total"},
	};
	struct callgrind c;
	struct text fault = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(callgrind_parse(&c, cases[i].text, "/", &fault), -EINVAL);
		if (!strstr(text_string(&fault), cases[i].fault))
			fail_msg("'%s': '%s', not '%s'", cases[i].text, text_string(&fault),
			         cases[i].fault);
		assert_null(c.function);
	}
	text_free(&fault);
}

// Whatever is changed in it, it's refused or its sum is right.
static void changed_text_is_refused_or_adds_up(void **state)
{
	struct support_random r;
	struct text fault = {0};
	char text[sizeof(sample)];

	(void)state;
	support_random_init(&r, support_seed());
	for (unsigned round = 0; round < 20000; round++) {
		struct callgrind c;
		uint64_t sum = 0;

		memcpy(text, sample, sizeof(text));
		if (round % 4 == 0)
			text[support_random_below(&r, sizeof(text))] = 0;
		else
			for (unsigned n = 1 + support_random_below(&r, 3); n--;)
				text[support_random_below(&r, sizeof(text) - 1)] =
				    support_random_below(&r, 2)
				        ? "0123456789()+-*=: \n"[support_random_below(&r, 19)]
				        : (char)support_random_next(&r);
		if (callgrind_parse(&c, text, "/src", &fault))
			continue;
		for (size_t i = 0; i < c.n; i++)
			sum += c.function[i].instructions;
		assert_int_equal(sum, c.instructions);
		callgrind_free(&c);
	}
	text_free(&fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(functions_have_their_own_costs),
	    cmocka_unit_test(faults_are_named_with_their_line),
	    cmocka_unit_test(changed_text_is_refused_or_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
