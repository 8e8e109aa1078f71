// A queue of the data path: one thread, with a queue of the TUN and outer sockets of its own.
// Queues share what the path lock guards (device.h), the workers and the peers; a thread writes to
// no other queue's cache lines as long as it carries no other queue's packets.
//
// Order: a flow stays in order because it stays in one queue each way. Out: the kernel's TUN driver
// gives all packets of a flow to one queue, the one where packets of its other direction were last
// written, else one by the flow's hash. In: the sockets share a port (SO_REUSEPORT) and the kernel
// picks one by addresses and ports, so that one peer's datagrams come to one socket; what they
// carry is written to the same queue. A flow changes its queue only when its peer's outer address
// or port does.
#ifndef WGBENCH_PATH_H
#define WGBENCH_PATH_H

#include <pthread.h>
#include <stdbool.h>

struct batch;
struct device;
struct peer_lanes;

enum { PATHS_MAX = 64 };

struct path {
	struct device *device;
	unsigned index; // in device->paths
	int tun;        // its queue of the TUN; -1: none
	int udp[2];     // IPv4, IPv6; -1: not open or the host has no such family
	int epoll;
	int wake; // eventfd: look at device->stopping
	pthread_t thread;
	bool runs;
	struct peer_lanes
	    *touched; // submitted to since the last flush; empty outside the path bracket
	// Batches that nobody uses; any thread may put one back.
	pthread_mutex_t pool_lock;
	struct batch *pool;
};

// How many queues the switch stands for; 0: by the machine.
unsigned path_queues(unsigned wanted);

// Without descriptors of the TUN and sockets. 0 or -errno: then there is nothing to close.
int path_init(struct path *, struct device *, unsigned index);
// Closes and frees everything; the thread has been stopped.
void path_close(struct path *);

// Starts the thread, which moves packets until device->stopping. 0 or -errno.
int path_start(struct path *);
// Waits for the thread, if it runs; device->stopping is set.
void path_join(struct path *);

// Whoever submits to the lanes says so here, and sees to a flush before leaving the path bracket.
void path_touch(struct path *, struct peer_lanes *);
void path_flush(struct path *);

// Watches a socket of this queue. 0 or -errno.
int path_watch(struct path *, int fd);

#endif
