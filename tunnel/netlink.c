#include "tunnel/netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include "tunnel/feature.h"

enum { GSO_IPV4_MAX_SIZE = 63 }; // IFLA_GSO_IPV4_MAX_SIZE, linux/if_link.h since 6.3

int netlink_ask(struct nlmsghdr *request, mnl_cb_t each, void *context)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REPLY_BYTES];
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	ssize_t n;
	int ret = MNL_CB_ERROR;

	if (!s)
		return -errno;
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(s, request, request->nlmsg_len) < 0)
		goto out;
	do {
		n = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
		ret = n < 0 ? MNL_CB_ERROR
		            : mnl_cb_run(buffer, n, request->nlmsg_seq, mnl_socket_get_portid(s),
		                         each, context);
	} while (ret == MNL_CB_OK);
out:
	ret = ret == MNL_CB_ERROR ? -errno : 0;
	mnl_socket_close(s);
	return ret;
}

struct nlmsghdr *netlink_link(char buffer[NETLINK_REQUEST_BYTES], uint16_t type, int ifindex)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info;

	h->nlmsg_type = type;
	info = mnl_nlmsg_put_extra_header(h, sizeof(*info));
	info->ifi_index = ifindex;
	return h;
}

int netlink_set_link(unsigned ifindex, unsigned mtu, unsigned gso_bytes_max)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *h = netlink_link(buffer, RTM_NEWLINK, ifindex);
	int ret = 0;

	if (mtu) {
		mnl_attr_put_u32(h, IFLA_MTU, mtu);
		ret = netlink_ask(h, NULL, NULL);
	}
	if (ret || !gso_bytes_max)
		return ret;
	h = netlink_link(buffer, RTM_NEWLINK, ifindex);
	mnl_attr_put_u32(h, IFLA_GSO_MAX_SIZE, gso_bytes_max);
	mnl_attr_put_u32(h, GSO_IPV4_MAX_SIZE, gso_bytes_max);
	// Only a matter of speed, and before 5.18 only the driver could set it.
	ret = netlink_ask(h, NULL, NULL);
	return feature_meaning(FEATURE_TUN_OFFLOAD, -ret) == FEATURE_NOT_NOW ? ret : 0;
}
