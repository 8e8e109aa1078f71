// Where a peer is, and from where it is reached. Pure functions.
#ifndef WGBENCH_ENDPOINT_H
#define WGBENCH_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>

union endpoint_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

// One of our own addresses, and the interface that it was seen on. All zero: none.
struct endpoint_source {
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
	unsigned ifindex;
};

// Where a peer is, and from which of our own addresses it is reached (sticky source).
struct endpoint {
	union endpoint_address remote;  // sa_family AF_UNSPEC: none known
	struct endpoint_source local;   // none: the routing table decides
	struct endpoint_source refused; // not to be learnt: the route leaves by another interface
};

static inline socklen_t endpoint_address_bytes(const union endpoint_address *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

bool endpoint_address_equal(const union endpoint_address *, const union endpoint_address *);
bool endpoint_source_equal(const struct endpoint_source *, const struct endpoint_source *);
bool endpoint_source_known(const struct endpoint_source *);

// Takes where an authenticated message came from. Whether its source is new, to be looked up
// (route.h).
bool endpoint_learn(struct endpoint *, const struct endpoint *from);

#endif
