// Requests to the kernel by rtnetlink, in this process's network namespace.
#ifndef WGBENCH_NETLINK_H
#define WGBENCH_NETLINK_H

#include <libmnl/libmnl.h>

enum {
	NETLINK_REQUEST_BYTES = 256,
	NETLINK_REPLY_BYTES = 32768, // the most that the kernel sends at once
};

// Begins a request about a link in `buffer` (0: by another attribute than its index).
struct nlmsghdr *netlink_link(char buffer[NETLINK_REQUEST_BYTES], uint16_t type, int ifindex);
// Sends the request and hands each answer to `each` (NULL: none is expected). 0 or -errno.
int netlink_ask(struct nlmsghdr *, mnl_cb_t each, void *context);
// Sets the interface's MTU and its largest GSO size (0: leave). 0 or -errno.
int netlink_set_link(unsigned ifindex, unsigned mtu, unsigned gso_bytes_max);

#endif
