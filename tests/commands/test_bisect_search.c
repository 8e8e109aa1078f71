// Searches among commits whose culprit is known, answered with known errors.
#include "harness/judge/side.h"
#include "harness/commands/bisect/search.h"
#include "tests/support/draw.h"

enum { SEARCHES = 2000, COMMITS_MAX = 200 };

static struct support_random rng;

static void assert_range(const struct bisect_search *s, double confidence, size_t from, size_t to,
                         bool final)
{
	struct bisect_range r = bisect_search_range(s, confidence);

	if (r.from != from || r.to != to || r.final != final)
		fail_msg("%zu to %zu, %s, instead of %zu to %zu", r.from, r.to,
		         r.final ? "final" : "not final", from, to);
}

static void one_commit_needs_no_measurement(void **state)
{
	struct bisect_search s;

	(void)state;
	bisect_search_begin(&s, 1);
	assert_range(&s, 0.95, 0, 0, true);
	bisect_search_free(&s);
}

// Bayes by hand: of three, the first question is either; bad at the first says 0.9 : 0.1 / 2 each.
static void answers_weigh_by_their_error(void **state)
{
	struct bisect_search s;

	(void)state;
	bisect_search_begin(&s, 3);
	assert_int_equal(bisect_search_next(&s), 0);
	bisect_search_answer(&s, 0, true, 0.1);
	assert_near(s.point[0].probability, 0.9 / 1.1, 1e-12);
	assert_near(s.point[1].probability, 0.1 / 1.1, 1e-12);
	assert_near(s.point[2].probability, 0.1 / 1.1, 1e-12);
	assert_range(&s, 0.95, 0, 2, false);
	assert_range(&s, 0.8, 0, 0, true);
	assert_int_equal(bisect_search_next(&s), 0); // again: it is what decides
	bisect_search_answer(&s, 0, true, 0.1);
	assert_near(s.point[0].probability, 0.81 / 0.83, 1e-12);
	assert_range(&s, 0.95, 0, 0, true);
	bisect_search_answer(&s, 0, false, 0.1);
	assert_near(s.point[0].probability, 0.9 / 1.1, 1e-12);
	bisect_search_free(&s);
}

// A broken range is blamed as a whole, and what is behind it not at all.
static void what_cannot_be_measured_widens_the_answer(void **state)
{
	struct bisect_search s;

	(void)state;
	bisect_search_begin(&s, 10);
	for (size_t i = 4; i < 7; i++)
		bisect_search_close(&s, i);
	for (int again = 0; again < 2; again++) {
		bisect_search_answer(&s, 3, false, 0.025);
		bisect_search_answer(&s, 7, true, 0.025);
	}
	assert_range(&s, 0.95, 4, 7, true);
	assert_near(s.point[4].probability, s.point[7].probability, 0);
	bisect_search_free(&s);
}

static void of_ranges_as_short_the_likeliest(void **state)
{
	static const double low[] = {0.05, 0.8, 0.15};
	struct bisect_search s;

	(void)state;
	bisect_search_begin(&s, 3);
	for (int turned = 0; turned < 2; turned++) {
		for (size_t i = 0; i < 3; i++)
			s.point[i].probability = low[turned ? 2 - i : i];
		assert_range(&s, 0.82, !turned, 2 - turned, false);
		assert_near(bisect_search_range(&s, 0.82).probability, 0.95, 1e-12);
	}
	bisect_search_free(&s);
}

static void nothing_can_be_measured(void **state)
{
	struct bisect_search s;

	(void)state;
	bisect_search_begin(&s, 10);
	for (size_t i = 0; i < 9; i++)
		bisect_search_close(&s, i);
	assert_range(&s, 0.95, 0, 9, true);
	assert_near(bisect_search_expected(&s, 0.95, 0.025), 1, 0);
	bisect_search_free(&s);
}

// A commit that told its side and isn't asked again parts its neighbours all the same.
static void answers_outlast_closing(void **state)
{
	struct bisect_search s;

	(void)state;
	bisect_search_begin(&s, 3);
	for (size_t i = 0; i < 2; i++) {
		bisect_search_answer(&s, i, i == 1, 1e-6);
		bisect_search_close(&s, i);
	}
	assert_range(&s, 0.99, 1, 1, true);
	// What contradicts itself ends as a set.
	bisect_search_answer(&s, 0, true, 1e-6);
	bisect_search_answer(&s, 1, false, 1e-6);
	assert_range(&s, 0.99, 0, 2, true);
	bisect_search_free(&s);
}

static void both_neighbours_have_been_measured(const struct bisect_search *s,
                                               const struct bisect_range *r)
{
	assert_true(!r->from || s->point[r->from - 1].answered);
	assert_true(s->point[r->to].answered);
}

struct tally {
	size_t right, searches;
	double measurements, expected;
};

static void search(struct tally *t, size_t n, double confidence, double error, double skips)
{
	size_t culprit = support_random_below(&rng, n), measurements = 0;
	bool broken[COMMITS_MAX];
	struct bisect_search s;
	struct bisect_range r;

	for (size_t i = 0; i < n; i++)
		broken[i] = draw_uniform(&rng) < skips;
	bisect_search_begin(&s, n);
	t->expected += bisect_search_expected(&s, confidence, error);
	while (!(r = bisect_search_range(&s, confidence)).final) {
		size_t i = bisect_search_next(&s);

		assert_true(i < n - 1 && !s.point[i].closed);
		if (broken[i]) {
			bisect_search_close(&s, i);
			continue;
		}
		bisect_search_answer(&s, i, (culprit <= i) != (draw_uniform(&rng) < error), error);
		measurements++;
	}
	both_neighbours_have_been_measured(&s, &r);
	t->right += r.from <= culprit && culprit <= r.to;
	t->measurements += measurements;
	t->searches++;
	bisect_search_free(&s);
}

static void the_stated_confidence_holds(void **state)
{
	static const double confidences[] = {BISECT_CONFIDENCE_MIN, 0.8, 0.95, 0.99};

	(void)state;
	for (size_t c = 0; c < sizeof(confidences) / sizeof(*confidences); c++)
		for (int skips = 0; skips < 3; skips++) {
			struct tally t = {0};

			for (int i = 0; i < SEARCHES; i++)
				search(&t, 1 + support_random_below(&rng, COMMITS_MAX),
				       confidences[c], i % 2 ? PLACE_ERROR : 0.15, 0.3 * skips);
			if (t.right < (confidences[c] - 0.02) * SEARCHES)
				fail_msg("%zu of %d hold the culprit at %g", t.right, SEARCHES,
				         confidences[c]);
		}
}

// log2 n / capacity, and what the last certainty takes (Burnashev, 1976).
static void few_measurements_are_enough(void **state)
{
	static const size_t sizes[] = {2, 10, 50, 200};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (int noisy = 0; noisy < 2; noisy++) {
			double error = noisy ? 0.15 : PLACE_ERROR;
			double told = 1 + error * log2(error) + (1 - error) * log2(1 - error);
			double apart = (1 - 2 * error) * log2((1 - error) / error);
			struct tally t = {0};

			for (int k = 0; k < SEARCHES; k++)
				search(&t, sizes[i], 0.95, error, 0);
			print_message("# %zu commits, error %g: %.1f measurements, %.1f expected\n",
			              sizes[i], error, t.measurements / SEARCHES,
			              t.expected / SEARCHES);
			assert_near(t.expected / SEARCHES, t.measurements / SEARCHES,
			            noisy ? 4 : 1.5);
			assert_true(t.measurements / SEARCHES <=
			            log2(sizes[i]) / told - log2(1 - 0.95) / apart + 0.5);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_commit_needs_no_measurement),
	    cmocka_unit_test(answers_weigh_by_their_error),
	    cmocka_unit_test(what_cannot_be_measured_widens_the_answer),
	    cmocka_unit_test(of_ranges_as_short_the_likeliest),
	    cmocka_unit_test(nothing_can_be_measured),
	    cmocka_unit_test(answers_outlast_closing),
	    cmocka_unit_test(the_stated_confidence_holds),
	    cmocka_unit_test(few_measurements_are_enough),
	};

	support_random_init(&rng, support_seed());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
