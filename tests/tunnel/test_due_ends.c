// As test_due.c, between two ends: what waits is begun by what the other end sends, or by a retry
// where that was lost.
#include "tests/support/ends.h"

static void expire(struct device *d)
{
	loopback_control(d);
	due_expire(d, loopback_now_ns);
}

// The answer of this end counts as an initiation. Where it is lost, nothing else would repeat it.
static void what_waits_for_a_lost_answer_initiates(void **state)
{
	(void)state;
	for (unsigned staged_first = 0; staged_first < 2; staged_first++) {
		if (staged_first) {
			to_a->endpoint = loopback_endpoint(1);
			loopback_stage(to_a);
			to_a->endpoint = (struct endpoint){0};
		}
		handshake_initiate(to_b, false);
		deliver(b, MESSAGE_INITIATION);
		take(a, MESSAGE_RESPONSE);
		timers_stop(to_b); // the other end doesn't try again
		if (!staged_first)
			loopback_stage(to_a);
		loopback_pass(NS_PER_S);
		expire(b);
		assert_true(silent(a));
		loopback_pass(5 * NS_PER_S);
		expire(b);
		deliver(a, MESSAGE_INITIATION);
		deliver(b, MESSAGE_RESPONSE);
		receive_data(a);
		assert_int_equal(to_a->staged_packets, 0);
		loopback_pass(1000 * NS_PER_S);
		session_end(to_a);
		session_end(to_b);
	}
}

// A persistent keepalive that had no endpoint, and learns one from the other end's initiation.
static void a_keepalive_takes_the_endpoint_that_is_learnt(void **state)
{
	(void)state;
	to_a->persistent_keepalive_s = 100;
	timers_persistent_changed(to_a, loopback_now_ns);
	expire(b);
	assert_true(silent(a));
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	take(a, MESSAGE_RESPONSE);
	timers_stop(to_b);
	loopback_pass(6 * NS_PER_S);
	expire(b);
	take(a, MESSAGE_INITIATION);
}

// Once there is a session, nothing is repeated for what came before it.
static void a_session_ends_the_waiting(void **state)
{
	(void)state;
	to_a->persistent_keepalive_s = 100;
	timers_persistent_changed(to_a, loopback_now_ns);
	expire(b);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	deliver(a, MESSAGE_RESPONSE);
	receive_data(b);
	assert_false(to_a->handshake_waits);
	loopback_pass(6 * NS_PER_S);
	expire(b);
	assert_true(silent(a) && silent(b));
}

// The initiation couldn't be sent to where the peer was; its data come from somewhere else.
static void data_from_elsewhere_show_the_way(void **state)
{
	(void)state;
	loopback_stage(to_b);
	loopback_control(a);
	deliver(b, MESSAGE_INITIATION);
	deliver(a, MESSAGE_RESPONSE);
	receive_data(b);
	loopback_pass(REKEY_AFTER_TIME_NS);
	to_b->endpoint.remote.v4.sin_addr.s_addr = INADDR_BROADCAST;
	loopback_stage(to_b);
	loopback_control(a);
	assert_true(to_b->handshake_waits);
	while (!silent(b))
		receive_on_the_path(b);
	loopback_stage(to_a);
	receive_data(a);
	take(b, MESSAGE_INITIATION);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(what_waits_for_a_lost_answer_initiates),
	    TEST(a_keepalive_takes_the_endpoint_that_is_learnt),
	    TEST(a_session_ends_the_waiting),
	    TEST(data_from_elsewhere_show_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
