// The interface: everything that a tunnel has one of.
#ifndef WGBENCH_DEVICE_H
#define WGBENCH_DEVICE_H

#include <net/if.h>
#include <stdatomic.h>
#include "tunnel/clock.h"
#include "tunnel/cookie.h"
#include "tunnel/counters.h"
#include "tunnel/load.h"
#include "tunnel/lock.h"
#include "tunnel/loop.h"
#include "tunnel/mailbox.h"
#include "tunnel/queue.h"
#include "tunnel/peer.h"
#include "tunnel/switches.h"
#include "tunnel/tables.h"
#include "tunnel/timers.h"
#include "tunnel/tun.h"
#include "tunnel/udp.h"
#include "variants/hashtable/hashtable.h"

struct control;
struct intake;
struct link;
struct route;
struct uapi_server;

struct device {
	char name[IFNAMSIZ];
	struct switches switches;
	struct noise_identity identity;
	struct cookie_checker cookie_checker;
	struct load load;
	uint16_t listen_port; // as asked for or bound
	uint32_t fwmark;
	bool up;                  // the link is up and sockets are open: the path runs
	uint64_t listen_again_ns; // between attempts at a port that is taken

	struct lock lock; // of what the path reads
	struct tables tables;
	struct peer *peers;
	size_t peer_count;
	struct peer *route_next; // to be looked at by route.c; NULL: all have been
	uint8_t key_seed[HASHTABLE_SEED_BYTES];
	struct hashtable *by_key; // the control thread's alone
	struct tun tun;
	struct udp udp;
	struct workers *workers;

	struct loop loop;
	struct mailbox mailbox;
	struct timers timers;
	struct control *control;
	struct intake *intake;
	struct uapi_server *uapi; // NULL: not open
	struct link *link;        // likewise
	struct route *route;      // likewise
	struct counters counters;

	struct queue *queue; // each of the queues
	unsigned queues;     // at least 1; fixed from device_new() on
	atomic_bool stopping;
	struct pool_made made;
	atomic_uint batches_staged; // of them, waiting for a key pair
};

// Makes the TUN, tables, workers and control structures; no queue's thread runs yet. sysfs: of
// tun_sysfs(), or -1. 0 or -errno after a printed line.
int device_new(struct device **, const char *name, const struct switches *, int sysfs);
// The same without the TUN (as many queues as wanted): no root, no traffic.
int device_create(struct device **, const char *name, const struct switches *);
// Starts the queues' threads. 0 or -errno after a printed line.
int device_start(struct device *);
// Stops the threads, wipes keys, closes and frees everything.
void device_free(struct device *);

// The link went up (opens the sockets, sends persistent keepalives; what keeps it from that is
// printed, and the timers call it again) or down (closes them, drops sessions). 0 or -errno.
int device_up(struct device *);
int device_down(struct device *);
// The link is up, with sockets or without.
bool device_link_is_up(const struct device *);
// Opens the sockets, or others, on `port` and goes on from there. On failure all stays as it was. 0
// or -errno. Control thread, path excluded.
int device_listen(struct device *, uint16_t port, uint32_t fwmark);

// Sets the private key (all zero: none), recomputes every peer's static-static, drops all
// sessions, and removes a peer that has our own public key. With a key, what waited for one
// follows.
void device_set_private_key(struct device *, const uint8_t private_key[NOISE_KEY_BYTES]);

#endif
