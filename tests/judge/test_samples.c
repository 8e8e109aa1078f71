// Rates inside a trial and delays, from trials that kept them.
#include "harness/judge/samples.h"
#include "tests/support/synthetic.h"

static void add(struct synthetic *s, unsigned block, unsigned position, unsigned tunnel,
                const char *metric, json_t *samples)
{
	struct trial t = synthetic_trial(block, 0, position, tunnel);

	synthetic_metric(&t, metric, 4, true, true);
	t.samples = samples;
	assert_int_equal(store_append(&s->store, &t), 0);
	json_decref(samples);
}

static void load(struct outcome *o, struct synthetic *s)
{
	store_close(&s->store);
	assert_int_equal(outcome_load(o, s->dir, &(struct outcome_how){.alone = true}), 0);
}

static void finish(struct outcome *o, struct synthetic *s)
{
	outcome_free(o);
	synthetic_end(s);
}

static void rates_by_time(void **state)
{
	struct samples_course c;
	struct synthetic s;
	struct outcome o;

	(void)state;
	synthetic_begin(&s, 1, 2);
	add(&s, 0, 0, 0, "goodput_gbps", json_pack("[f f f f]", 4.0, 4.0, 1.0, 4.0));
	add(&s, 1, 0, 0, "goodput_gbps", json_pack("[f f]", 2.0, 8.0)); // a shorter one
	load(&o, &s);
	assert_int_equal(samples_kind(&o, "tcp"), SAMPLES_RATES);
	assert_int_equal(samples_kind(&o, "ping"), SAMPLES_NONE);
	samples_course(&c, &o, "tcp", 0);
	assert_int_equal(c.n, 4);
	assert_true(c.median[0] == 3 && c.median[1] == 6 && c.median[2] == 1 && c.median[3] == 4);
	assert_true(c.low[0] < c.median[0] && c.high[0] > c.median[0]);
	assert_int_equal(c.values, 6);
	assert_int_equal(c.stalled, 2); // 1 of a mean of 3.25, 2 of one of 5
	samples_course_free(&c);
	finish(&o, &s);
}

static void delays_by_their_share(void **state)
{
	json_t *delays = json_array();
	struct samples_delays d;
	struct synthetic s;
	struct outcome o;

	(void)state;
	for (int i = 1000; i > 0; i--)
		json_array_append_new(delays, json_integer(i));
	synthetic_begin(&s, 1, 1);
	add(&s, 0, 0, 0, "p50_us", delays);
	load(&o, &s);
	assert_int_equal(samples_kind(&o, "tcp"), SAMPLES_DELAYS);
	samples_delays(&d, &o, "tcp", 0);
	assert_int_equal(d.n, SAMPLES_PLACES);
	assert_true(d.share[0] == 1 && d.delay_us[0] == 1);
	assert_true(fabs(d.share[SAMPLES_PLACES - 1] - 0.001) < 1e-12);
	assert_true(fabs(d.delay_us[SAMPLES_PLACES - 1] - 999) < 1);
	for (size_t i = 1; i < d.n; i++)
		assert_true(d.share[i] < d.share[i - 1] && d.delay_us[i] >= d.delay_us[i - 1]);
	finish(&o, &s);
}

// What isn't a number, or can't be a rate, is left out; other workloads keep other things.
static void what_is_no_sample(void **state)
{
	struct samples_course c;
	struct samples_delays d;
	struct synthetic s;
	struct outcome o;

	(void)state;
	synthetic_begin(&s, 2, 1);
	add(&s, 0, 0, 0, "goodput_gbps", json_pack("[f s n f]", 4.0, "x", -1.0));
	add(&s, 0, 1, 1, "goodput_gbps", json_pack("[{si}]", "rate", 1));
	load(&o, &s);
	samples_course(&c, &o, "tcp", 0);
	assert_int_equal(c.n, 4);
	assert_true(c.median[0] == 4 && isnan(c.median[1]) && isnan(c.median[2]) &&
	            isnan(c.median[3]));
	samples_course_free(&c);
	samples_course(&c, &o, "tcp", 1);
	assert_int_equal(c.n, 0);
	samples_course_free(&c);
	samples_delays(&d, &o, "udp", 0);
	assert_int_equal(d.n, 0);
	finish(&o, &s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rates_by_time),
	    cmocka_unit_test(delays_by_their_share),
	    cmocka_unit_test(what_is_no_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
