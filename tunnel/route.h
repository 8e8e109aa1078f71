// Sees to it that a peer's sticky source address goes when the route to the peer leaves by another
// interface than the one that the address was seen on, as the kernel's WireGuard does on each send.
// Here that is looked up when something may have changed: a route, rule, address or link of this
// network namespace, the source itself, and before each handshake message. All of it: control
// thread.
#ifndef WGBENCH_ROUTE_H
#define WGBENCH_ROUTE_H

struct device;
struct peer;
struct endpoint;

// Without it sources stay until sending from them fails. 0 or -errno after a printed line.
int route_open(struct device *);
void route_close(struct device *);

// Looks the peer's source up, and refuses it where it doesn't fit.
void route_check(struct peer *);
// Likewise the source of one that isn't known to be any peer's.
void route_check_endpoint(struct device *, struct endpoint *);

#endif
