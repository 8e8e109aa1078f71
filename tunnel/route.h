// Whether a peer's sticky source address is still that of the interface by which the route to the
// peer leaves; if not, it goes, as the kernel's WireGuard sees to on each send. Here that is looked
// up when something may have changed (reroute.c), for each new source and before each handshake
// message. Control thread.
#ifndef WGBENCH_ROUTE_H
#define WGBENCH_ROUTE_H

#include <stdint.h>

struct device;
struct endpoint;
struct mnl_socket;
struct peer;

struct route {
	struct mnl_socket *lookups;
	uint64_t looked_up; // how often
};

// Without it sources stay until sending from them fails. 0 or -errno.
int route_open(struct device *);
void route_close(struct device *);

// Looks the peer's source up, and refuses it where it doesn't fit.
void route_check(struct peer *);
// Likewise the source of one that isn't known to be any peer's.
void route_check_endpoint(struct device *, struct endpoint *);

#endif
