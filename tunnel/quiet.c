#include "tunnel/quiet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tunnel/netlink.h"

#define REDIRECTS_OF_ALL "/proc/sys/net/ipv4/conf/all/send_redirects"

void quiet_leave_groups(unsigned ifindex)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *h = netlink_link(buffer, RTM_NEWLINK, ifindex);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(h);

	info->ifi_change = IFF_MULTICAST;
	mnl_attr_put_u32(h, IFLA_MTU, QUIET_MTU_MIN - 1);
	// Where that fails there are some packets more.
	netlink_ask(h, NULL, NULL);
}

// Nothing needs to be set of an address family that the host or the interface doesn't have, nor of
// an interface that has gone.
static int set_link(struct nlmsghdr *h)
{
	int ret = netlink_ask(h, NULL, NULL);

	return ret == -EAFNOSUPPORT || ret == -ENODEV ? 0 : ret;
}

static int refuse_redirects(unsigned ifindex)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *h = netlink_link(buffer, RTM_NEWLINK, ifindex);
	struct nlattr *families = mnl_attr_nest_start(h, IFLA_AF_SPEC);
	struct nlattr *v4 = mnl_attr_nest_start(h, AF_INET);
	struct nlattr *settings = mnl_attr_nest_start(h, IFLA_INET_CONF);

	mnl_attr_put_u32(h, IPV4_DEVCONF_SEND_REDIRECTS, 0);
	mnl_attr_nest_end(h, settings);
	mnl_attr_nest_end(h, v4);
	mnl_attr_nest_end(h, families);
	return set_link(h);
}

static int refuse_link_local(unsigned ifindex)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *h = netlink_link(buffer, RTM_NEWLINK, ifindex);
	struct nlattr *families = mnl_attr_nest_start(h, IFLA_AF_SPEC);
	struct nlattr *v6 = mnl_attr_nest_start(h, AF_INET6);

	mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(h, v6);
	mnl_attr_nest_end(h, families);
	return set_link(h);
}

// No request of netlink sets it, and /proc/sys can be read-only. It is often 0 already.
static int refuse_redirects_of_all(void)
{
	char value = 0;
	int fd = open(REDIRECTS_OF_ALL, O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd >= 0) {
		if (read(fd, &value, 1) != 1)
			value = 0;
		close(fd);
	}
	if (value == '0')
		return 0;
	fd = open(REDIRECTS_OF_ALL, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

// Each remedy is said once.
static void report_failure(const char *name, unsigned which, const char *what, int error)
{
	static const char *const remedies[] = {
	    "sysctl -w net.ipv4.conf.%s.send_redirects=0",
	    "sysctl -w net.ipv4.conf.all.send_redirects=0",
	    "ip link set %s addrgenmode none",
	};
	static unsigned said;
	char remedy[128];

	if (!error || said & 1u << which)
		return;
	said |= 1u << which;
	snprintf(remedy, sizeof(remedy), remedies[which], name);
	fprintf(stderr, "wgbench-tunnel: %s: cannot turn off %s: %s: use '%s'\n", name, what,
	        strerror(-error), remedy);
}

void quiet_set(const char *name, unsigned ifindex)
{
	report_failure(name, 0, "its ICMP redirects", refuse_redirects(ifindex));
	report_failure(name, 1, "ICMP redirects", refuse_redirects_of_all());
	report_failure(name, 2, "its link-local address", refuse_link_local(ifindex));
}

void quiet_lost(const char *name)
{
	static bool said;

	if (said)
		return;
	said = true;
	fprintf(stderr,
	        "wgbench-tunnel: %s: in another network namespace it has the settings of that one: "
	        "if packets of the kernel's own disturb there, use 'ip link set %s addrgenmode "
	        "none' and 'sysctl -w net.ipv4.conf.all.send_redirects=0 "
	        "net.ipv4.conf.%s.send_redirects=0'\n",
	        name, name, name);
}
