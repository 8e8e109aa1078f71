#include "tunnel/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

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
