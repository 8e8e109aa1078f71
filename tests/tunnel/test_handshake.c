// Handshakes between two real devices over loopback UDP, where the test carries, loses, repeats and
// forges the messages.
#include "tests/support/ends.h"

// The receiver index of the next data message for the device.
static uint32_t receiver_index(struct device *d)
{
	const struct mailbox_message m = take(d, MESSAGE_DATA);

	return ((const struct message_data *)m.bytes)->receiver_index;
}

static void shake_hands(void)
{
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	deliver(a, MESSAGE_RESPONSE);
	receive_data(b);
}

// ---- as it should go

static void staged_packet_leads_to_a_session(void **state)
{
	(void)state;
	loopback_stage(to_b);
	assert_int_equal(to_b->staged_packets, 1);
	loopback_control(a);
	deliver(b, MESSAGE_INITIATION);
	assert_null(to_a->current);
	assert_non_null(to_a->next_keypair);
	assert_int_equal(to_a->handshake_wall_ns, 0);
	assert_int_equal(to_a->endpoint.remote.v4.sin_port, htons(a->udp.port));
	loopback_pass(NS_PER_S / 10);
	deliver(a, MESSAGE_RESPONSE);
	assert_int_equal(to_b->staged_packets, 0);
	assert_int_equal(to_b->retransmit_at, 0);
	assert_int_equal(to_b->handshake_wall_ns, loopback_wall_ns);
	check_same_session(to_b->current, to_a->next_keypair);
	assert_true(to_b->current->initiator);
	assert_int_equal(count(a, tx_packets), 1);
	receive_data(b);
	check_same_session(to_b->current, to_a->current);
	assert_null(to_a->next_keypair);
	assert_int_equal(to_a->handshake_wall_ns, loopback_wall_ns);
	assert_int_equal(to_a->rx_bytes, 148 + 32 + 32);
	assert_int_equal(to_a->tx_bytes, 92);
	assert_int_equal(to_b->rx_bytes, 92);
	assert_int_equal(loopback_indices(a), 1);
	assert_int_equal(loopback_indices(b), 1);
	assert_true(silent(a) && silent(b));
}

static void keepalive_confirms_where_nothing_is_staged(void **state)
{
	(void)state;
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	deliver(a, MESSAGE_RESPONSE);
	struct mailbox_message m = take(b, MESSAGE_DATA);
	assert_int_equal(m.length, MESSAGE_DATA_OVERHEAD);
}

// The first answer to a peer that has lost its keys doesn't wait for the control thread.
static void what_confirms_is_answered_under_the_new_keys(void **state)
{
	(void)state;
	shake_hands();
	session_end(to_b);
	loopback_now_ns += REKEY_TIMEOUT_NS;
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	loopback_stage(to_a); // not confirmed: under the old ones
	assert_int_not_equal(receiver_index(a), to_a->next_keypair->remote_index);
	deliver(a, MESSAGE_RESPONSE);
	assert_true(loopback_readable(loopback_socket(b, MESSAGE_DATA), LOOPBACK_WAIT_MS));
	receive_on_the_path(b);
	assert_non_null(to_a->next_keypair);
	loopback_stage(to_a);
	assert_int_equal(receiver_index(a), to_a->next_keypair->remote_index);
	loopback_control(b);
	assert_null(to_a->next_keypair);
	check_same_session(to_b->current, to_a->current);
}

// Nor is it displaced when another handshake overtakes the control thread's news of it.
static void what_is_confirmed_outlives_another_handshake(void **state)
{
	(void)state;
	shake_hands();
	loopback_pass(REKEY_TIMEOUT_NS);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	deliver(a, MESSAGE_RESPONSE);
	assert_true(loopback_readable(loopback_socket(b, MESSAGE_DATA), LOOPBACK_WAIT_MS));
	receive_on_the_path(b);
	struct keypair *second = to_a->next_keypair;
	assert_non_null(second);
	loopback_pass(REKEY_TIMEOUT_NS);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	assert_ptr_equal(to_a->current, second);
	assert_int_equal(to_a->handshake_wall_ns, loopback_wall_ns);
	// What the peer sends before it has the response.
	loopback_stage(to_b);
	receive_data(b);
	assert_int_equal(count(b, drop_rx_index), 0);
	deliver(a, MESSAGE_RESPONSE);
	receive_data(b);
	assert_ptr_equal(to_a->previous_keypair, second);
	check_same_session(to_b->current, to_a->current);
}

static void responder_flushes_when_confirmed(void **state)
{
	(void)state;
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	loopback_stage(to_a);
	assert_int_equal(to_a->staged_packets, 1);
	deliver(a, MESSAGE_RESPONSE);
	assert_true(silent(a));
	receive_data(b);
	assert_int_equal(to_a->staged_packets, 0);
	take(a, MESSAGE_DATA);
}

static void rekeying_keeps_the_previous_key_pair(void **state)
{
	(void)state;
	shake_hands();
	const struct keypair *first_a = to_b->current, *first_b = to_a->current;
	loopback_pass(120 * NS_PER_S);
	shake_hands();
	check_same_session(to_b->current, to_a->current);
	assert_ptr_equal(to_b->previous_keypair, first_a);
	assert_ptr_equal(to_a->previous_keypair, first_b);
	for (int i = 0; i < 5; i++) {
		loopback_pass(120 * NS_PER_S);
		shake_hands();
	}
	assert_int_equal(loopback_indices(a), 2);
	assert_int_equal(loopback_indices(b), 2);
}

static void works_over_ipv6(void **state)
{
	struct mailbox_message m = {0};

	(void)state;
	if (a->queue[0].udp[1] < 0) {
		print_message("this host has no IPv6\n");
		skip();
	}
	handshake_initiate(to_b, false);
	m = take(b, MESSAGE_INITIATION);
	m.from = (struct endpoint){.remote.v6 = {.sin6_family = AF_INET6,
	                                         .sin6_port = htons(a->udp.port),
	                                         .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
	handshake_receive(b, &m);
	if (count(b, drop_tx_send)) {
		print_message("no route to ::1\n");
		skip();
	}
	int fd = a->udp.handshake[1] < 0 ? a->queue[0].udp[1] : a->udp.handshake[1];
	assert_true(loopback_readable(fd, LOOPBACK_WAIT_MS));
	assert_int_equal(recv(fd, m.bytes, sizeof(m.bytes), 0), 92);
}

static void sends_with_the_handshake_tos(void **state)
{
	int on = 1, tos = -1;
	union {
		struct cmsghdr align;
		uint8_t bytes[256];
	} control;
	uint8_t bytes[256];
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};

	(void)state;
	int fd = loopback_socket(b, MESSAGE_INITIATION);
	setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	handshake_initiate(to_b, false);
	assert_true(loopback_readable(fd, LOOPBACK_WAIT_MS));
	assert_int_equal(recvmsg(fd, &m, 0), 148);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
			tos = *CMSG_DATA(c);
	assert_int_equal(tos, 0x88);
}

// ---- losses and crossings

static void a_lost_response_is_made_up_for(void **state)
{
	(void)state;
	loopback_stage(to_b);
	loopback_control(a);
	for (int i = 0; i < 5; i++) {
		deliver(b, MESSAGE_INITIATION);
		take(a, MESSAGE_RESPONSE);
		assert_int_equal(loopback_indices(a), 1);
		assert_int_equal(loopback_indices(b), 1);
		loopback_pass(5 * NS_PER_S + NS_PER_S / 2);
		due_expire(a, loopback_now_ns);
	}
	deliver(b, MESSAGE_INITIATION);
	deliver(a, MESSAGE_RESPONSE);
	receive_data(b);
	check_same_session(to_b->current, to_a->current);
}

static void crossing_initiations_end_in_one_session(void **state)
{
	(void)state;
	to_a->endpoint = loopback_endpoint(a->udp.port);
	loopback_stage(to_a);
	loopback_stage(to_b);
	loopback_control(a);
	loopback_control(b);
	struct mailbox_message from_a = take(b, MESSAGE_INITIATION);
	struct mailbox_message from_b = take(a, MESSAGE_INITIATION);
	loopback_pass(NS_PER_S / 10);
	handshake_receive(a, &from_b);
	handshake_receive(b, &from_a);
	// Each has given its own initiation up, so neither response finds it.
	deliver(a, MESSAGE_RESPONSE);
	deliver(b, MESSAGE_RESPONSE);
	assert_int_equal(count(a, drop_rx_index) + count(a, drop_rx_authentication), 1);
	assert_null(to_b->current);
	assert_int_equal(loopback_indices(a), 1);
	// Whose timer is first ends it; they may cross once more, but not for ever.
	for (int ms = 0; ms < 60000 && !to_a->current && !to_b->current; ms++) {
		struct mailbox_message m;

		loopback_pass(NS_PER_MS);
		due_expire(a, loopback_now_ns);
		due_expire(b, loopback_now_ns);
		for (int turn = 0; turn < 2; turn++) {
			if (loopback_take(loopback_socket(b, MESSAGE_INITIATION), &m, 0))
				handshake_receive(b, &m);
			if (loopback_take(loopback_socket(a, MESSAGE_INITIATION), &m, 0))
				handshake_receive(a, &m);
		}
	}
	assert_true(!to_a->current != !to_b->current);
	struct peer *initiator = to_b->current ? to_b : to_a;
	struct peer *responder = to_b->current ? to_a : to_b;
	check_same_session(initiator->current, responder->next_keypair);
}

// The answer to the peer's own initiation holds a retry back, but doesn't end the retries.
static void an_answer_puts_a_retry_off(void **state)
{
	(void)state;
	to_a->endpoint = loopback_endpoint(a->udp.port);
	handshake_initiate(to_b, false);
	take(b, MESSAGE_INITIATION);
	loopback_pass(5 * NS_PER_S - NS_PER_S / 10);
	handshake_initiate(to_a, false);
	deliver(a, MESSAGE_INITIATION);
	take(b, MESSAGE_RESPONSE);
	loopback_pass(NS_PER_S);
	due_expire(a, loopback_now_ns);
	assert_true(silent(b));
	loopback_pass(5 * NS_PER_S);
	due_expire(a, loopback_now_ns);
	take(b, MESSAGE_INITIATION);
}

static void one_initiation_in_5_seconds(void **state)
{
	(void)state;
	handshake_initiate(to_b, false);
	take(b, MESSAGE_INITIATION);
	loopback_pass(5 * NS_PER_S - 1);
	handshake_initiate(to_b, false);
	control_handle(to_b, PEER_EVENT_HANDSHAKE);
	assert_true(silent(b));
	loopback_pass(1);
	handshake_initiate(to_b, false);
	take(b, MESSAGE_INITIATION);
}

// One of low order allows no initiation, but costs the attempt at it.
static void an_attempt_in_vain_counts(void **state)
{
	uint8_t good[NOISE_KEY_BYTES];

	(void)state;
	memcpy(good, to_b->handshake.remote_static, sizeof(good));
	memset(to_b->handshake.remote_static, 0, sizeof(good));
	handshake_initiate(to_b, false);
	memcpy(to_b->handshake.remote_static, good, sizeof(good));
	loopback_pass(5 * NS_PER_S - 1);
	handshake_initiate(to_b, false);
	assert_true(silent(b));
	assert_int_equal(loopback_indices(a), 0);
	loopback_pass(1);
	handshake_initiate(to_b, false);
	take(b, MESSAGE_INITIATION);
}

static void nothing_without_key_endpoint_or_link(void **state)
{
	static const uint8_t none[NOISE_KEY_BYTES];
	struct endpoint e = to_b->endpoint;

	(void)state;
	to_b->endpoint = (struct endpoint){0};
	handshake_initiate(to_b, false);
	to_b->endpoint = e;
	interface_set_private_key(a, none);
	handshake_initiate(to_b, false);
	interface_set_private_key(a, key_a);
	assert_int_equal(interface_down(a), 0);
	handshake_initiate(to_b, false);
	assert_true(silent(b));
	assert_int_equal(loopback_indices(a), 0);
	assert_int_equal(interface_up(a), 0);
	handshake_initiate(to_b, false);
	take(b, MESSAGE_INITIATION);
}

// 32 bits of randomness: no bit is the same in all of 64 indices, none shows up twice.
static void receiver_indices_are_random(void **state)
{
	uint32_t index[64], ones = 0, zeros = 0;

	(void)state;
	for (int i = 0; i < 64; i++) {
		index[i] = index_new(a->tables.by_index, to_b)->index;
		ones |= index[i];
		zeros |= ~index[i];
		for (int j = 0; j < i; j++)
			assert_int_not_equal(index[i], index[j]);
	}
	assert_int_equal(ones, UINT32_MAX);
	assert_int_equal(zeros, UINT32_MAX);
	for (int i = 0; i < 64; i++)
		index_remove(a->tables.by_index, index[i]);
}

static void another_key_doesn_t_wait_for_the_last_initiation(void **state)
{
	static const uint8_t another[NOISE_KEY_BYTES] = {0, 7};

	(void)state;
	handshake_initiate(to_b, false);
	take(b, MESSAGE_INITIATION);
	interface_set_private_key(a, another);
	handshake_initiate(to_b, false);
	take(b, MESSAGE_INITIATION);
}

// Twice at one time of the clock, and again when that was set back.
static void timestamps_always_increase(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		uint8_t before[NOISE_TIMESTAMP_BYTES];

		handshake_initiate(to_b, false);
		const struct mailbox_message m = take(b, MESSAGE_INITIATION);
		memcpy(before, to_a->handshake.latest_timestamp, sizeof(before));
		handshake_receive(b, &m);
		assert_true(memcmp(to_a->handshake.latest_timestamp, before, sizeof(before)) > 0);
		take(a, MESSAGE_RESPONSE);
		assert_int_equal(interface_down(a), 0);
		assert_int_equal(interface_up(a), 0);
		loopback_now_ns += NS_PER_S; // b accepts 50 in one
		if (i)
			loopback_wall_ns -= 3600 * NS_PER_S;
	}
}

// CLOCK_REALTIME goes back an hour, to before the handshake that made the session.
static void a_clock_set_back_refuses_no_handshake(void **state)
{
	(void)state;
	shake_hands();
	loopback_wall_ns -= 3600 * NS_PER_S;
	for (int i = 0; i < 3; i++) {
		loopback_now_ns += REJECT_AFTER_TIME_NS; // the wall's clock stands still, too
		shake_hands();
		check_same_session(to_b->current, to_a->current);
		assert_int_equal(to_b->current->born_ns, loopback_now_ns);
	}
	assert_int_equal(count(b, drop_rx_replay), 0);
}

// A tunnel that starts anew doesn't know what it has said before. The other end refuses it until
// the clock has come by that (paper, section 5.1), and still makes a session of its own accord.
static void a_start_with_the_clock_set_back_waits_for_the_other_end(void **state)
{
	(void)state;
	shake_hands();
	uint16_t port = b->udp.port;
	device_free(a);
	loopback_wall_ns -= 3600 * NS_PER_S;
	a = loopback_device(key_a);
	to_b = peers_new(a, b->identity.public_key);
	to_b->endpoint = loopback_endpoint(port);
	loopback_now_ns += REJECT_AFTER_TIME_NS;
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	assert_int_equal(count(b, drop_rx_replay), 1);
	assert_true(silent(a));

	to_a->endpoint = loopback_endpoint(a->udp.port);
	handshake_initiate(to_a, false);
	deliver(a, MESSAGE_INITIATION);
	deliver(b, MESSAGE_RESPONSE);
	receive_data(a);
	check_same_session(to_b->current, to_a->current);

	loopback_pass(3601 * NS_PER_S);
	shake_hands();
	assert_int_equal(to_b->current->born_ns, loopback_now_ns);
	assert_int_equal(count(b, drop_rx_replay), 1);
}

// ---- what must be refused

static void type_length_and_reserved_bytes_are_exact(void **state)
{
	(void)state;
	handshake_initiate(to_b, false);
	const struct mailbox_message good = take(b, MESSAGE_INITIATION);
	unsigned refused = 0;
	for (int i = 0; i < 256; i++) {
		struct mailbox_message m = good;

		m.bytes[0] = i;
		if (i == MESSAGE_INITIATION)
			continue;
		handshake_receive(b, &m);
		assert_int_equal(count(b, drop_rx_malformed), ++refused);
	}
	for (int at = 1; at < 4; at++) {
		struct mailbox_message m = good;

		m.bytes[at] = 1;
		handshake_receive(b, &m);
		assert_int_equal(count(b, drop_rx_malformed), ++refused);
	}
	for (int length = 0; length < 148; length++) {
		struct mailbox_message m = good;

		m.length = length;
		handshake_receive(b, &m);
		assert_int_equal(count(b, drop_rx_malformed), ++refused);
	}
	assert_true(silent(a));
	handshake_receive(b, &good);
	take(a, MESSAGE_RESPONSE);
}

static void a_replayed_initiation_moves_nothing(void **state)
{
	(void)state;
	handshake_initiate(to_b, false);
	struct mailbox_message m = take(b, MESSAGE_INITIATION);
	handshake_receive(b, &m);
	take(a, MESSAGE_RESPONSE);
	const struct keypair *next = to_a->next_keypair;
	loopback_pass(NS_PER_S);
	m.from = loopback_endpoint(9);
	handshake_receive(b, &m);
	assert_int_equal(count(b, drop_rx_replay), 1);
	assert_int_equal(to_a->endpoint.remote.v4.sin_port, htons(a->udp.port));
	assert_ptr_equal(to_a->next_keypair, next);
	assert_true(silent(a));
}

static void a_replayed_response_changes_nothing(void **state)
{
	(void)state;
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	struct mailbox_message m = take(a, MESSAGE_RESPONSE);
	handshake_receive(a, &m);
	take(b, MESSAGE_DATA);
	const struct keypair *current = to_b->current;
	m.from = loopback_endpoint(9);
	handshake_receive(a, &m);
	assert_int_equal(count(a, drop_rx_index), 1);
	assert_ptr_equal(to_b->current, current);
	assert_int_equal(to_b->endpoint.remote.v4.sin_port, htons(b->udp.port));
	assert_true(silent(b));
}

static void strangers_are_refused(void **state)
{
	(void)state;
	peers_remove(to_a);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	assert_int_equal(count(b, drop_rx_authentication), 1);
	assert_int_equal(loopback_indices(b), 0);
	assert_true(silent(a));
}

static void another_preshared_key_makes_no_session(void **state)
{
	(void)state;
	shake_hands();
	const struct keypair *current = to_b->current;
	to_a->handshake.preshared_key[0] = 1;
	loopback_pass(120 * NS_PER_S);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	deliver(a, MESSAGE_RESPONSE);
	assert_int_equal(count(a, drop_rx_authentication), 1);
	// The session that there is goes on.
	assert_ptr_equal(to_b->current, current);
	assert_true(silent(b));
	to_b->handshake.preshared_key[0] = 1;
	loopback_pass(6 * NS_PER_S);
	shake_hands();
	check_same_session(to_b->current, to_a->current);
}

// The key pair that the event was posted for may be gone by the time it is handled.
static void a_late_confirmation_promotes_nothing_unconfirmed(void **state)
{
	(void)state;
	shake_hands();
	struct keypair *current = to_a->current;
	loopback_pass(120 * NS_PER_S);
	handshake_initiate(to_b, false);
	deliver(b, MESSAGE_INITIATION);
	assert_non_null(to_a->next_keypair);
	control_handle(to_a, PEER_EVENT_CONFIRMED);
	assert_ptr_equal(to_a->current, current);
	assert_non_null(to_a->next_keypair);
}

static void at_most_50_initiations_a_second(void **state)
{
	const uint64_t step_ns = 1 << 24; // of the timestamp
	unsigned accepted = 0;

	(void)state;
	for (int i = 0; i < 120; i++) {
		atomic_store(&to_b->last_initiation_sent_ns, 0);
		handshake_initiate(to_b, false);
		deliver(b, MESSAGE_INITIATION);
		if (!silent(a)) {
			take(a, MESSAGE_RESPONSE);
			accepted++;
		}
		loopback_pass(step_ns);
	}
	// Two seconds, in which every second one comes too early.
	assert_int_equal(accepted, 60);
	assert_int_equal(count(b, drop_handshake_limit), 60);
	assert_int_equal(loopback_indices(b), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(staged_packet_leads_to_a_session),
	    TEST(keepalive_confirms_where_nothing_is_staged),
	    TEST(what_confirms_is_answered_under_the_new_keys),
	    TEST(what_is_confirmed_outlives_another_handshake),
	    TEST(responder_flushes_when_confirmed),
	    TEST(rekeying_keeps_the_previous_key_pair),
	    TEST(works_over_ipv6),
	    TEST(sends_with_the_handshake_tos),
	    TEST(a_lost_response_is_made_up_for),
	    TEST(crossing_initiations_end_in_one_session),
	    TEST(an_answer_puts_a_retry_off),
	    TEST(one_initiation_in_5_seconds),
	    TEST(an_attempt_in_vain_counts),
	    TEST(nothing_without_key_endpoint_or_link),
	    TEST(receiver_indices_are_random),
	    TEST(another_key_doesn_t_wait_for_the_last_initiation),
	    TEST(timestamps_always_increase),
	    TEST(a_clock_set_back_refuses_no_handshake),
	    TEST(a_start_with_the_clock_set_back_waits_for_the_other_end),
	    TEST(type_length_and_reserved_bytes_are_exact),
	    TEST(a_replayed_initiation_moves_nothing),
	    TEST(a_replayed_response_changes_nothing),
	    TEST(strangers_are_refused),
	    TEST(another_preshared_key_makes_no_session),
	    TEST(a_late_confirmation_promotes_nothing_unconfirmed),
	    TEST(at_most_50_initiations_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
