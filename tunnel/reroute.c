#include "tunnel/reroute.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "tunnel/clock.h"
#include "tunnel/handshake.h"
#include "tunnel/loop.h"
#include "tunnel/peer.h"
#include "tunnel/route.h"
#include "tunnel/state.h"

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

struct reroute {
	struct loop_source events; // netlink; what the messages say doesn't matter
	struct loop_source timer;  // timerfd: the next turn, or the end of the pause
	uint64_t began_ns;         // looking at all
};

static void set_timer(struct reroute *r, uint64_t ns)
{
	const struct itimerspec at = {
	    .it_value = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S}};

	timerfd_settime(r->timer.fd, 0, &at, NULL);
}

// Not the tunnel's time, which a switch can scale.
static uint64_t read_real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

// A way to the peer may be there now that wasn't, or a wider one.
static void look_at_peer(struct peer *p)
{
	route_check(p);
	peer_segment_again(p);
	if (!p->handshake_waits)
		return;
	handshake_resume(p);
	p->device->route->looked_up++; // it costs no less
}

static void check_some(struct device *d)
{
	struct reroute *r = d->reroute;
	const uint64_t enough = d->route->looked_up + LOOKUPS_AT_ONCE;

	for (unsigned i = 0; d->reroute_next && i < PEERS_AT_ONCE && d->route->looked_up < enough;
	     i++) {
		struct peer *p = d->reroute_next;

		d->reroute_next = p->next;
		look_at_peer(p);
	}
	uint64_t took_ns = read_real_ns() - r->began_ns, pause_ns = PAUSE_MS * NS_PER_MS;

	if (PAUSE_FACTOR * took_ns > pause_ns)
		pause_ns = PAUSE_FACTOR * took_ns;
	set_timer(r, d->reroute_next ? 1 : pause_ns);
}

static void take_events(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	struct reroute *r = d->reroute;
	char ignored;

	(void)epoll_events;
	for (int i = 0; i < READS_AT_ONCE; i++)
		if (recv(source->fd, &ignored, sizeof(ignored), MSG_DONTWAIT) < 0 &&
		    errno != ENOBUFS)
			break;
	// Those that come from here on wait until all peers have been looked at.
	loop_watch(&d->loop, source, 0);
	d->reroute_next = d->peers;
	r->began_ns = read_real_ns();
	check_some(d);
}

static void end_turn(struct device *d, struct loop_source *source, uint32_t epoll_events)
{
	struct reroute *r = d->reroute;
	uint64_t ignored;

	(void)epoll_events;
	if (read(source->fd, &ignored, sizeof(ignored)) != sizeof(ignored))
		return;
	if (d->reroute_next)
		check_some(d);
	else
		loop_watch(&d->loop, &r->events, EPOLLIN);
}

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

static int open_sources(struct device *d, struct reroute *r)
{
	int ret;

	r->events = (struct loop_source){open_events(), take_events};
	if (r->events.fd < 0)
		return r->events.fd;
	ret = loop_open(&d->loop, &r->timer,
	                timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), end_turn);
	return ret ? ret : loop_watch(&d->loop, &r->events, EPOLLIN);
}

int reroute_open(struct device *d)
{
	struct reroute *r = d->reroute = calloc(1, sizeof(*r));
	int ret = -ENOMEM;

	if (r) {
		r->events.fd = r->timer.fd = -1;
		ret = open_sources(d, r);
	}
	if (!ret)
		ret = route_open(d);
	if (!ret)
		return 0;
	fprintf(stderr, "wgbench-tunnel: %s: cannot follow routes by netlink: %s\n", d->name,
	        strerror(-ret));
	reroute_close(d);
	return ret;
}

void reroute_close(struct device *d)
{
	struct reroute *r = d->reroute;

	route_close(d);
	if (!r)
		return;
	if (r->events.fd >= 0)
		close(r->events.fd);
	if (r->timer.fd >= 0)
		close(r->timer.fd);
	free(r);
	d->reroute = NULL;
}
