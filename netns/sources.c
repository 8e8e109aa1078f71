// The whole range is made local by one route (so it takes no list of addresses to look through),
// and the right side has the route back. The socket is never read: it is full after the first
// datagrams, and every further one goes through the same device, stack and lookup, to be dropped
// where one for a tunnel that can't keep up is dropped.
#include "netns/sources.h"

#include "base/process.h"
#include "base/text.h"
#include "netns/netns.h"
#include "netns/owner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	const char *range, *first;
} ranges[] = {{"10.80.0.0/16", "10.80.0.0"}, {"fd80::/32", "fd80::1"}};

static int open_sink(struct netns_sources *s)
{
	const struct netns_side *right = &s->pair->side[1];
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr *at = s->ipv6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	socklen_t length = s->ipv6 ? sizeof(v6) : sizeof(v4);
	const int smallest = 1;
	int home, ret = owner_enter_namespace(right->fd, &home);

	if (ret)
		return ret;
	s->sink = socket(at->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->sink < 0)
		ret = -errno;
	owner_leave_namespace(home);
	if (ret)
		return ret;
	inet_pton(at->sa_family, right->outer[s->ipv6],
	          s->ipv6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr);
	if (setsockopt(s->sink, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof(smallest)) ||
	    bind(s->sink, at, length) || getsockname(s->sink, at, &length))
		return -errno;
	snprintf(s->address, sizeof(s->address), s->ipv6 ? "[%s]:%d" : "%s:%d",
	         right->outer[s->ipv6], ntohs(s->ipv6 ? v6.sin6_port : v4.sin_port));
	return 0;
}

// Adds the routes, or deletes them.
static int change_route(const struct netns_sources *s, int side, bool add, struct text *fault)
{
	const char *range = ranges[s->ipv6].range, *verb = add ? "add" : "del";
	int ns = s->pair->side[side].fd;

	if (side)
		return netns_batch(ns, "ip", fault, "route %s %s via %s\n", verb, range,
		                   s->pair->side[0].outer[s->ipv6]);
	return netns_batch(ns, "ip", fault, "route %s local %s dev lo\n", verb, range);
}

int netns_sources_open(struct netns_sources *s, const struct netns_pair *pair, bool ipv6,
                       struct text *fault)
{
	*s = (struct netns_sources){
	    .pair = pair, .ipv6 = ipv6, .first = ranges[ipv6].first, .sink = -1};
	int ret = change_route(s, 0, true, fault);
	if (!ret)
		ret = change_route(s, 1, true, fault);
	if (!ret) {
		ret = open_sink(s);
		if (ret)
			text_set(fault, "can't open a socket: %s", strerror(-ret));
	}
	if (ret)
		netns_sources_close(s);
	return ret;
}

void netns_sources_close(struct netns_sources *s)
{
	if (!s->pair)
		return;
	bool before = process_shield(true);
	for (int side = 0; side < 2; side++)
		change_route(s, side, false, NULL); // one that isn't there stays so
	if (s->sink >= 0)
		close(s->sink);
	s->sink = -1;
	s->pair = NULL;
	process_shield(before);
}
