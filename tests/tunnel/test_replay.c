// The replay window against a model that remembers every counter, and at the edges where windows
// have gone wrong before.
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>
#include "tunnel/clock.h"
#include "tunnel/keypair.h"
#include "tunnel/keypair.h"
#include "tunnel/replay.h"

enum { LIMIT = REPLAY_USABLE + 1 };

struct step {
	uint64_t counter;
	bool accepted;
};

static void run(const struct step *steps, size_t n)
{
	struct replay r = {0};

	for (size_t i = 0; i < n; i++)
		if (replay_accept(&r, steps[i].counter) != steps[i].accepted)
			fail_msg("step %zu: counter %llu should be %s", i,
			         (unsigned long long)steps[i].counter,
			         steps[i].accepted ? "accepted" : "refused");
}
#define run_all(...)                                                                               \
	run((const struct step[]){__VA_ARGS__},                                                    \
	    sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

static void edges_of_the_window(void **state)
{
	(void)state;
	run_all({0, true}, {0, false}, {1, true}, {1, false}, {9, true}, {8, true}, {7, true},
	        {7, false}, {LIMIT, true}, {LIMIT - 1, true}, {LIMIT - 1, false}, {LIMIT - 2, true},
	        {2, true}, {2, false}, {LIMIT + 16, true}, {3, false}, {LIMIT + 16, false},
	        {4 * LIMIT, true}, {4 * LIMIT - (LIMIT - 1), true}, {10, false},
	        {4 * LIMIT - LIMIT, false}, {4 * LIMIT - (LIMIT + 1), false},
	        {4 * LIMIT - (LIMIT - 2), true}, {4 * LIMIT + 1 - LIMIT, false}, {0, false});
}

static void a_first_counter_other_than_zero(void **state)
{
	(void)state;
	run_all({64, true}, {0, true}, {0, false}, {63, true}, {64, false}, {65, true});
	run_all({REPLAY_USABLE, true}, {0, true}, {0, false});
	run_all({REPLAY_USABLE + 1, true}, {0, false}, {1, true});
	run_all({1ull << 40, true}, {0, false}, {(1ull << 40) - REPLAY_USABLE, true});
}

// The ring has come round: what was marked a whole ring ago must not hide what is new.
static void a_jump_forgets_old_marks(void **state)
{
	(void)state;
	for (uint64_t jump = REPLAY_BITS - 130; jump <= 3 * REPLAY_BITS; jump += 7) {
		struct replay r = {0};

		for (uint64_t c = 0; c < 130; c++)
			assert_true(replay_accept(&r, c));
		assert_true(replay_accept(&r, 130 + jump));
		for (uint64_t c = 130 + jump - 1; c > 130 + jump - 140; c--)
			if (c >= 130)
				assert_true(replay_accept(&r, c));
	}
}

static void the_last_counters(void **state)
{
	const uint64_t last = REJECT_AFTER_MESSAGES - 1;

	(void)state;
	run_all({last - 1, true}, {last, true}, {last, false}, {last - 1, false},
	        {last - REPLAY_USABLE, true}, {last - REPLAY_USABLE, false},
	        {last - REPLAY_USABLE - 1, false}, {0, false});
}

static void forwards_and_backwards(void **state)
{
	struct replay r = {0};

	(void)state;
	for (uint64_t i = 0; i < 3 * REPLAY_BITS; i++) {
		assert_true(replay_accept(&r, i));
		assert_false(replay_accept(&r, i));
	}
	memset(&r, 0, sizeof(r));
	for (uint64_t i = 1; i <= REPLAY_USABLE; i++)
		assert_true(replay_accept(&r, i));
	assert_true(replay_accept(&r, 0));
	assert_false(replay_accept(&r, 0));

	memset(&r, 0, sizeof(r));
	for (uint64_t i = LIMIT + 1; i-- > 1;)
		assert_true(replay_accept(&r, i));
	assert_true(replay_accept(&r, LIMIT + 1));
	assert_false(replay_accept(&r, 0));
	for (uint64_t i = 1; i <= LIMIT + 1; i++)
		assert_false(replay_accept(&r, i));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

// The model: a sorted list of all accepted counters, and the rule.
static void random_counters_against_a_set(void **state)
{
	enum { STEPS = 3000 };
	static uint64_t seen[STEPS];
	struct support_random random;

	(void)state;
	support_random_init(&random, support_seed());
	for (int round = 0; round < 20; round++) {
		struct replay r = {0};
		uint64_t top =
		    support_random_below(&random, 2) ? support_random_next(&random) >> 2 : 0;
		size_t n = 0;

		for (int i = 0; i < STEPS; i++) {
			uint64_t spread = 1ull << support_random_below(&random, 16), counter;

			counter = top + support_random_below(&random, spread);
			uint64_t back = support_random_below(&random, 2 * spread);
			counter = counter > back ? counter - back : 0;
			bool known = bsearch(&counter, seen, n, sizeof(*seen), by_value);
			bool too_old =
			    n && counter < seen[n - 1] && seen[n - 1] - counter > REPLAY_USABLE;

			assert_int_equal(replay_accept(&r, counter), !known && !too_old);
			if (known || too_old)
				continue;
			size_t at = n++;
			for (; at && seen[at - 1] > counter; at--)
				seen[at] = seen[at - 1];
			seen[at] = counter;
			top = seen[n - 1];
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(edges_of_the_window),
	    cmocka_unit_test(a_first_counter_other_than_zero),
	    cmocka_unit_test(a_jump_forgets_old_marks),
	    cmocka_unit_test(the_last_counters),
	    cmocka_unit_test(forwards_and_backwards),
	    cmocka_unit_test(random_counters_against_a_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
