// Handshakes under load: cookies that are demanded, sources that are limited, replies that have a
// budget.
#include "tests/support/ends.h"

static void fill_queue(struct device *d, unsigned messages)
{
	const uint8_t nothing[4] = {0};
	struct endpoint from = loopback_endpoint(9);

	for (unsigned i = 0; i < messages; i++)
		assert_true(mailbox_put(&d->mailbox, nothing, sizeof(nothing), &from));
}

static void empty_queue(struct device *d)
{
	while (d->mailbox.messages_count)
		loopback_control(d);
}

static void under_load_a_cookie_is_demanded(void **state)
{
	(void)state;
	fill_queue(b, MAILBOX_MESSAGES_MAX / 8);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	assert_int_equal(count(b, drop_handshake_limit), 1);
	assert_int_equal(loopback_indices(b), 0);
	assert_int_equal(to_a->endpoint.remote.any.sa_family, AF_UNSPEC);

	struct mailbox_message reply = take(a, MESSAGE_COOKIE);
	assert_int_equal(reply.length, 64);
	reply.from = loopback_endpoint(9);
	handshake_receive(a, &reply);
	assert_int_equal(to_b->cookie.cookie_born_ns, loopback_now_ns);
	// A cookie reply doesn't move the endpoint.
	assert_int_equal(to_b->endpoint.remote.v4.sin_port, htons(b->udp.port));

	loopback_pass(6 * NS_PER_S);
	due_expire(a, loopback_now_ns);
	deliver(b, MESSAGE_INITIATION);
	deliver(a, MESSAGE_RESPONSE);
	receive_data(b);
	check_same_session(to_b->current, to_a->next_keypair ? to_a->next_keypair : to_a->current);
	empty_queue(b);
}

static void load_is_held_for_a_second(void **state)
{
	(void)state;
	fill_queue(b, MAILBOX_MESSAGES_MAX / 8);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	take(a, MESSAGE_COOKIE);
	empty_queue(b);
	loopback_pass(NS_PER_S - 1);
	atomic_store(&to_b->last_initiation_sent_ns, 0);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	take(a, MESSAGE_COOKIE);
	loopback_pass(1);
	atomic_store(&to_b->last_initiation_sent_ns, 0);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	take(a, MESSAGE_RESPONSE);
}

static void one_message_less_is_no_load(void **state)
{
	(void)state;
	fill_queue(b, MAILBOX_MESSAGES_MAX / 8 - 1);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	take(a, MESSAGE_RESPONSE);
	empty_queue(b);
}

// A flood from a proven address is limited, also where each message is new.
static void under_load_a_source_is_limited(void **state)
{
	(void)state;
	fill_queue(b, MAILBOX_MESSAGES_MAX / 8);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	deliver(a, MESSAGE_COOKIE);
	unsigned responses = 0;
	for (int i = 0; i < 20; i++) {
		loopback_pass(2 << 24);
		atomic_store(&to_b->last_initiation_sent_ns, 0);
		handshake_initiate(to_b, false);
		deliver(b, MESSAGE_INITIATION);
		if (!silent(a)) {
			take(a, MESSAGE_RESPONSE);
			responses++;
		}
	}
	// 20 in 0.67 s: the burst of 5 and 20 a second.
	assert_in_range(responses, 17, 18);
	empty_queue(b);
}

static void cookie_replies_have_a_budget(void **state)
{
	unsigned replies = 0;

	(void)state;
	fill_queue(b, MAILBOX_MESSAGES_MAX / 8);
	handshake_initiate(to_b, false);
	struct mailbox_message m = take(b, MESSAGE_INITIATION), next, reply;
	for (int i = 0; i < 2000; i++) {
		handshake_receive(b, &m);
		while (loopback_take(loopback_socket(a, MESSAGE_COOKIE), &next, 0)) {
			reply = next;
			replies++;
		}
	}
	assert_int_equal(replies, 256);
	// Whatever else can't be answered isn't looked at; a cookie still opens the door.
	m.bytes[offsetof(struct message_initiation, macs)] ^= 1;
	handshake_receive(b, &m);
	assert_int_equal(count(b, drop_rx_authentication), 0);
	assert_int_equal(count(b, drop_handshake_limit), 2001);
	reply.from = loopback_endpoint(9);
	handshake_receive(a, &reply);
	atomic_store(&to_b->last_initiation_sent_ns, 0);
	cookie_add_macs(&to_b->cookie, m.bytes, m.length, loopback_now_ns);
	handshake_receive(b, &m);
	take(a, MESSAGE_RESPONSE);
	empty_queue(b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(under_load_a_cookie_is_demanded), TEST(load_is_held_for_a_second),
	    TEST(one_message_less_is_no_load),     TEST(under_load_a_source_is_limited),
	    TEST(cookie_replies_have_a_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
