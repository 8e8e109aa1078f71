// The search for the highest rate against tunnels and generators of known limits.
#include "workloads/generator.h"
#include "workloads/rate_search.h"
#include "tests/support/support.h"

#include <errno.h>
#include <math.h>
#include <string.h>

// Nothing is lost up to `capacity_pps`, all that goes beyond is; trial `stall` (counted from 1)
// loses a tenth more.
struct tunnel {
	double capacity_pps, generator_pps;
	unsigned stall;
};

static void search(struct rate_search *s, const struct tunnel *t, double loss_bound)
{
	rate_search_init(s, 16000, loss_bound);
	while (!s->done) {
		double sent = fmin(s->rate_pps, t->generator_pps);
		double loss = sent > t->capacity_pps ? 1 - t->capacity_pps / sent : 0;

		if (s->trials + 1 == t->stall)
			loss += 0.1;
		rate_search_tell(s, loss, sent < s->rate_pps);
		assert_in_range(s->trials, 1, RATE_SEARCH_TRIALS_MAX);
	}
}

static void assert_found(const struct rate_search *s, double exact_pps)
{
	if (s->low_pps > exact_pps * 1.0001 ||
	    s->low_pps * (1 + RATE_SEARCH_WIDTH) < exact_pps * 0.9999)
		fail_msg("found %f, not %f, after %u trials", s->low_pps, exact_pps, s->trials);
}

static double random_rate(struct support_random *r, double from, double to)
{
	return from * pow(to / from, support_random_below(r, 1 << 20) / (double)(1 << 20));
}

static void finds_the_capacity(void **state)
{
	static const double bounds[] = {0, 0.005, 0.1};
	struct support_random r;
	struct rate_search s;

	(void)state;
	support_random_init(&r, support_seed());
	for (int i = 0; i < 3000; i++) {
		double bound = bounds[i % 3];
		struct tunnel t = {.capacity_pps = random_rate(&r, 300, 3e6),
		                   .generator_pps = INFINITY};

		search(&s, &t, bound);
		assert_found(&s, t.capacity_pps / (1 - bound));
		assert_false(s.limited_at_high);
		if (t.capacity_pps > 8000 && t.capacity_pps < 200000)
			assert_in_range(s.trials, 1, 16);
	}
}

static void one_stall_changes_nothing(void **state)
{
	struct support_random r;
	struct rate_search s;

	(void)state;
	support_random_init(&r, support_seed());
	for (int i = 0; i < 1000; i++) {
		struct tunnel t = {.capacity_pps = random_rate(&r, 8000, 200000),
		                   .generator_pps = INFINITY,
		                   .stall = 1 + i % 12};

		search(&s, &t, 0.005);
		assert_found(&s, t.capacity_pps / 0.995);
	}
}

static void a_slow_generator_is_named(void **state)
{
	struct support_random r;
	struct rate_search s;

	(void)state;
	support_random_init(&r, support_seed());
	for (int i = 0; i < 1000; i++) {
		double generator = random_rate(&r, 1000, 200000);
		struct tunnel t = {.capacity_pps = generator * 1.2, .generator_pps = generator};

		search(&s, &t, 0.005);
		assert_found(&s, generator);
		assert_true(s.limited_at_high);
	}
}

static void hopeless_cases_end(void **state)
{
	struct rate_search s;

	(void)state;
	search(&s, &(struct tunnel){.generator_pps = INFINITY}, 0.005);
	assert_true(s.low_pps == 0);
	search(&s, &(struct tunnel){.capacity_pps = INFINITY, .generator_pps = INFINITY}, 0.005);
	assert_true(s.low_pps > RATE_SEARCH_MAX_PPS / 2 && !s.high_pps);
}

static void a_loss_at_the_bound_passes(void **state)
{
	struct rate_search s;

	(void)state;
	rate_search_init(&s, 1000, 0.005);
	rate_search_tell(&s, 0.005, false);
	assert_true(s.low_pps == 1000 && s.rate_pps == 2000);
	rate_search_tell(&s, 0.0051, false);
	assert_true(s.rate_pps == 2000 && !s.high_pps);
	rate_search_tell(&s, 0.0051, false);
	assert_true(s.high_pps == 2000);
}

static const char sent[] =
    "{\"planned\": 1000, \"sent\": 990, \"aside\": 0, \"seconds\": 0.5, \"cpu_s\": 0.25}\n";
static const char received[] =
    "ready\n{\"received\": 900, \"stale\": 5, \"in_window\": 905, \"socket_drops\": 20, \"cpu_s\": "
    "0.5,"
    "\"delay_ns\": {\"p50\": 1500, \"p99\": 2500, \"p999\": 3500, \"max\": 4500},"
    "\"delays_ns\": [[1500, 900], [4500, 5]]}\n";

static void reports_are_read(void **state)
{
	struct generator_result r;
	char reason[128] = "";
	json_t *delays;

	(void)state;
	assert_int_equal(generator_parse(sent, received, &r, NULL, reason, sizeof(reason)), 0);
	assert_true(r.planned == 1000 && r.sent == 990 && r.received == 905);
	assert_true(r.seconds == 0.5 && r.cpu_s == 0.75);
	assert_true(r.delay_p50_us == 1.5 && r.delay_p99_us == 2.5);
	assert_true(r.delay_p999_us == 3.5 && r.delay_max_us == 4.5);
	assert_int_equal(generator_parse(sent, received, &r, &delays, reason, sizeof(reason)), 0);
	assert_int_equal(json_array_size(delays), 2);
	json_decref(delays);
	assert_true(fabs(generator_loss(&r) - 65 / 990.0) < 1e-12);
	assert_int_not_equal(generator_parse(sent, "ready\n", &r, &delays, reason, sizeof(reason)),
	                     0);
	assert_null(delays);
	assert_non_null(strstr(reason, "no report"));
	assert_int_not_equal(generator_parse("", received, &r, NULL, reason, sizeof(reason)), 0);
	assert_int_not_equal(generator_parse(sent, "", &r, NULL, reason, sizeof(reason)), 0);
}

// Each number of both reports in turn is missing.
static void reports_are_whole(void **state)
{
	static const char *const keys[2][10] = {{"planned", "sent", "aside", "seconds", "cpu_s"},
	                                        {"received", "stale", "in_window", "socket_drops",
	                                         "cpu_s", "p50", "p99", "p999", "max"}};
	struct generator_result r;
	char word[32], text[2][512], reason[128];

	(void)state;
	for (int end = 0; end < 2; end++)
		for (size_t i = 0; keys[end][i]; i++) {
			snprintf(text[0], sizeof(text[0]), "%s", sent);
			snprintf(text[1], sizeof(text[1]), "%s", received);
			snprintf(word, sizeof(word), "\"%s\"", keys[end][i]);
			strstr(text[end], word)[1] = '-';
			assert_int_equal(
			    generator_parse(text[0], text[1], &r, NULL, reason, sizeof(reason)),
			    -EIO);
			snprintf(word, sizeof(word), "no number '%s'", keys[end][i]);
			if (!strstr(reason, word))
				fail_msg("'%s' isn't: %s", reason, word);
		}
}

// The histogram of no packets has zeros.
static void no_packet_has_no_delay(void **state)
{
	static const char none[] =
	    "ready\n{\"received\": 0, \"stale\": 0, \"in_window\": 0, \"socket_drops\": 0,"
	    "\"cpu_s\": 0.5, \"delay_ns\": {\"p50\": 0, \"p99\": 0, \"p999\": 0, \"max\": 0}}\n";
	static const char idle[] =
	    "{\"planned\": 9, \"sent\": 0, \"aside\": 0, \"seconds\": 1, \"cpu_s\": 0}";
	struct generator_result r;
	char reason[128];

	(void)state;
	assert_int_equal(generator_parse(sent, none, &r, NULL, reason, sizeof(reason)), 0);
	assert_true(isnan(r.delay_p50_us) && isnan(r.delay_max_us));
	assert_true(generator_loss(&r) == 1);
	assert_int_equal(generator_parse(idle, none, &r, NULL, reason, sizeof(reason)), -EIO);
	assert_string_equal(reason, "wgbench-traffic sent nothing");
}

static void the_generators_faults_are_its_own(void **state)
{
	(void)state;
	const struct generator_result all = {.planned = 1000, .sent = 1000, .received = 1000},
	                              little = {.planned = 1000, .sent = 990, .received = 990},
	                              full = {.planned = 1000,
	                                      .sent = 1000,
	                                      .received = 990,
	                                      .socket_drops = 10},
	                              lost = {.planned = 1000, .sent = 1000, .received = 500},
	                              none = {.planned = 1000};

	assert_false(generator_limited(&all));
	assert_true(generator_limited(&little) && generator_loss(&little) == 0);
	assert_true(generator_limited(&full) && generator_loss(&full) == 0);
	assert_false(generator_limited(&lost));
	assert_true(generator_loss(&lost) == 0.5);
	assert_true(generator_limited(&none) && generator_loss(&none) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_the_capacity),
	    cmocka_unit_test(one_stall_changes_nothing),
	    cmocka_unit_test(a_slow_generator_is_named),
	    cmocka_unit_test(hopeless_cases_end),
	    cmocka_unit_test(a_loss_at_the_bound_passes),
	    cmocka_unit_test(reports_are_read),
	    cmocka_unit_test(reports_are_whole),
	    cmocka_unit_test(no_packet_has_no_delay),
	    cmocka_unit_test(the_generators_faults_are_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
