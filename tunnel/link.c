// Follows the interface through rtnetlink. A move to another namespace looks like a deletion here:
// the interface is then looked for through its descriptor, and followed there by the namespace's
// id, whose events reach this socket too. What was truly deleted the path sees (EBADFD).
#include "tunnel/link.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tunnel/interface.h"
#include "tunnel/loop.h"
#include "tunnel/netlink.h"
#include "tunnel/queue.h"
#include "tunnel/quiet.h"
#include "tunnel/state.h"

enum { OWN_NAMESPACE = NETNSA_NSID_NOT_ASSIGNED };

struct link {
	struct loop_source source;
	int namespace; // its id, as seen from ours
	int ifindex;
};

// ---- the link's state

static void follow_state(struct device *d, const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;
	unsigned mtu = atomic_load(&d->tun.mtu), mtu_before = mtu;
	bool goes_down = !(info->ifi_flags & IFF_UP) && interface_is_up(d);

	mnl_attr_for_each(a, h, sizeof(*info))
	{
		if (mnl_attr_get_type(a) == IFLA_MTU && !mnl_attr_validate(a, MNL_TYPE_U32))
			mtu = mnl_attr_get_u32(a);
	}
	atomic_store(&d->tun.mtu, mtu);
	// Settings that a user changes last until the link goes down, as with the kernel's
	// WireGuard.
	if ((goes_down || (mtu_before < QUIET_MTU_MIN && mtu >= QUIET_MTU_MIN)) &&
	    d->link->namespace == OWN_NAMESPACE)
		quiet_set(d->name, info->ifi_index);
	if (!(info->ifi_flags & IFF_UP))
		interface_down(d);
	else if (!interface_is_up(d))
		interface_up(d);
}

static int take_found(const struct nlmsghdr *h, void *device)
{
	struct device *d = device;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_type == RTM_NEWLINK) {
		d->link->ifindex = info->ifi_index;
		follow_state(d, h);
	}
	return MNL_CB_OK;
}

// Asks for the link by its index or, where that is 0, by its name.
static int look_up_link(struct device *d, int ifindex, const char *name)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct link *l = d->link;
	struct nlmsghdr *h = netlink_link(buffer, RTM_GETLINK, ifindex);

	if (!ifindex)
		mnl_attr_put_strz(h, IFLA_IFNAME, name);
	if (l->namespace != OWN_NAMESPACE)
		mnl_attr_put_u32(h, IFLA_TARGET_NETNSID, l->namespace);
	return netlink_ask(h, take_found, d);
}

// ---- after a move

static int take_id(const struct nlmsghdr *h, void *id)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct rtgenmsg))
	{
		if (mnl_attr_get_type(a) == NETNSA_NSID && !mnl_attr_validate(a, MNL_TYPE_U32))
			*(int *)id = mnl_attr_get_u32(a);
	}
	return MNL_CB_OK;
}

static int ask_for_id(int fd, uint16_t type, int *id)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);

	h->nlmsg_type = type;
	mnl_nlmsg_put_extra_header(h, sizeof(struct rtgenmsg));
	mnl_attr_put_u32(h, NETNSA_FD, fd);
	if (type == RTM_NEWNSID)
		mnl_attr_put_u32(h, NETNSA_NSID, NETNSA_NSID_NOT_ASSIGNED);
	return netlink_ask(h, take_id, id);
}

static bool is_own(int fd)
{
	struct stat own, that;

	return !stat("/proc/thread-self/ns/net", &own) && !fstat(fd, &that) &&
	       own.st_dev == that.st_dev && own.st_ino == that.st_ino;
}

static void follow_move(struct device *d)
{
	struct ifreq request = {0};
	int fd = ioctl(d->queue[0].tun, TUNGETDEVNETNS), id = OWN_NAMESPACE;

	if (fd < 0)
		return;
	if (!is_own(fd)) {
		// Most have an id by now: the move gives one. Then this fails with EEXIST.
		ask_for_id(fd, RTM_NEWNSID, &id);
		ask_for_id(fd, RTM_GETNSID, &id);
	}
	close(fd);
	d->link->namespace = id;
	if (ioctl(d->queue[0].tun, TUNGETIFF, &request))
		return;
	look_up_link(d, 0, request.ifr_name);
	if (id == OWN_NAMESPACE)
		quiet_set(request.ifr_name, d->link->ifindex);
	else
		quiet_lost(request.ifr_name);
}

// ---- events

static int namespace_of(struct msghdr *m)
{
	int id = OWN_NAMESPACE;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_LISTEN_ALL_NSID)
			memcpy(&id, CMSG_DATA(c), sizeof(id));
	return id;
}

static void handle_event(struct device *d, const struct nlmsghdr *h, int namespace)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	struct link *l = d->link;

	if (mnl_nlmsg_get_payload_len(h) < sizeof(*info) || namespace != l->namespace ||
	    info->ifi_index != l->ifindex)
		return;
	if (h->nlmsg_type == RTM_NEWLINK)
		follow_state(d, h);
	else if (h->nlmsg_type == RTM_DELLINK)
		follow_move(d);
}

static void events_ready(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	// Not on a stack that may be small, and under which others lie.
	static _Alignas(struct nlmsghdr) char buffer[NETLINK_REPLY_BYTES];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {buffer, sizeof(buffer)};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(source->fd, &m, MSG_DONTWAIT);
	int left = n;

	(void)epoll_events;
	if (n < 0) {
		// Events were lost: see what they led to.
		if (errno == ENOBUFS && look_up_link(d, d->link->ifindex, NULL))
			follow_move(d);
		return;
	}
	for (struct nlmsghdr *h = (struct nlmsghdr *)buffer; mnl_nlmsg_ok(h, left);
	     h = mnl_nlmsg_next(h, &left))
		handle_event(d, h, namespace_of(&m));
}

int link_socket(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int one = 1, ret;

	if (fd < 0)
		return -errno;
	// Without it a moved interface keeps the state that it left with.
	setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &one, sizeof(one));
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int link_open(struct device *d, int socket)
{
	struct link *l = calloc(1, sizeof(*l));
	int ret = socket < 0 ? socket : -ENOMEM;

	if (!l || socket < 0)
		goto err;
	*l = (struct link){.source = {socket, events_ready},
	                   .namespace = OWN_NAMESPACE,
	                   .ifindex = d->tun.ifindex};
	ret = loop_watch(&d->loop, &l->source, EPOLLIN);
	if (ret)
		goto err;
	d->link = l;
	ret = look_up_link(d, l->ifindex, NULL);
	if (!ret)
		return 0;
	d->link = NULL;
err:
	fprintf(stderr, "wgbench-tunnel: %s: cannot follow the link by netlink: %s\n", d->name,
	        strerror(-ret));
	if (socket >= 0)
		close(socket);
	free(l);
	return ret;
}

void link_close(struct device *d)
{
	struct link *l = d->link;

	if (!l)
		return;
	d->link = NULL;
	close(l->source.fd);
	free(l);
}
