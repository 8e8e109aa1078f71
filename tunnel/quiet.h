// Keeps the kernel from sending packets of its own through the interface, as it does for its own
// WireGuard (wg_setup() and wg_open(), drivers/net/wireguard/device.c): ICMP redirects between
// peers, an IPv6 link-local address with its router solicitations, reports of multicast groups.
#ifndef WGBENCH_QUIET_H
#define WGBENCH_QUIET_H

// Below this MTU the kernel takes IPv6 off an interface, and forgets its settings and groups.
enum { QUIET_MTU_MIN = 1280 };

// Leaves and refuses multicast. The link must be down and have its MTU set again afterwards.
void quiet_leave_groups(unsigned ifindex);
// Turns off redirects (of the interface, and those of all that the kernel ORs with it) and the
// link-local address. What can't be is said, once. Control thread, or before there is one.
void quiet_set(const char *name, unsigned ifindex);
// The interface has been moved to another namespace, where it has that one's settings and this
// process has no right to change them. Says so, once.
void quiet_lost(const char *name);

#endif
