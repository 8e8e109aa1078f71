// What is due is begun when the last thing that it lacked arrives, whatever the order: a private
// key, an endpoint, the link, sockets, a way to the peer. On an injected clock, by requests such as
// `wg` makes.
#include "tests/support/loopback.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include "tests/support/capture.h"
#include "tunnel/uapi.h"
#include "tunnel/uapi_device.h"

static struct device *device;
static struct peer *peer;
static int other; // the socket of the other end
static uint16_t other_port;
static char peer_line[128];

static int set_up(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t bytes = sizeof(address);
	char hex[2 * NOISE_KEY_BYTES + 1];
	struct noise_identity far;
	struct switches s;

	(void)state;
	loopback_take_clock();
	assert_int_equal(switches_parse(&s, "queues=1"), 0);
	assert_int_equal(device_create(&device, "wgbtest", &s), 0);
	device->tun.mtu = TUN_MTU_DEFAULT;
	noise_identity_set(&far, (const uint8_t[NOISE_KEY_BYTES]){0, 2});
	peer = peers_new(device, far.public_key);
	assert_non_null(peer);
	sodium_bin2hex(hex, sizeof(hex), far.public_key, NOISE_KEY_BYTES);
	snprintf(peer_line, sizeof(peer_line), "public_key=%s\n", hex);
	other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(other, (void *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(other, (void *)&address, &bytes), 0);
	other_port = ntohs(address.sin_port);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(other);
	device_free(device);
	return 0;
}

static void request(const char *format, const char *peer_text, unsigned value)
{
	struct uapi_request r;
	char text[512];

	snprintf(text, sizeof(text), format, peer_text, value);
	assert_int_equal(uapi_parse(&r, text, strlen(text)), 0);
	assert_int_equal(uapi_device_set(device, &r), 0);
	uapi_request_free(&r);
}

// Lets the control thread do what it has been told, and the timers what is due. How many
// initiations came to the other end.
static unsigned initiations(struct device *d, int socket)
{
	struct mailbox_message m;
	unsigned n = 0;

	loopback_control(d);
	due_expire(d, loopback_now_ns);
	while (loopback_take(socket, &m, 0))
		n += loopback_type(&m) == MESSAGE_INITIATION;
	return n;
}

// ---- every order of what a handshake takes and what makes it due

enum step { KEY, ENDPOINT, LINK, PACKET, KEEPALIVE, STEPS };

static const char *const step_names[] = {"key", "endpoint", "link", "packet", "keepalive"};

static void take_step(enum step s)
{
	switch (s) {
	case KEY:
		request("set=1\nprivate_key=%s%062u\n\n", "01", 0);
		break;
	case ENDPOINT:
		request("set=1\n%sendpoint=127.0.0.1:%u\n\n", peer_line, other_port);
		break;
	case LINK:
		assert_int_equal(interface_up(device), 0);
		break;
	case PACKET:
		loopback_stage(peer);
		break;
	default:
		request("set=1\n%spersistent_keepalive_interval=%u\n\n", peer_line, 25);
	}
}

static void check_order(const enum step order[], unsigned steps, uint64_t pause_ns)
{
	unsigned done = 0, sent = 0;

	set_up(NULL);
	for (unsigned i = 0; i < steps; i++) {
		bool was_ready = sent;

		take_step(order[i]);
		done |= 1u << order[i];
		sent += initiations(device, other);
		bool ready = (done & 7) == 7 && done >> 3;
		if (sent != ready && !was_ready) {
			for (unsigned j = 0; j <= i; j++)
				print_message("%s ", step_names[order[j]]);
			fail_msg("(%u s apart): %u initiations", (unsigned)(pause_ns / NS_PER_S),
			         sent);
		}
		if (!ready)
			loopback_pass(pause_ns);
	}
	assert_int_equal(sent, 1);
	tear_down(NULL);
}

// Heap's algorithm.
static void each_order(enum step order[], unsigned n, unsigned steps, uint64_t pause_ns)
{
	if (n == 1) {
		check_order(order, steps, pause_ns);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		each_order(order, n - 1, steps, pause_ns);
		unsigned other_one = n % 2 ? 0 : i;
		enum step s = order[other_one];

		order[other_one] = order[n - 1];
		order[n - 1] = s;
	}
}

static void any_order_begins_what_is_due(void **state)
{
	static const struct {
		enum step order[STEPS];
		unsigned steps;
	} rows[] = {
	    {{KEY, ENDPOINT, LINK, PACKET}, 4},
	    {{KEY, ENDPOINT, LINK, KEEPALIVE}, 4},
	    {{KEY, ENDPOINT, LINK, PACKET, KEEPALIVE}, 5},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint64_t pause_s = 0; pause_s <= 40; pause_s += 20) {
			enum step order[STEPS];

			memcpy(order, rows[i].order, sizeof(order));
			each_order(order, rows[i].steps, rows[i].steps, pause_s * NS_PER_S);
		}
}

// ---- one thing that goes and comes back, or comes as another

enum { WAITS_PACKET = 1, WAITS_KEEPALIVE = 2 };

static void make_due(unsigned waits)
{
	if (waits & WAITS_PACKET)
		loopback_stage(peer);
	if (waits & WAITS_KEEPALIVE)
		take_step(KEEPALIVE);
}

static void key_goes(void)
{
	request("set=1\nprivate_key=%s%062u\n\n", "00", 0);
}

static void key_comes(void)
{
	take_step(KEY);
}

static int port_holder = -1;

static void port_goes(void)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t bytes = sizeof(a4);
	struct capture said;

	port_holder = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(port_holder, (void *)&a4, sizeof(a4)), 0);
	assert_int_equal(getsockname(port_holder, (void *)&a4, &bytes), 0);
	assert_int_equal(interface_down(device), 0);
	device->listen_port = ntohs(a4.sin_port);
	capture_begin(&said, STDERR_FILENO);
	assert_int_equal(interface_up(device), -EADDRINUSE);
	capture_end(&said);
}

static void another_port_comes(void)
{
	struct capture said;

	capture_begin(&said, STDERR_FILENO);
	request("set=1\n%slisten_port=%u\n\n", "", 0);
	capture_end(&said);
	close(port_holder);
}

static void port_is_freed(void)
{
	struct capture said;

	close(port_holder);
	capture_begin(&said, STDERR_FILENO);
	loopback_pass(device->timers.listen_again_at - loopback_now_ns);
	due_expire(device, loopback_now_ns);
	capture_end(&said);
}

// A broadcast address, which a socket refuses (EACCES) as a firewall or a missing route would.
static void way_goes(void)
{
	request("set=1\n%sendpoint=255.255.255.255:%u\n\n", peer_line, other_port);
}

static void endpoint_comes(void)
{
	take_step(ENDPOINT);
}

// Beside the protocol, so that only the change of the port says that it is worth another try.
static void way_comes_with_another_port(void)
{
	peer->endpoint = loopback_endpoint(other_port);
	request("set=1\n%slisten_port=%u\n\n", "", 0);
}

static void way_comes_with_another_mark(void)
{
	peer->endpoint = loopback_endpoint(other_port);
	request("set=1\n%sfwmark=%u\n\n", "", 7);
}

static void way_comes_by_itself(void)
{
	peer->endpoint = loopback_endpoint(other_port);
	loopback_pass(6 * NS_PER_S);
}

static void link_goes(void)
{
	assert_int_equal(interface_down(device), 0);
}

static void link_comes(void)
{
	take_step(LINK);
}

struct thing {
	const char *name;
	void (*goes)(void), (*comes)(void);
	// Also what was due before it went is begun anew; of packets that is another matter where
	// they are dropped with it.
	bool begins_anew, drops_packets;
	bool needs_root;
};

static void check_thing(const struct thing *t, unsigned waits, bool due_before)
{
	set_up(NULL);
	for (enum step s = KEY; s <= LINK; s++)
		take_step(s);
	if (due_before) {
		make_due(waits);
		assert_int_equal(initiations(device, other), 1);
	}
	t->goes();
	if (!due_before)
		make_due(waits);
	unsigned early = initiations(device, other);
	loopback_pass(NS_PER_S);
	early += initiations(device, other);
	t->comes();
	unsigned n = initiations(device, other);
	if (early || n != 1)
		fail_msg("%s, waits %u, due %s: %u initiations without it, %u with it", t->name,
		         waits, due_before ? "before" : "meanwhile", early, n);
	tear_down(NULL);
}

static void what_comes_back_begins_what_is_due(void **state)
{
	static const struct thing things[] = {
	    {"private key", key_goes, key_comes, true, false, false},
	    {"link", link_goes, link_comes, true, true, false},
	    {"port, another", port_goes, another_port_comes, true, true, false},
	    {"port, freed", port_goes, port_is_freed, true, true, false},
	    {"way, another endpoint", way_goes, endpoint_comes, false, false, false},
	    {"way, another port", way_goes, way_comes_with_another_port, false, false, false},
	    {"way, another mark", way_goes, way_comes_with_another_mark, false, false, true},
	    {"way, by itself", way_goes, way_comes_by_itself, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++) {
		const struct thing *t = &things[i];

		for (unsigned waits = 1; waits <= (WAITS_PACKET | WAITS_KEEPALIVE); waits++) {
			if (t->needs_root && geteuid())
				continue;
			check_thing(t, waits, false);
			if (t->begins_anew && !(t->drops_packets && waits == WAITS_PACKET))
				check_thing(t, waits, true);
		}
	}
}

static void another_key_begins_anew_for_persistent_keepalives(void **state)
{
	(void)state;
	take_step(KEY);
	take_step(ENDPOINT);
	take_step(LINK);
	take_step(KEEPALIVE);
	assert_int_equal(initiations(device, other), 1);
	loopback_pass(NS_PER_S);
	request("set=1\nprivate_key=%s%062u\n\n", "08", 0);
	assert_int_equal(initiations(device, other), 1);
	// The same key again, as `wg setconf` sends it, begins nothing.
	loopback_pass(NS_PER_S);
	request("set=1\nprivate_key=%s%062u\n\n", "08", 0);
	assert_int_equal(initiations(device, other), 0);
}

// The clock counts from the boot.
static void a_keepalive_is_due_at_once_after_a_boot(void **state)
{
	(void)state;
	loopback_now_ns = 3 * NS_PER_S;
	for (enum step s = KEY; s <= LINK; s++)
		take_step(s);
	take_step(KEEPALIVE);
	assert_int_equal(initiations(device, other), 1);
}

// With a key and an endpoint in one request, no initiation goes to the endpoint before.
static void a_key_and_an_endpoint_at_once(void **state)
{
	(void)state;
	take_step(LINK);
	request("set=1\n%sendpoint=127.0.0.1:%u\n\n", peer_line, 1);
	loopback_stage(peer);
	assert_int_equal(initiations(device, other), 0);
	char both[256];
	snprintf(both, sizeof(both), "private_key=01%062u\n%s", 0, peer_line);
	request("set=1\n%sendpoint=127.0.0.1:%u\n\n", both, other_port);
	assert_int_equal(initiations(device, other), 1);
}

static void nothing_is_begun_where_nothing_is_due(void **state)
{
	(void)state;
	for (enum step s = KEY; s <= LINK; s++)
		take_step(s);
	request("set=1\nprivate_key=%s%062u\n\n", "08", 0);
	request("set=1\n%slisten_port=%u\n\n", "", 0);
	link_goes();
	link_comes();
	take_step(ENDPOINT);
	assert_int_equal(initiations(device, other), 0);
	assert_int_equal(device->timers.heap_count, 0);
}

// The path may set a deadline for a packet that was under way when the link went down: it is not to
// keep later ones from being armed.
static void a_deadline_of_a_late_packet_blocks_none(void **state)
{
	(void)state;
	for (enum step s = KEY; s <= LINK; s++)
		take_step(s);
	link_goes();
	timers_data_received(peer, loopback_now_ns);
	timers_data_sent(peer, loopback_now_ns);
	assert_int_equal(initiations(device, other), 0);
	link_comes();
	assert_int_equal(initiations(device, other), 0);
	timers_data_received(peer, loopback_now_ns);
	loopback_control(device);
	loopback_pass(KEEPALIVE_TIMEOUT_NS);
	assert_int_equal(initiations(device, other), 1); // there is no key for a keepalive
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_order_begins_what_is_due),
	    cmocka_unit_test(what_comes_back_begins_what_is_due),
	    TEST(another_key_begins_anew_for_persistent_keepalives),
	    TEST(a_keepalive_is_due_at_once_after_a_boot),
	    TEST(a_key_and_an_endpoint_at_once),
	    TEST(nothing_is_begun_where_nothing_is_due),
	    TEST(a_deadline_of_a_late_packet_blocks_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
