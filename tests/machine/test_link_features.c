// What is remembered of the test network's interfaces, on real ones: what is switched is what
// differs.
#include "base/text.h"
#include "harness/record/environment_compare.h"
#include "harness/machine/link_features.h"
#include "tests/support/support.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void need_root(void)
{
	if (!geteuid())
		return;
	print_message("# SKIP: network namespaces need root\n");
	skip();
}

static void open_pair(struct netns_pair *p)
{
	need_root();
	assert_int_equal(netns_open(), 0);
	assert_int_equal(netns_pair_create(p, 5), 0);
}

static void close_pair(struct netns_pair *p)
{
	netns_pair_destroy(p);
	netns_close();
}

static void set(const struct netns_side *s, uint32_t command, uint32_t value)
{
	struct ethtool_value set = {.cmd = command, .data = value};
	struct ifreq request = {.ifr_name = NETNS_VETH, .ifr_data = (char *)&set};

	assert_return_code(ioctl(s->socket, SIOCETHTOOL, &request), 0);
}

static void run(const struct netns_side *s, const char *format, ...)
{
	struct text fault = {0};
	va_list arguments;

	va_start(arguments, format);
	char *commands = text_format_list(format, arguments);
	va_end(arguments);
	if (netns_batch(s->fd, "ip", &fault, "%s", commands))
		fail_msg("%s", text_string(&fault));
	free(commands);
}

static void assert_differs(const json_t *differences, const char *what, const char *first,
                           const char *second)
{
	const json_t *row;
	size_t i;

	json_array_foreach(differences, i, row)
	{
		if (strcmp(json_string_value(json_array_get(row, 0)), what))
			continue;
		assert_string_equal(json_string_value(json_array_get(row, 1)), first);
		assert_string_equal(json_string_value(json_array_get(row, 2)), second);
		return;
	}
	fail_msg("no difference in %s: %s", what, json_dumps(differences, 0));
}

static void both_ends_of_a_veth_are_told(void **state)
{
	static const char *const ends[] = {"left", "right"};
	struct netns_pair p;
	json_t *veths;

	(void)state;
	open_pair(&p);
	veths = interface_veths(&p);
	for (int i = 0; i < 2; i++) {
		const json_t *end = json_object_get(veths, ends[i]);

		assert_int_equal(json_integer_value(json_object_get(end, "mtu")), 1500);
		assert_string_equal(json_string_value(json_object_get(end, "qdisc")), "noqueue");
		assert_true(json_is_true(json_object_get(end, "tx-tcp-segmentation")));
		assert_true(json_is_true(json_object_get(end, "tx-generic-segmentation")));
		assert_true(json_is_true(json_object_get(end, "tx-checksum-ip-generic")));
		assert_true(json_is_boolean(json_object_get(end, "rx-gro")));
		assert_null(json_object_get(end, "tx-vlan-hw-insert"));
	}
	json_decref(veths);
	close_pair(&p);
}

static void what_is_switched_differs(void **state)
{
	static const struct {
		uint32_t command;
		const char *differs;
	} switches[] = {
	    {ETHTOOL_STSO, "left.tx-tcp-segmentation"},
	    {ETHTOOL_SGSO, "left.tx-generic-segmentation"},
	    {ETHTOOL_STXCSUM, "left.tx-checksum-ip-generic"},
	    {ETHTOOL_SSG, "left.tx-scatter-gather"},
	    {ETHTOOL_SGRO, "left.rx-gro"},
	};
	struct netns_pair p;

	(void)state;
	open_pair(&p);
	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++) {
		json_t *on, *off, *again, *differences;

		set(&p.side[0], switches[i].command, 1);
		on = interface_veths(&p);
		set(&p.side[0], switches[i].command, 0);
		off = interface_veths(&p);
		differences = environment_differences(on, off);
		assert_differs(differences, switches[i].differs, "true", "false");
		assert_true(
		    json_equal(json_object_get(on, "right"), json_object_get(off, "right")));
		set(&p.side[0], switches[i].command, 1);
		again = interface_veths(&p);
		assert_true(json_equal(on, again));
		json_decref(differences);
		json_decref(on);
		json_decref(off);
		json_decref(again);
	}
	close_pair(&p);
}

static void sizes_and_queues_differ(void **state)
{
	struct netns_pair p;
	json_t *before, *after, *differences, *row;
	size_t i, others = 0;

	(void)state;
	open_pair(&p);
	before = interface_veths(&p);
	run(&p.side[1], "link set " NETNS_VETH " mtu 1400\n"
	                "link set " NETNS_VETH " gso_max_size 30000\n"
	                "link set " NETNS_VETH " txqueuelen 77\n");
	after = interface_veths(&p);
	differences = environment_differences(before, after);
	// An ip that knows gso_ipv4_max_size shows that the kernel sets it along.
	json_array_foreach(differences, i, row)
	{
		const char *what = json_string_value(json_array_get(row, 0));

		others += strcmp(what, "right.gso_ipv4_max_size") != 0;
	}
	assert_int_equal(others, 3);
	assert_differs(differences, "right.mtu", "1500", "1400");
	assert_differs(differences, "right.gso_max_size", "65536", "30000");
	assert_differs(differences, "right.txqlen", "1000", "77");
	json_decref(differences);
	json_decref(before);
	json_decref(after);
	close_pair(&p);
}

// One end has a TUN, the other none.
static void a_tunnel_s_interface_is_told(void **state)
{
	struct netns_pair p;
	json_t *tunnels, *left;

	(void)state;
	open_pair(&p);
	run(&p.side[0], "tuntap add %s mode tun\nlink set %s mtu 1420 up\n", p.side[0].interface,
	    p.side[0].interface);
	tunnels = interface_tunnels(&p);
	left = json_object_get(tunnels, "left");
	assert_int_equal(json_integer_value(json_object_get(left, "mtu")), 1420);
	assert_true(json_is_string(json_object_get(left, "qdisc")));
	assert_true(json_is_boolean(json_object_get(left, "tx-udp-segmentation")));
	assert_int_equal(json_object_size(json_object_get(tunnels, "right")), 0);
	json_decref(tunnels);
	close_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_ends_of_a_veth_are_told),
	    cmocka_unit_test(what_is_switched_differs),
	    cmocka_unit_test(sizes_and_queues_differ),
	    cmocka_unit_test(a_tunnel_s_interface_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
