// Every timer of a peer on an injected clock. The other end is a socket of the test's, which says
// when something was sent and what.
#include "tests/support/capture.h"
#include "tests/support/loopback.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>

enum { SENT_MAX = 256 };

static struct device *device;
static struct peer *peer;
static int other; // the socket of the other end
static uint64_t (*real_clock)(void);

// What the peer was sent since the last start().
static struct {
	uint64_t at_ns; // since then
	unsigned type;
} sent[SENT_MAX];
static unsigned sent_count;
static uint64_t start_ns;

static int set_up(void **state)
{
	const uint8_t private_key[NOISE_KEY_BYTES] = {0, 1};
	struct noise_identity far;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t bytes = sizeof(a);

	(void)state;
	loopback_take_clock();
	device = loopback_device(private_key);
	noise_identity_set(&far, (const uint8_t[NOISE_KEY_BYTES]){0, 2});
	peer = peers_new(device, far.public_key);
	assert_non_null(peer);
	other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(other, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(other, (struct sockaddr *)&a, &bytes), 0);
	peer->endpoint = loopback_endpoint(ntohs(a.sin_port));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(other);
	device_free(device);
	return 0;
}

// A current key pair, as after a handshake.
static void give_session(void)
{
	lock_exclude(&device->lock);
	struct index_entry *entry = index_new(device->tables.by_index, peer);
	lock_release(&device->lock);
	struct noise_session s = {
	    .local_index = entry->index, .remote_index = 1, .initiator = true};
	assert_int_equal(session_install(peer, &s, loopback_now_ns), 0);
	timers_session_derived(peer, loopback_now_ns);
}

static void start(void)
{
	sent_count = 0;
	start_ns = loopback_now_ns;
}

static void look(void)
{
	struct mailbox_message m;

	loopback_control(device);
	// Nothing is under way that was not sent by this thread, so what isn't there doesn't come.
	while (loopback_take(other, &m, 0)) {
		assert_true(sent_count < SENT_MAX);
		sent[sent_count].at_ns = loopback_now_ns - start_ns;
		sent[sent_count++].type = loopback_type(&m);
	}
}

// Lets time pass up to `seconds` after start(), stopping wherever a timer is due.
static void run_to(double seconds)
{
	uint64_t end_ns = start_ns + seconds * NS_PER_S;
	struct timers *t = &device->timers;

	look();
	while (t->heap_count && t->heap[0]->armed_at <= end_ns) {
		loopback_pass(t->heap[0]->armed_at - loopback_now_ns);
		due_expire(device, loopback_now_ns);
		look();
	}
	loopback_pass(end_ns - loopback_now_ns);
}

static void check_sent(unsigned i, unsigned type, double from_s, double to_s)
{
	assert_true(i < sent_count);
	assert_int_equal(sent[i].type, type);
	assert_in_range(sent[i].at_ns, from_s * NS_PER_S, to_s * NS_PER_S);
}

static void data_received(void)
{
	timers_any_received(peer, loopback_now_ns);
	timers_data_received(peer, loopback_now_ns);
}

static void data_sent(void)
{
	timers_any_sent(peer, loopback_now_ns);
	timers_data_sent(peer, loopback_now_ns);
}

// ---- passive keepalive

static void keepalive_10_s_after_data_received(void **state)
{
	(void)state;
	give_session();
	start();
	data_received();
	run_to(9.9);
	assert_int_equal(sent_count, 0);
	run_to(100);
	assert_int_equal(sent_count, 1);
	check_sent(0, MESSAGE_DATA, 10, 10);
}

static void no_keepalive_if_something_was_sent(void **state)
{
	(void)state;
	give_session();
	start();
	data_received();
	run_to(9);
	timers_any_sent(peer, loopback_now_ns);
	run_to(100);
	assert_int_equal(sent_count, 0);
	// The timer starts anew with the next data.
	data_received();
	run_to(150);
	assert_int_equal(sent_count, 1);
	check_sent(0, MESSAGE_DATA, 110, 110);
}

static void no_keepalive_after_a_keepalive_received(void **state)
{
	(void)state;
	give_session();
	start();
	timers_any_received(peer, loopback_now_ns);
	run_to(100);
	assert_int_equal(sent_count, 0);
}

static void another_keepalive_if_more_data_came(void **state)
{
	(void)state;
	give_session();
	start();
	data_received();
	run_to(5);
	data_received();
	run_to(100);
	assert_int_equal(sent_count, 2);
	check_sent(0, MESSAGE_DATA, 10, 10);
	check_sent(1, MESSAGE_DATA, 20, 20);
}

// ---- new handshake

static void handshake_15_s_after_data_sent_in_vain(void **state)
{
	(void)state;
	give_session();
	start();
	data_sent();
	run_to(14);
	data_sent(); // doesn't put it off
	run_to(19);
	assert_int_equal(sent_count, 1);
	check_sent(0, MESSAGE_INITIATION, 15, 15.334);
}

static void no_handshake_if_something_was_received(void **state)
{
	(void)state;
	give_session();
	start();
	data_sent();
	run_to(14.9);
	timers_any_received(peer, loopback_now_ns);
	run_to(100);
	assert_int_equal(sent_count, 0);
	data_sent();
	run_to(116);
	assert_int_equal(sent_count, 1);
	check_sent(0, MESSAGE_INITIATION, 115, 115.334);
}

// ---- retransmission

static void gives_up_after_20_attempts(void **state)
{
	uint64_t spread = 0;

	(void)state;
	start();
	loopback_stage(peer);
	run_to(99.9);
	assert_int_equal(peer->staged_packets, 1);
	assert_int_equal(peer->retransmit_at != 0, 1);
	run_to(107);
	assert_int_equal(peer->retransmit_at, 0);
	assert_int_equal(peer->staged_packets, 0);
	assert_int_equal(counters_sum(&device->counters, drop_tx_staged), 1);
	run_to(3000);
	assert_int_equal(sent_count, REKEY_ATTEMPTS_MAX);
	check_sent(0, MESSAGE_INITIATION, 0, 0);
	for (unsigned i = 1; i < sent_count; i++) {
		uint64_t gap_ns = sent[i].at_ns - sent[i - 1].at_ns;

		assert_int_equal(sent[i].type, MESSAGE_INITIATION);
		assert_in_range(gap_ns, 5 * NS_PER_S, 5.334 * NS_PER_S);
		spread |= gap_ns ^ (sent[1].at_ns - sent[0].at_ns);
	}
	assert_int_not_equal(spread, 0); // jitter
}

static void the_path_s_wish_starts_the_attempts_anew(void **state)
{
	(void)state;
	start();
	loopback_stage(peer);
	run_to(60);
	unsigned before = sent_count;
	mailbox_post(peer, PEER_EVENT_HANDSHAKE);
	run_to(1000);
	assert_in_range(before, 12, 13);
	assert_int_equal(sent_count, before + REKEY_ATTEMPTS_MAX - 1);
}

static void completion_stops_the_attempts(void **state)
{
	(void)state;
	start();
	loopback_stage(peer);
	run_to(12);
	assert_int_equal(peer->handshake_attempts, 2);
	timers_handshake_complete(peer);
	assert_int_equal(peer->handshake_attempts, 0);
	run_to(1000);
	assert_int_equal(sent_count, 3);
}

static void a_retry_forgets_the_source_address(void **state)
{
	(void)state;
	peer->endpoint.local.v4.s_addr = htonl(INADDR_LOOPBACK);
	start();
	loopback_stage(peer);
	run_to(1);
	assert_int_not_equal(peer->endpoint.local.v4.s_addr, 0);
	run_to(6);
	assert_int_equal(peer->endpoint.local.v4.s_addr, 0);
}

// ---- zeroing

static void keys_are_zeroed_540_s_after_the_last_session(void **state)
{
	(void)state;
	give_session();
	start();
	run_to(100);
	give_session();
	run_to(639.9);
	assert_non_null(peer->current);
	run_to(640);
	assert_null(peer->current);
	assert_null(peer->previous_keypair);
	assert_int_equal(loopback_indices(device), 0);
	assert_int_equal(device->timers.heap_count, 0);
}

static void keys_are_zeroed_after_giving_up(void **state)
{
	(void)state;
	start();
	loopback_stage(peer);
	run_to(110);
	assert_int_equal(loopback_indices(device), 1);
	run_to(639.9);
	assert_int_equal(peer->handshake.state, NOISE_INITIATION_CREATED);
	run_to(647);
	assert_int_equal(peer->handshake.state, NOISE_ZEROED);
	assert_int_equal(loopback_indices(device), 0);
}

// ---- persistent keepalive

static void set_persistent(uint16_t seconds)
{
	peer->persistent_keepalive_s = seconds;
	timers_persistent_changed(peer, loopback_now_ns);
}

static void persistent_keepalive_at_once_and_after_silence(void **state)
{
	(void)state;
	give_session();
	start();
	set_persistent(25);
	run_to(60);
	timers_any_received(peer, loopback_now_ns);
	run_to(84.9);
	assert_int_equal(sent_count, 3);
	check_sent(0, MESSAGE_DATA, 0, 0);
	check_sent(1, MESSAGE_DATA, 25, 25);
	check_sent(2, MESSAGE_DATA, 50, 50);
	run_to(100);
	assert_int_equal(sent_count, 4);
	check_sent(3, MESSAGE_DATA, 85, 85);
	set_persistent(0);
	run_to(500);
	assert_int_equal(sent_count, 4);
}

// Without a key pair it is an initiation, and it never gives up.
static void persistent_keepalive_makes_a_session(void **state)
{
	unsigned late = 0;

	(void)state;
	start();
	set_persistent(25);
	run_to(1000);
	check_sent(0, MESSAGE_INITIATION, 0, 0);
	for (unsigned i = 0; i < sent_count; i++) {
		assert_int_equal(sent[i].type, MESSAGE_INITIATION);
		if (i)
			assert_true(sent[i].at_ns - sent[i - 1].at_ns >= 5 * NS_PER_S);
		late += sent[i].at_ns > 900 * NS_PER_S;
	}
	assert_in_range(late, 3, 20);
}

// ---- off

static void nothing_fires_once_stopped_or_down(void **state)
{
	(void)state;
	give_session();
	set_persistent(25);
	start();
	run_to(1);
	data_received();
	data_sent();
	run_to(2);
	unsigned before = sent_count;
	assert_int_equal(interface_down(device), 0);
	run_to(1000);
	assert_int_equal(sent_count, before);
	assert_int_equal(device->timers.heap_count, 0);
	// A late event doesn't revive it.
	data_received();
	run_to(2000);
	assert_int_equal(sent_count, before);
	assert_int_equal(device->timers.heap_count, 0);
	// Up again, the persistent keepalive is back.
	assert_int_equal(interface_up(device), 0);
	start();
	run_to(1);
	assert_int_equal(sent_count, 1);
}

static void up_again_nothing_waits_for_the_last_initiation(void **state)
{
	(void)state;
	start();
	set_persistent(25);
	run_to(1);
	assert_int_equal(sent_count, 1);
	assert_int_equal(interface_down(device), 0);
	assert_int_equal(interface_up(device), 0);
	run_to(2);
	assert_int_equal(sent_count, 2);
	check_sent(1, MESSAGE_INITIATION, 1, 1);
}

// ---- a port that another holds

// Takes a port and lets the link come up for that one. The socket; to close it frees the port.
static int hold_port(uint16_t *port)
{
	int holder = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t bytes = sizeof(a);

	assert_int_equal(bind(holder, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(holder, (struct sockaddr *)&a, &bytes), 0);
	assert_int_equal(interface_down(device), 0);
	*port = device->listen_port = ntohs(a.sin_port);
	assert_int_equal(interface_up(device), -EADDRINUSE);
	return holder;
}

static void pass_to(uint64_t at_ns)
{
	loopback_pass(at_ns - loopback_now_ns);
	due_expire(device, loopback_now_ns);
}

static void a_held_port_is_tried_again_until_it_is_free(void **state)
{
	static const unsigned gaps_ms[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
	enum { ATTEMPTS = sizeof(gaps_ms) / sizeof(gaps_ms[0]) };
	char expected[512];
	struct capture said;
	uint16_t port;

	(void)state;
	peer->persistent_keepalive_s = 25;
	capture_begin(&said, STDERR_FILENO);
	int holder = hold_port(&port);
	start();
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		uint64_t at_ns = loopback_now_ns + gaps_ms[i] * NS_PER_MS;

		assert_int_equal(device->timers.listen_again_at, at_ns);
		if (i == ATTEMPTS - 1)
			close(holder);
		pass_to(at_ns - 1);
		assert_int_equal(device->udp.port, 0);
		pass_to(at_ns);
		assert_int_equal(device->udp.port, i == ATTEMPTS - 1 ? port : 0);
	}
	run_to(17);
	capture_end(&said);
	snprintf(expected, sizeof(expected),
	         "wgbench-tunnel: wgbtest: cannot open UDP port %u: Address already in use: free "
	         "it or choose another listen-port; it is tried again\n"
	         "wgbench-tunnel: wgbtest: listens on UDP port %u now\n",
	         port, port);
	assert_string_equal(said.text, expected);
	assert_int_equal(device->timers.listen_again_at, 0);
	// The persistent keepalive is back.
	assert_int_equal(sent_count, 1);
	check_sent(0, MESSAGE_INITIATION, 16.3, 16.3);
}

static void what_waited_for_a_port_goes_when_it_is_free(void **state)
{
	uint16_t port;

	(void)state;
	int holder = hold_port(&port);
	start();
	loopback_stage(peer);
	run_to(0);
	assert_int_equal(sent_count, 0);
	close(holder);
	pass_to(device->timers.listen_again_at);
	look();
	assert_int_equal(sent_count, 1);
	check_sent(0, MESSAGE_INITIATION, 0.1, 0.1);
	assert_int_equal(peer->staged_packets, 1);
}

static void a_held_port_is_not_tried_while_the_link_is_down(void **state)
{
	uint16_t port;

	(void)state;
	close(hold_port(&port));
	loopback_stage(peer);
	assert_int_equal(interface_down(device), 0);
	assert_int_equal(peer->staged_packets, 0);
	pass_to(loopback_now_ns + 100 * NS_PER_S);
	assert_int_equal(device->udp.port, 0);
	assert_int_equal(interface_up(device), 0);
	assert_int_equal(device->udp.port, port);
}

// ---- the heap and the descriptor

static void posts_only_what_is_earlier(void **state)
{
	(void)state;
	give_session(); // armed in 540 s
	data_received();
	assert_int_equal(peer->events, PEER_EVENT_TIMER);
	loopback_control(device); // armed in 10 s
	assert_int_equal(peer->events, 0);
	assert_int_equal(peer->armed_at, peer->keepalive_at);
	for (int i = 0; i < 9; i++) {
		loopback_pass(NS_PER_S);
		data_sent();
		data_received();
	}
	assert_int_equal(peer->events, 0);
}

static uint64_t real_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

// In real ns since boot; 0: disarmed.
static uint64_t descriptor_deadline(void)
{
	struct itimerspec left;

	assert_int_equal(timerfd_gettime(device->timers.source.fd, &left), 0);
	if (!left.it_value.tv_sec && !left.it_value.tv_nsec)
		return 0;
	return real_now_ns() + left.it_value.tv_sec * NS_PER_S + left.it_value.tv_nsec;
}

static void descriptor_follows_the_earliest(void **state)
{
	(void)state;
	loopback_now_ns = real_now_ns();
	give_session();
	assert_in_range(descriptor_deadline(), loopback_now_ns + 539 * NS_PER_S,
	                loopback_now_ns + 541 * NS_PER_S);
	data_received();
	loopback_control(device);
	assert_in_range(descriptor_deadline(), loopback_now_ns + 9 * NS_PER_S,
	                loopback_now_ns + 11 * NS_PER_S);
	timers_any_sent(peer, loopback_now_ns);
	due_expire(device, loopback_now_ns + 10 * NS_PER_S);
	assert_in_range(descriptor_deadline(), loopback_now_ns + 539 * NS_PER_S,
	                loopback_now_ns + 541 * NS_PER_S);
	timers_stop(peer);
	due_expire(device, loopback_now_ns);
	assert_int_equal(descriptor_deadline(), 0);

	uint16_t port;
	int holder = hold_port(&port);
	assert_in_range(descriptor_deadline(), loopback_now_ns, loopback_now_ns + NS_PER_S);
	give_session();
	assert_in_range(descriptor_deadline(), loopback_now_ns, loopback_now_ns + NS_PER_S);
	close(holder);
	pass_to(device->timers.listen_again_at);
	assert_in_range(descriptor_deadline(), loopback_now_ns + 538 * NS_PER_S,
	                loopback_now_ns + 541 * NS_PER_S);
}

// Random deadlines of many peers, moved and taken out, against looking at all of them.
static void heap_agrees_with_a_search(void **state)
{
	enum { PEERS = 300, STEPS = 20000 };
	static struct peer *peers[PEERS];
	static uint64_t wanted[PEERS]; // 0: none
	struct support_random random;

	(void)state;
	support_random_init(&random, support_seed());
	for (int i = 0; i < PEERS; i++) {
		uint8_t key[NOISE_KEY_BYTES] = {9, i, i >> 8};

		peers[i] = peers_new(device, key);
		wanted[i] = 0;
	}
	for (int step = 0; step < STEPS; step++) {
		unsigned i = support_random_below(&random, PEERS), n = 0;

		loopback_pass(support_random_below(&random, NS_PER_S));
		switch (support_random_below(&random, 3)) {
		case 0:
			timers_stop(peers[i]);
			wanted[i] = 0;
			break;
		default:
			wanted[i] = loopback_now_ns + support_random_below(&random, 300 * NS_PER_S);
			peers[i]->zero_keys_at = wanted[i];
			timers_arm(peers[i], wanted[i]);
		}
		due_expire(device, loopback_now_ns);
		uint64_t earliest = UINT64_MAX;
		for (i = 0; i < PEERS; i++) {
			if (wanted[i] && wanted[i] <= loopback_now_ns)
				wanted[i] = 0;
			assert_int_equal(peers[i]->zero_keys_at, wanted[i]);
			assert_int_equal(peers[i]->armed_at, wanted[i] ? wanted[i] : UINT64_MAX);
			n += wanted[i] != 0;
			if (wanted[i] && wanted[i] < earliest)
				earliest = wanted[i];
		}
		assert_int_equal(device->timers.heap_count, n);
		if (n)
			assert_int_equal(device->timers.heap[0]->armed_at, earliest);
	}
}

// ---- two threads and the real clock, 1000 times as fast

enum { ROUNDS = 40 };

static void *receive_data(void *failed)
{
	const struct timespec nap = {.tv_nsec = 100000};

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t first_ns = clock_now_ns();

		timers_any_received(peer, first_ns);
		timers_data_received(peer, first_ns);
		// A lost wake-up would leave the keepalive to the next deadline in 540 s.
		while (atomic_load(&peer->keepalive_at)) {
			if (clock_now_ns() - first_ns > 500 * NS_PER_S)
				*(bool *)failed = true;
			nanosleep(&nap, NULL);
		}
	}
	loop_stop(&device->loop);
	return NULL;
}

static void no_wake_up_is_lost_between_threads(void **state)
{
	uint64_t (*fake)(void) = clock_now_ns;
	pthread_t path;
	bool failed = false;

	(void)state;
	clock_now_ns = real_clock;
	clock_set_scale(1000);
	give_session();
	assert_int_equal(pthread_create(&path, NULL, receive_data, &failed), 0);
	assert_int_equal(control_run(device), 0);
	pthread_join(path, NULL);
	clock_set_scale(1);
	clock_now_ns = fake;
	assert_false(failed);
}

static void clock_is_scaled_without_a_jump(void **state)
{
	(void)state;
	uint64_t before = real_clock();
	clock_set_scale(1000);
	uint64_t at = real_clock();
	assert_in_range(at, before, before + 100 * NS_PER_S);
	while (real_clock() < at + NS_PER_S)
		;
	uint64_t later = real_clock();
	before = real_now_ns();
	assert_in_range(clock_real_ns(later), before - NS_PER_S / 10, before);
	clock_set_scale(1);
	at = real_clock();
	assert_in_range(at, later, later + 100 * NS_PER_S);
	before = real_now_ns();
	assert_in_range(clock_real_ns(at), before - NS_PER_S / 10, before);
	assert_in_range(clock_real_ns(at + NS_PER_S), before + NS_PER_S * 9 / 10,
	                before + NS_PER_S);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(keepalive_10_s_after_data_received),
	    TEST(no_keepalive_if_something_was_sent),
	    TEST(no_keepalive_after_a_keepalive_received),
	    TEST(another_keepalive_if_more_data_came),
	    TEST(handshake_15_s_after_data_sent_in_vain),
	    TEST(no_handshake_if_something_was_received),
	    TEST(gives_up_after_20_attempts),
	    TEST(the_path_s_wish_starts_the_attempts_anew),
	    TEST(completion_stops_the_attempts),
	    TEST(a_retry_forgets_the_source_address),
	    TEST(keys_are_zeroed_540_s_after_the_last_session),
	    TEST(keys_are_zeroed_after_giving_up),
	    TEST(persistent_keepalive_at_once_and_after_silence),
	    TEST(persistent_keepalive_makes_a_session),
	    TEST(nothing_fires_once_stopped_or_down),
	    TEST(up_again_nothing_waits_for_the_last_initiation),
	    TEST(a_held_port_is_tried_again_until_it_is_free),
	    TEST(what_waited_for_a_port_goes_when_it_is_free),
	    TEST(a_held_port_is_not_tried_while_the_link_is_down),
	    TEST(posts_only_what_is_earlier),
	    TEST(descriptor_follows_the_earliest),
	    TEST(heap_agrees_with_a_search),
	    TEST(no_wake_up_is_lost_between_threads),
	    cmocka_unit_test(clock_is_scaled_without_a_jump),
	};

	real_clock = clock_now_ns;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
