#include "tunnel/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "tunnel/counters.h"
#include "tunnel/endpoint.h"
#include "tunnel/netlink.h"
#include "tunnel/peer.h"
#include "tunnel/state.h"

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
static bool fits_route(struct device *d, const struct endpoint *e,
                       const struct endpoint_source *from)
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
	if (endpoint_source_known(&e->local) && !fits_route(d, e, &e->local))
		e->local = (struct endpoint_source){0};
}

void route_check(struct peer *p)
{
	struct device *d = p->device;

	pthread_mutex_lock(&p->endpoint_lock);
	struct endpoint e = p->endpoint;
	pthread_mutex_unlock(&p->endpoint_lock);

	bool refuse = endpoint_source_known(&e.local) && !fits_route(d, &e, &e.local);
	bool allow = !endpoint_source_known(&e.local) && endpoint_source_known(&e.refused) &&
	             fits_route(d, &e, &e.refused);
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

int route_open(struct device *d)
{
	struct route *r = calloc(1, sizeof(*r));
	int ret = -ENOMEM;

	if (!r)
		return ret;
	r->lookups = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (r->lookups && mnl_socket_bind(r->lookups, 0, MNL_SOCKET_AUTOPID) >= 0) {
		d->route = r;
		return 0;
	}
	ret = -errno;
	if (r->lookups)
		mnl_socket_close(r->lookups);
	free(r);
	return ret;
}

void route_close(struct device *d)
{
	if (!d->route)
		return;
	mnl_socket_close(d->route->lookups);
	free(d->route);
	d->route = NULL;
}
