// Everything that a tunnel has one of. Data only: a file that reads or counts something here does
// not depend on those that change it.
#ifndef WGBENCH_STATE_H
#define WGBENCH_STATE_H

#include <net/if.h>
#include <stdatomic.h>
#include "tunnel/cookie.h"
#include "tunnel/counters.h"
#include "tunnel/load.h"
#include "tunnel/lock.h"
#include "tunnel/loop.h"
#include "tunnel/mailbox.h"
#include "tunnel/pool.h"
#include "tunnel/switches.h"
#include "tunnel/tables.h"
#include "tunnel/timers.h"
#include "tunnel/tun.h"
#include "tunnel/udp.h"
#include "variants/hashtable/hashtable.h"

struct control;
struct intake;
struct link;
struct peer;
struct queue;
struct reroute;
struct route;
struct uapi_server;
struct workers;

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

	struct lock lock; // of what the path reads: tables, key pairs, sockets
	struct tables tables;
	struct peer *peers;
	size_t peer_count;
	struct peer *reroute_next; // to be looked at by reroute.c; NULL: all have been
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
	struct reroute *reroute;  // likewise
	struct counters counters;

	struct queue *queue; // each of the queues
	unsigned queues;     // at least 1; fixed from device_new() on
	atomic_bool stopping;
	struct pool_made made;
	atomic_uint batches_staged; // waiting for a key pair (staging.c)
};

#endif
