// The outer sockets, all on one port: one for each address family and queue, for data, whose
// descriptors are the queues' (queue.h); and one for each family for all that isn't data. The
// kernel parts them by a datagram's first byte, so that a flood of handshakes fills no socket that
// data is in.
#ifndef WGBENCH_UDP_H
#define WGBENCH_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device;

union udp_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

// One of our own addresses, and the interface that it was seen on. All zero: none.
struct udp_source {
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
	unsigned ifindex;
};

// Where a peer is, and from which of our own addresses it is reached (sticky source).
struct udp_endpoint {
	union udp_address remote;  // sa_family AF_UNSPEC: none known
	struct udp_source local;   // none: the routing table decides
	struct udp_source refused; // not to be learnt: the route leaves by another interface
};

struct udp {
	uint16_t port;    // bound, host order; 0 while closed
	int handshake[2]; // IPv4, IPv6; read by the control thread; -1: closed, or not parted
	struct udp_slots *slots; // what they are read into
	bool segment;            // UDP_SEGMENT works
	bool gro;                // UDP_GRO is on
	uint64_t again_at_ns;    // when what was refused in doubt is tried again; 0: nothing was
	unsigned refusals;       // how often it was
};

// UDP_GRO may make 64 KB of many datagrams; the rest is so that slots share no cache sets.
enum { UDP_HANDSHAKES = 32, UDP_SLOT_BYTES = 65536 + 192 };
struct udp_slots {
	uint8_t bytes[UDP_HANDSHAKES][UDP_SLOT_BYTES];
};

static inline socklen_t udp_address_bytes(const union udp_address *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

bool udp_address_equal(const union udp_address *, const union udp_address *);
bool udp_source_equal(const struct udp_source *, const struct udp_source *);
bool udp_source_known(const struct udp_source *);

// Takes where an authenticated message came from. Whether its source is new, to be looked up
// (route.h).
bool udp_learn(struct udp_endpoint *, const struct udp_endpoint *from);

// Before all else: none is open. 0 or -ENOMEM.
int udp_init(struct device *);
// Opens both families for each queue on `port` (0: any free one, the same for all) with the
// firewall mark. On failure the old sockets stay. 0 or -errno (EADDRINUSE). Control thread, path
// excluded.
int udp_open(struct device *, uint16_t port, uint32_t fwmark);
void udp_close(struct device *);
// Asks once more for what the kernel refused the open sockets, but may give by now. Control thread.
void udp_try_again(struct device *);
void udp_free(struct device *);
// Sets SO_MARK on what is open. 0 or -errno.
int udp_set_fwmark(struct device *, uint32_t fwmark);

// One recvmmsg of a socket for handshakes: what came is posted to the control thread, whose
// function this is. How many buffers, at most UDP_HANDSHAKES, or -errno.
int udp_receive_handshakes(struct device *, int fd);

// Sends one message to the endpoint by the first queue's socket, with the TOS byte. 0 or -errno.
// Any thread, inside the path.
int udp_send_one(struct device *, const struct udp_endpoint *, const void *message, size_t bytes,
                 uint8_t tos);

#endif
