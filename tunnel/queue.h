// A queue of the data path: one thread, with a queue of the TUN and outer sockets of its own.
// What queues share is the device's: tables, peers, workers, and the path lock that guards them.
//
// Order: a flow stays in order because it stays in one queue each way. In: the sockets share a port
// (SO_REUSEPORT) and one is picked by source address and port (sockets.c), so that one peer's
// datagrams come to one socket; what they carry is written to the same queue. Out: the kernel's TUN
// driver picks a queue by the flow's hash until packets of its other direction have been written,
// from then on the queue where that was. So a flow changes its queue once, when the first answer
// comes, and when its peer's outer address or port does; and a peer whose flows are answered is
// carried by one queue, while others go on in theirs.
#ifndef WGBENCH_QUEUE_H
#define WGBENCH_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include "tunnel/egress.h"
#include "tunnel/pool.h"

struct counters;
struct device;
struct mailbox;
struct lanes;
struct switches;
struct udp;

enum { QUEUES_MAX = 64 };

struct queue {
	_Alignas(64) struct device *device; // cache lines of its own
	struct counters *counters;
	unsigned index; // in device->queue
	int tun;        // its queue of the TUN; -1: none
	int udp[2];     // IPv4, IPv6, for data; -1: not open or the host has no such family
	struct mailbox *mailbox;   // for messages that are not data
	const struct udp *sockets; // what those of all queues have in common
	int epoll;
	int wake; // eventfd: look at device->stopping
	pthread_t thread;
	bool runs;
	bool starved; // in this turn there was no memory to read into
	// Submitted to since the last flush; none outside the path bracket.
	struct lanes *touched;
	struct pool pool;
	struct buffer *reading; // where the TUN's next frame goes, from `read_at` on; or NULL
	uint32_t read_at;
	uint64_t icmp_full_at_ns; // bucket of the errors to senders (icmp.c)
	struct egress egress;
};

// How many queues the switch stands for (0: by the machine) where `cpus` are online.
unsigned queue_count(unsigned wanted, long cpus);

// Its index, and what it shares with others, are set. Opens all but descriptors of the TUN and
// sockets. 0 or -errno: then there is nothing to close.
int queue_init(struct queue *, const struct switches *, struct pool_made *);
// Closes and frees everything; the thread has been stopped.
void queue_close(struct queue *);

// Watches a socket of this queue. 0 or -errno.
int queue_watch(struct queue *, int fd);

#endif
