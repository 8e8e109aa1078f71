// The control thread: one epoll loop over the UAPI socket, the link's netlink events, signals, the
// timers, the sockets for handshakes, and what the data path posts (events of peers, handshake
// messages). It's the only thread that changes configuration.
#ifndef WGBENCH_CONTROL_H
#define WGBENCH_CONTROL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "tunnel/messages.h"
#include "tunnel/udp.h"

struct device;
struct link;
struct peer;
struct route;
struct uapi_server;

// Something with a descriptor that the loop watches.
struct control_source {
	int fd;
	void (*ready)(struct device *, struct control_source *, uint32_t epoll_events);
};

enum { CONTROL_MESSAGES_MAX = 4096 };

struct control_message {
	uint16_t length;
	uint8_t bytes[MESSAGE_HANDSHAKE_MAX];
	struct udp_endpoint from;
};

struct control {
	int epoll;
	atomic_bool stop;
	atomic_int result;                  // of control_run()
	struct control_source posted;       // eventfd
	struct control_source handshake[2]; // udp.h's sockets
	struct control_source pause;        // timerfd: they are read on
	struct control_source timer;        // timerfd
	struct control_source clock;        // timerfd that wakes the loop when the machine resumes
	int64_t suspended_ns;               // how long the machine has slept since it booted
	struct control_source signals;
	struct uapi_server *uapi; // uapi_socket.c's; NULL: not open
	struct link *link;        // link.c's; likewise
	struct route *route;      // route.c's; likewise
	// What the path posted, under the lock: a list of peers, a ring of handshake messages.
	pthread_mutex_t lock;
	struct peer *events_first, **events_last;
	struct control_message *messages; // CONTROL_MESSAGES_MAX
	unsigned messages_first, messages_count;
	// Min-heap of peers by armed_at.
	struct peer **heap;
	size_t heap_count, heap_capacity;
};

// 0 or -errno.
int control_init(struct device *);
void control_destroy(struct device *);
// Runs until control_stop() or a fatal error: 0 or -errno.
int control_run(struct device *);
// Any thread.
void control_stop(struct device *);
// Any thread: the interface is gone; control_run() returns -EBADFD.
void control_fail(struct device *);
// Watches it, or from here on for other events (0: none), which can't fail. 0 or -errno.
int control_watch(struct device *, struct control_source *, uint32_t epoll_events);
// Reads handshakes from these sockets (IPv4, IPv6; -1: none) from now on. Those that are watched
// already can't fail. 0 or -errno.
int control_watch_handshakes(struct device *, const int fd[2]);
// Prints one line of JSON: {"offloads": {...}, "memory": {...}, "counters": {...}}; the offloads
// are those in effect, after what the kernel and the path refused. Control thread.
void control_print_counters(struct device *, FILE *);

// Any thread: posts `events` (enum peer_event) of the peer; holds a reference until handled.
// Cheap when they are posted already.
void control_post(struct peer *, unsigned events);
// Any thread: hands over a copy of a handshake or cookie message. false: the queue is full.
bool control_post_message(struct device *, const void *message, size_t bytes,
                          const struct udp_endpoint *from);

// UAPI (uapi.c, uapi_socket.c, uapi_file.c): the socket /var/run/wireguard/NAME.sock.
int uapi_open(struct device *); // 0 or -errno after a printed line; replaces a stale socket
void uapi_close(struct device *);

// The link (link.c): up, down and MTU, by rtnetlink, into whichever namespace it's moved.
// Opens the socket for link_open(). With CAP_NET_BROADCAST (needed here only) it hears of other
// namespaces too. The descriptor or -errno.
int link_socket(void);
// Takes over `socket`, which may be an error of link_socket()'s. 0 or -errno after a printed line.
int link_open(struct device *, int socket);
void link_close(struct device *);
// Sets the interface's MTU and its largest GSO size (0: leave). 0 or -errno.
int link_set(unsigned ifindex, unsigned mtu, unsigned gso_bytes_max);

#endif
