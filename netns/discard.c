// A TUN that is open and never read. Its queue is as long as that of a tunnel's TUN (the kernel's
// default), it fills up with the first packets, and every further one goes through the same socket,
// route and driver, to be dropped where a tunnel that can't keep up has them dropped: at the full
// queue. Rejected: a reader that throws packets away, which costs a system call and a wake-up that
// no dropped packet costs; a TUN that nobody holds open, which has no carrier, so that packets end
// before its driver; a `blackhole` route, which refuses the sender's call.
#include "netns/discard.h"

#include "base/text.h"
#include "netns/netns.h"
#include "netns/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MTU = 1420 };

static const char name[] = "discard0";

// A TUN belongs to the namespace that /dev/net/tun was opened in.
static int open_tun(int ns_fd)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	int home, ret = owner_enter_namespace(ns_fd, &home);

	if (ret)
		return ret;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && !ioctl(fd, TUNSETIFF, &request)) {
		// As fast tunnels have it: the sender needn't sum what it sends. A kernel that
		// refuses it, refuses it to the tunnel as well.
		ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
		ret = fd;
	} else {
		ret = -errno;
		if (fd >= 0)
			close(fd);
	}
	owner_leave_namespace(home);
	return ret;
}

int netns_discard_open(struct netns_discard *d, const struct netns_pair *p, struct text *fault)
{
	*d = (struct netns_discard){.fd = open_tun(p->side[0].fd)};
	if (d->fd < 0) {
		text_set(fault, "can't make a TUN: %s", strerror(-d->fd));
		return d->fd;
	}
	snprintf(d->address[0], sizeof(d->address[0]), "10.79.%u.2", p->n);
	snprintf(d->address[1], sizeof(d->address[1]), "fd79:%u::2", p->n);
	int ret = netns_batch(p->side[0].fd, "ip", fault,
	                      "address add 10.79.%u.1/24 dev %s\n"
	                      "address add fd79:%u::1/64 dev %s nodad\n"
	                      "link set %s mtu %d up\n",
	                      p->n, name, p->n, name, name, MTU);
	if (ret)
		netns_discard_close(d);
	return ret;
}

void netns_discard_close(struct netns_discard *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}
