// The outer sockets, all on one port: one for each address family and queue, for data, whose
// descriptors are the queues' (queue.h); and one for each family for all that isn't data. The
// kernel parts them by a datagram's first byte, so that a flood of handshakes fills no socket that
// data is in.
#ifndef WGBENCH_UDP_H
#define WGBENCH_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct endpoint;
struct queue;

struct udp {
	uint16_t port;     // bound, host order; 0 while closed
	int handshake[2];  // IPv4, IPv6; read by the control thread; -1: closed, or not parted
	bool segment;      // UDP_SEGMENT works
	bool gro;          // UDP_GRO is on
	unsigned refusals; // how often something was refused in doubt
};

// UDP_GRO may make 64 KB of many datagrams; the rest is so that slots share no cache sets.
enum { UDP_HANDSHAKES = 32, UDP_SLOT_BYTES = 65536 + 192 };
struct udp_slots {
	uint8_t bytes[UDP_HANDSHAKES][UDP_SLOT_BYTES];
};

// One recvmmsg of a socket for handshakes: what came goes to the mailbox. Control thread. How many
// buffers, at most UDP_HANDSHAKES, or -errno.
int udp_receive_handshakes(struct queue *, int fd, struct udp_slots *);

// Sends one message to the endpoint by the queue's socket, with the TOS byte. 0 or -errno.
// Any thread, inside the path.
int udp_send_one(struct queue *, const struct endpoint *, const void *message, size_t bytes,
                 uint8_t tos);

#endif
