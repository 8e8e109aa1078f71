// Sticky source addresses and the routes that they outlive: in a network namespace of the test's
// own, with two uplinks, u1 and u2, that lead nowhere. What the peer sends is made up.
#include "tests/support/loopback.h"

#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "tunnel/reroute.h"
#include "tunnel/route.h"

enum { SETTLED_MS = 100, PEERS = 4000 };

static struct device *device;
static struct peer *peer;
static int family;

static void ip(const char *words)
{
	char command[256];

	snprintf(command, sizeof(command), "ip -%c %s", family == AF_INET6 ? '6' : '4', words);
	if (system(command))
		fail_msg("%s", command);
}

static void batch(const char *lines)
{
	FILE *to = popen(family == AF_INET6 ? "ip -6 -batch -" : "ip -batch -", "w");

	assert_non_null(to);
	fputs(lines, to);
	assert_int_equal(pclose(to), 0);
}

static const char *pick(const char *v4, const char *v6)
{
	return family == AF_INET6 ? v6 : v4;
}

static struct endpoint_source source(unsigned uplink)
{
	struct endpoint_source s = {.ifindex = if_nametoindex(uplink == 1 ? "u1" : "u2")};

	assert_int_not_equal(s.ifindex, 0);
	if (family == AF_INET)
		inet_pton(AF_INET, uplink == 1 ? "10.61.0.1" : "10.62.0.1", &s.v4);
	else
		inet_pton(AF_INET6, uplink == 1 ? "fd61::1" : "fd62::1", &s.v6);
	return s;
}

// As a message of the peer's that came in by the uplink.
static struct endpoint from_peer(unsigned uplink)
{
	struct endpoint e = {.local = source(uplink)};

	e.remote.any.sa_family = family;
	e.remote.v4.sin_port = htons(9); // where IPv6 has it, too
	if (family == AF_INET)
		inet_pton(AF_INET, "10.69.0.2", &e.remote.v4.sin_addr);
	else
		inet_pton(AF_INET6, "fd69::2", &e.remote.v6.sin6_addr);
	return e;
}

static bool learn(unsigned uplink)
{
	const struct endpoint e = from_peer(uplink);

	return endpoint_learn(&peer->endpoint, &e);
}

// One turn of the control thread. false: there was nothing to do.
static bool turn(int wait_ms)
{
	struct epoll_event event;

	if (epoll_wait(device->loop.epoll, &event, 1, wait_ms) != 1)
		return false;
	struct loop_source *s = event.data.ptr;
	s->ready(device, s, event.events);
	return true;
}

static bool source_goes(void)
{
	while (endpoint_source_known(&peer->endpoint.local) && turn(LOOPBACK_WAIT_MS))
		;
	return !endpoint_source_known(&peer->endpoint.local);
}

// Handles every netlink event that is pending.
static void settle(void)
{
	while (turn(SETTLED_MS))
		;
}

static bool any_source_left(void)
{
	for (struct peer *p = device->peers; p; p = p->next)
		if (endpoint_source_known(&p->endpoint.local))
			return true;
	return false;
}

static int set_up_family(int which)
{
	static const uint8_t key[NOISE_KEY_BYTES] = {0, 9};

	family = which;
	if (geteuid() || unshare(CLONE_NEWNET))
		return 0;
	if (system("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad") ||
	    system("ip link add u1 type veth peer name p1 2>/dev/null"))
		return 0;
	batch(pick("link add u2 type veth peer name p2\n"
	           "link set lo up\nlink set p1 up\nlink set p2 up\n"
	           "link set u1 up\nlink set u2 up\n"
	           "addr add 10.61.0.1/24 dev u1\naddr add 10.62.0.1/24 dev u2\n"
	           "route add default via 10.61.0.254 metric 10\n"
	           "route add default via 10.62.0.254 metric 20\n",
	           "link add u2 type veth peer name p2\n"
	           "link set lo up\nlink set p1 up\nlink set p2 up\n"
	           "link set u1 up\nlink set u2 up\n"
	           "addr add fd61::1/64 dev u1 nodad\naddr add fd62::1/64 dev u2 nodad\n"
	           "route add default via fd61::fe metric 10\n"
	           "route add default via fd62::fe metric 20\n"));
	loopback_take_clock();
	device = loopback_device(key);
	peer = peers_new(device, (const uint8_t[NOISE_KEY_BYTES]){9});
	assert_int_equal(reroute_open(device), 0);
	assert_true(learn(1));
	route_check(peer);
	assert_true(endpoint_source_known(&peer->endpoint.local));
	return 0;
}

static int set_up_4(void **state)
{
	(void)state;
	return set_up_family(AF_INET);
}

static int set_up_6(void **state)
{
	(void)state;
	return set_up_family(AF_INET6);
}

static int tear_down(void **state)
{
	(void)state;
	if (device)
		device_free(device);
	device = NULL;
	return 0;
}

static void need_namespace(void)
{
	if (device)
		return;
	print_message("it needs root, network namespaces and veth\n");
	skip();
}

// ---- what makes a source go

static void a_route_that_goes(void **state)
{
	(void)state;
	need_namespace();
	ip(pick("route del default via 10.61.0.254", "route del default via fd61::fe"));
	assert_true(source_goes());
	// What still comes to that address doesn't bring it back.
	assert_false(learn(1));
	assert_true(learn(2));
	route_check(peer);
	assert_true(endpoint_source_known(&peer->endpoint.local));
}

static void a_better_metric(void **state)
{
	(void)state;
	need_namespace();
	ip(pick("route add default via 10.62.0.254 metric 5",
	        "route add default via fd62::fe metric 5"));
	assert_true(source_goes());
}

static void a_more_specific_route(void **state)
{
	(void)state;
	need_namespace();
	ip(pick("route add 10.69.0.0/24 via 10.62.0.254", "route add fd69::/64 via fd62::fe"));
	assert_true(source_goes());
}

static void a_link_that_goes_down(void **state)
{
	(void)state;
	need_namespace();
	ip("link set u1 down");
	assert_true(source_goes());
}

static void a_link_that_is_deleted(void **state)
{
	(void)state;
	need_namespace();
	ip("link del u1");
	assert_true(source_goes());
}

static void an_address_that_goes(void **state)
{
	(void)state;
	need_namespace();
	// Of IPv6, sending from it fails: test_udp.
	ip("addr del 10.61.0.1/24 dev u1");
	assert_true(source_goes());
}

static void a_rule(void **state)
{
	(void)state;
	need_namespace();
	ip(pick("route add default via 10.62.0.254 table 100",
	        "route add default via fd62::fe table 100"));
	settle();
	assert_true(endpoint_source_known(&peer->endpoint.local));
	ip("rule add priority 10 table 100");
	assert_true(source_goes());
}

// A rule that only what the tunnel sends falls under.
static void a_rule_for_the_mark(void **state)
{
	(void)state;
	need_namespace();
	ip(pick("route add default via 10.62.0.254 table 100",
	        "route add default via fd62::fe table 100"));
	ip("rule add priority 10 fwmark 7 table 100");
	settle();
	assert_true(endpoint_source_known(&peer->endpoint.local));
	device->fwmark = 7;
	route_check(peer);
	assert_false(endpoint_source_known(&peer->endpoint.local));
}

static void a_nexthop_that_is_replaced(void **state)
{
	(void)state;
	need_namespace();
	ip(pick("nexthop add id 1 via 10.61.0.254 dev u1", "nexthop add id 1 via fd61::fe dev u1"));
	ip(pick("route add 10.69.0.0/24 nhid 1", "route add fd69::/64 nhid 1"));
	settle();
	assert_true(endpoint_source_known(&peer->endpoint.local));
	ip(pick("nexthop replace id 1 via 10.62.0.254 dev u2",
	        "nexthop replace id 1 via fd62::fe dev u2"));
	assert_true(source_goes());
}

// ---- what doesn't

static void no_source_goes_without_need(void **state)
{
	(void)state;
	need_namespace();
	ip("link set u2 down");
	ip("link set u2 up");
	ip(pick("route add 10.70.0.0/24 via 10.61.0.254", "route add fd70::/64 via fd61::fe"));
	// Another preferred source on the same interface.
	ip(pick("addr add 10.61.0.9/24 dev u1", "addr add fd61::9/64 dev u1 nodad"));
	ip(pick("route add default via 10.61.0.254 src 10.61.0.9 metric 3",
	        "route add default via fd61::fe src fd61::9 metric 3"));
	settle();
	assert_true(endpoint_source_known(&peer->endpoint.local));
	// Without any route there is nothing better.
	ip(pick("route flush default", "route flush default"));
	settle();
	assert_true(endpoint_source_known(&peer->endpoint.local));
}

// What has a rule by its source leaves by the interface that it came in by.
static void a_source_with_a_rule_of_its_own_stays(void **state)
{
	(void)state;
	need_namespace();
	ip(pick("route add default via 10.61.0.254 table 101",
	        "route add default via fd61::fe table 101"));
	ip(pick("rule add priority 11 from 10.61.0.1 table 101",
	        "rule add priority 11 from fd61::1 table 101"));
	ip(pick("route del default via 10.61.0.254", "route del default via fd61::fe"));
	settle();
	assert_true(endpoint_source_known(&peer->endpoint.local));
}

// The kernel enters its route to a new IPv6 address only after a while.
static void within_the_host_a_source_stays(void **state)
{
	struct endpoint e;

	(void)state;
	need_namespace();
	for (int ms = 0; ms < LOOPBACK_WAIT_MS; ms++) {
		e = from_peer(2);
		if (family == AF_INET)
			e.remote.v4.sin_addr = source(1).v4;
		else
			e.remote.v6.sin6_addr = source(1).v6;
		route_check_endpoint(device, &e);
		if (endpoint_source_known(&e.local))
			return;
		usleep(1000);
	}
	fail();
}

// ---- back again

static void a_route_that_comes_back(void **state)
{
	(void)state;
	need_namespace();
	ip(pick("route del default via 10.61.0.254", "route del default via fd61::fe"));
	assert_true(source_goes());
	assert_false(learn(1));
	ip(pick("route add default via 10.61.0.254 metric 10",
	        "route add default via fd61::fe metric 10"));
	settle();
	assert_true(learn(1));
	route_check(peer);
	assert_true(endpoint_source_known(&peer->endpoint.local));
	// The way by the second uplink, which the peer may still take.
	assert_true(learn(2));
	route_check(peer);
	assert_false(endpoint_source_known(&peer->endpoint.local));
}

// Without one, an initiation doesn't leave; the next is due after 5 s, or when there is one.
static void a_route_that_appears_lets_go_what_waited(void **state)
{
	(void)state;
	need_namespace();
	ip("route flush default");
	settle();
	peer->endpoint.local = (struct endpoint_source){0};
	handshake_initiate(peer, false);
	assert_true(peer->handshake_waits);
	// Another packet asks for one meanwhile.
	handshake_initiate(peer, false);
	assert_true(peer->handshake_waits);
	ip(pick("route add default via 10.62.0.254", "route add default via fd62::fe"));
	while (peer->handshake_waits)
		assert_true(turn(LOOPBACK_WAIT_MS));
}

// Nothing says that anything changed but the message itself.
static void a_handshake_looks(void **state)
{
	(void)state;
	need_namespace();
	reroute_close(device);
	ip(pick("route del default via 10.61.0.254", "route del default via fd61::fe"));
	assert_int_equal(reroute_open(device), 0);
	assert_true(endpoint_source_known(&peer->endpoint.local));
	handshake_initiate(peer, false);
	assert_false(endpoint_source_known(&peer->endpoint.local));
}

// What came in by an uplink that the answer doesn't leave by is answered from another address.
static void an_answer_looks(void **state)
{
	(void)state;
	need_namespace();
	for (unsigned uplink = 1; uplink <= 2; uplink++) {
		struct endpoint e = from_peer(uplink);

		route_check_endpoint(device, &e);
		assert_int_equal(endpoint_source_known(&e.local), uplink == 1);
	}
}

// ---- many

static unsigned lookups(void)
{
	return counters_sum(&device->counters, route_lookups);
}

// A routing daemon's burst overflows what may wait, and still all peers are looked at after its
// end; but not for each of its routes.
static void a_burst_of_routes_costs_little(void **state)
{
	uint8_t key[NOISE_KEY_BYTES] = {8};
	FILE *routes;

	(void)state;
	need_namespace();
	for (int i = 1; i < PEERS; i++) {
		memcpy(key + 1, &i, sizeof(i));
		struct peer *p = peers_new(device, key);
		assert_non_null(p);
		p->endpoint = from_peer(1);
	}
	settle();
	unsigned before = lookups();
	routes = popen("ip -batch - >/dev/null", "w");
	assert_non_null(routes);
	for (int i = 0; i < 5000; i++)
		fprintf(routes, "route add 10.%d.%d.0/24 via 10.61.0.254\n", 100 + i / 250,
		        i % 250);
	fprintf(routes, "route del default via 10.61.0.254\n");
	assert_int_equal(pclose(routes), 0);
	while (any_source_left())
		assert_true(turn(LOOPBACK_WAIT_MS));
	// All that waited is one change.
	assert_in_range(lookups() - before, PEERS, 3 * PEERS);
}

static void peers_that_go_meanwhile_are_passed_over(void **state)
{
	(void)state;
	need_namespace();
	for (uint8_t i = 1; i < 255; i++)
		peers_new(device, (const uint8_t[NOISE_KEY_BYTES]){8, i})->endpoint = from_peer(1);
	settle();
	ip("route del default via 10.61.0.254");
	unsigned before = lookups();
	while (lookups() == before)
		assert_true(turn(LOOPBACK_WAIT_MS));
	assert_true(lookups() - before < 255);
	for (int i = 0; i < 200; i++)
		peers_remove(device->peers);
	while (any_source_left())
		assert_true(turn(LOOPBACK_WAIT_MS));
}

int main(void)
{
#define V4(test) cmocka_unit_test_setup_teardown(test, set_up_4, tear_down)
#define V6(test)                                                                                   \
	{                                                                                          \
#test "_ipv6", test, set_up_6, tear_down, NULL                                     \
	}
	const struct CMUnitTest tests[] = {
	    V4(a_route_that_goes),
	    V6(a_route_that_goes),
	    V4(a_better_metric),
	    V6(a_better_metric),
	    V4(a_more_specific_route),
	    V6(a_more_specific_route),
	    V4(a_link_that_goes_down),
	    V6(a_link_that_goes_down),
	    V4(a_link_that_is_deleted),
	    V6(a_link_that_is_deleted),
	    V4(an_address_that_goes),
	    V4(a_rule),
	    V6(a_rule),
	    V4(a_rule_for_the_mark),
	    V6(a_rule_for_the_mark),
	    V4(a_nexthop_that_is_replaced),
	    V6(a_nexthop_that_is_replaced),
	    V4(no_source_goes_without_need),
	    V6(no_source_goes_without_need),
	    V4(a_source_with_a_rule_of_its_own_stays),
	    V6(a_source_with_a_rule_of_its_own_stays),
	    V4(within_the_host_a_source_stays),
	    V6(within_the_host_a_source_stays),
	    V4(a_route_that_comes_back),
	    V6(a_route_that_comes_back),
	    V4(a_route_that_appears_lets_go_what_waited),
	    V6(a_route_that_appears_lets_go_what_waited),
	    V4(a_handshake_looks),
	    V6(a_handshake_looks),
	    V4(an_answer_looks),
	    V6(an_answer_looks),
	    V4(a_burst_of_routes_costs_little),
	    V4(peers_that_go_meanwhile_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
