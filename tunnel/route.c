#include "tunnel/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "tunnel/device.h"
#include "tunnel/handshake.h"
#include "tunnel/netlink.h"

enum {
	// Of one turn of the control thread, which has other things to do: half a millisecond.
	LOOKUPS_AT_ONCE = 64,
	PEERS_AT_ONCE = 4096,
	// What happens while this is full is seen together with what fills it.
	EVENTS_BYTES = 8192,
	READS_AT_ONCE = 256,
	// After all peers have been looked at, events wait for so long, and for so many times as
	// long as that took: a routing daemon that changes thousands of routes costs a tenth of the
	// thread.
	PAUSE_MS = 10,
	PAUSE_FACTOR = 9,
};

#define GROUP(n) (1u << ((n)-1))

struct route {
	struct loop_source events; // netlink; what the messages say doesn't matter
	struct loop_source timer;  // timerfd: the next turn, or the end of the pause
	struct mnl_socket *lookups;
	uint64_t began_ns; // looking at all
	uint64_t looked_up;
};

// ---- one look-up

static struct nlmsghdr *lookup_request(char *buffer, const struct device *d,
                                       const struct endpoint *e, const struct endpoint_source *from)
{
	const bool v4 = e->remote.any.sa_family == AF_INET;
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct rtmsg *m;

	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = e->remote.any.sa_family;
	m->rtm_dst_len = v4 ? 32 : 128;
	if (v4)
		mnl_attr_put(h, RTA_DST, 4, &e->remote.v4.sin_addr);
	else
		mnl_attr_put(h, RTA_DST, 16, &e->remote.v6.sin6_addr);
	if (from) {
		m->rtm_src_len = m->rtm_dst_len;
		mnl_attr_put(h, RTA_SRC, m->rtm_src_len / 8, &from->v6);
	}
	if (!v4 && e->remote.v6.sin6_scope_id)
		mnl_attr_put_u32(h, RTA_OIF, e->remote.v6.sin6_scope_id);
	if (d->fwmark)
		mnl_attr_put_u32(h, RTA_MARK, d->fwmark);
	// Rules and multipath routes may look at these.
	mnl_attr_put_u8(h, RTA_IP_PROTO, IPPROTO_UDP);
	mnl_attr_put_u16(h, RTA_SPORT, htons(d->udp.port));
	mnl_attr_put_u16(h, RTA_DPORT, v4 ? e->remote.v4.sin_port : e->remote.v6.sin6_port);
	return h;
}

static int take_interface(const struct nlmsghdr *h, void *ifindex)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;

	// What stays on this host leaves by none, and may be said to come in by any.
	if (h->nlmsg_type != RTM_NEWROUTE || m->rtm_type == RTN_LOCAL)
		return MNL_CB_STOP;
	mnl_attr_for_each(a, h, sizeof(*m))
	{
		if (mnl_attr_get_type(a) == RTA_OIF && !mnl_attr_validate(a, MNL_TYPE_U32))
			*(unsigned *)ifindex = mnl_attr_get_u32(a);
	}
	return MNL_CB_STOP;
}

// By which interface what is sent to the endpoint from there (NULL: from anywhere) leaves; 0: by
// none. 0 or -errno.
static int look_up(struct device *d, const struct endpoint *e, const struct endpoint_source *from,
                   unsigned *ifindex)
{
	static unsigned sequence;
	// Not on a stack that may be small, and under which others lie.
	static _Alignas(struct nlmsghdr) char buffer[NETLINK_REPLY_BYTES];
	struct mnl_socket *s = d->route->lookups;
	struct nlmsghdr *h = lookup_request(buffer, d, e, from);
	ssize_t n;
	int ret;

	*ifindex = 0;
	d->route->looked_up++;
	counters_add(&d->counters, route_lookups, 1);
	h->nlmsg_seq = ++sequence;
	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		return -errno;
	// The answer is there by now. What an interrupted call left before it is passed over.
	do {
		n = recv(mnl_socket_get_fd(s), buffer, sizeof(buffer), MSG_DONTWAIT);
		if (n < 0)
			return -errno;
		ret = mnl_cb_run(buffer, n, sequence, mnl_socket_get_portid(s), take_interface,
		                 ifindex);
	} while (ret == MNL_CB_ERROR && errno == EPROTO);
	return ret == MNL_CB_ERROR ? -errno : 0;
}

// Without any route to the peer nothing is better than the source that there is.
static bool fits(struct device *d, const struct endpoint *e, const struct endpoint_source *from)
{
	unsigned ifindex;
	int ret;

	if (!d->route || !from->ifindex)
		return true;
	ret = look_up(d, e, from, &ifindex);
	if (!ret)
		return !ifindex || ifindex == from->ifindex;
	// By the kernel's version, that is what an address gets which isn't the host's any more.
	if (ret != -EINVAL && ret != -ENETUNREACH && ret != -EHOSTUNREACH)
		return true;
	return look_up(d, e, NULL, &ifindex);
}

void route_check_endpoint(struct device *d, struct endpoint *e)
{
	if (endpoint_source_known(&e->local) && !fits(d, e, &e->local))
		e->local = (struct endpoint_source){0};
}

void route_check(struct peer *p)
{
	struct device *d = p->device;

	pthread_mutex_lock(&p->endpoint_lock);
	struct endpoint e = p->endpoint;
	pthread_mutex_unlock(&p->endpoint_lock);

	bool refuse = endpoint_source_known(&e.local) && !fits(d, &e, &e.local);
	bool allow = !endpoint_source_known(&e.local) && endpoint_source_known(&e.refused) &&
	             fits(d, &e, &e.refused);
	if (!refuse && !allow)
		return;
	pthread_mutex_lock(&p->endpoint_lock);
	// Unless the path has learnt another meanwhile, of which it tells by an event.
	if (endpoint_address_equal(&p->endpoint.remote, &e.remote) &&
	    endpoint_source_equal(&p->endpoint.local, &e.local)) {
		p->endpoint.local = (struct endpoint_source){0};
		p->endpoint.refused = refuse ? e.local : (struct endpoint_source){0};
	}
	pthread_mutex_unlock(&p->endpoint_lock);
}

// ---- all peers, a few at a time

static void set_timer(struct route *r, uint64_t ns)
{
	const struct itimerspec at = {
	    .it_value = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S}};

	timerfd_settime(r->timer.fd, 0, &at, NULL);
}

// Not the tunnel's time, which a switch can scale.
static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

// A way to the peer may be there now that wasn't, or a wider one.
static void look_at(struct peer *p)
{
	struct route *r = p->device->route;

	route_check(p);
	peer_segment_again(p);
	if (!p->handshake_waits)
		return;
	handshake_resume(p);
	r->looked_up++; // it costs no less
}

static void check_some(struct device *d)
{
	struct route *r = d->route;
	const uint64_t enough = r->looked_up + LOOKUPS_AT_ONCE;

	for (unsigned i = 0; d->route_next && i < PEERS_AT_ONCE && r->looked_up < enough; i++) {
		struct peer *p = d->route_next;

		d->route_next = p->next;
		look_at(p);
	}
	uint64_t took_ns = real_ns() - r->began_ns, pause_ns = PAUSE_MS * NS_PER_MS;

	if (PAUSE_FACTOR * took_ns > pause_ns)
		pause_ns = PAUSE_FACTOR * took_ns;
	set_timer(r, d->route_next ? 1 : pause_ns);
}

static void events_ready(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	struct route *r = d->route;
	char ignored;

	(void)epoll_events;
	for (int i = 0; i < READS_AT_ONCE; i++)
		if (recv(source->fd, &ignored, sizeof(ignored), MSG_DONTWAIT) < 0 &&
		    errno != ENOBUFS)
			break;
	// Those that come from here on wait until all peers have been looked at.
	loop_watch(&d->loop, source, 0);
	d->route_next = d->peers;
	r->began_ns = real_ns();
	check_some(d);
}

static void timer_ready(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	struct route *r = d->route;
	uint64_t ignored;

	(void)epoll_events;
	if (read(source->fd, &ignored, sizeof(ignored)) != sizeof(ignored))
		return;
	if (d->route_next)
		check_some(d);
	else
		loop_watch(&d->loop, &r->events, EPOLLIN);
}

// ---- opened and closed

static int open_events(void)
{
	const struct sockaddr_nl groups = {
	    .nl_family = AF_NETLINK,
	    .nl_groups = GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) |
	                 GROUP(RTNLGRP_IPV6_IFADDR) | GROUP(RTNLGRP_IPV4_ROUTE) |
	                 GROUP(RTNLGRP_IPV6_ROUTE) | GROUP(RTNLGRP_IPV4_RULE) |
	                 GROUP(RTNLGRP_IPV6_RULE) | GROUP(RTNLGRP_NEXTHOP)};
	const int bytes = EVENTS_BYTES, one = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	// What is lost needs no telling: as much as fits waits to be read, and one would do.
	setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof(one));
	if (!bind(fd, (const struct sockaddr *)&groups, sizeof(groups)))
		return fd;
	int ret = -errno;
	close(fd);
	return ret;
}

static int open_all(struct device *d, struct route *r)
{
	int ret;

	r->events = (struct loop_source){open_events(), events_ready};
	if (r->events.fd < 0)
		return r->events.fd;
	r->timer = (struct loop_source){timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
	                                timer_ready};
	if (r->timer.fd < 0)
		return -errno;
	r->lookups = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!r->lookups || mnl_socket_bind(r->lookups, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	ret = loop_watch(&d->loop, &r->timer, EPOLLIN);
	return ret ? ret : loop_watch(&d->loop, &r->events, EPOLLIN);
}

static void free_all(struct route *r)
{
	if (r->events.fd >= 0)
		close(r->events.fd);
	if (r->timer.fd >= 0)
		close(r->timer.fd);
	if (r->lookups)
		mnl_socket_close(r->lookups);
	free(r);
}

int route_open(struct device *d)
{
	struct route *r = calloc(1, sizeof(*r));
	int ret = -ENOMEM;

	if (r) {
		r->events.fd = r->timer.fd = -1;
		ret = open_all(d, r);
	}
	if (!ret) {
		d->route = r;
		return 0;
	}
	fprintf(stderr, "wgbench-tunnel: %s: cannot follow routes by netlink: %s\n", d->name,
	        strerror(-ret));
	if (r)
		free_all(r);
	return ret;
}

void route_close(struct device *d)
{
	if (d->route)
		free_all(d->route);
	d->route = NULL;
}
